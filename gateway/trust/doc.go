// Package trust says who may speak.
//
// The directory is one numbered document that k of n national coordinators sign: parties
// and their keys, what each role may receive, whom to telephone, and what each pair of
// countries agreed. [Open] makes a [Directory] of it; a [Register] follows one directory
// with the next and remembers, also after a restart, what it has seen; [Live] holds the
// one in force for everybody who looks something up.
//
// Beside the directory stand small signed statements, because some things must not wait
// for four countries: a party revokes its own key and changes its own contacts, either
// side switches off its pair ([Statement]), and any two coordinators confirm every day
// that this directory is still the newest ([Confirmation]).
//
// What is trusted: the coordinators' directory keys that the pins name, and the clock.
// Nothing in a document is believed before k of them were verified over its exact bytes.
package trust
