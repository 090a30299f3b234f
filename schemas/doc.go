// Package schemas holds what a message may say: the table of types (types.csv), the
// frames, the blocks and the code lists, and the validation that is derived from them.
//
// People write types.csv, frames/, blocks/, codes/ and examples/. From these, go generate
// makes generated/ (a draft-07 schema for each type and block, skeletons) and reference/
// (a page for each type); a test fails where they differ. The generated schemas are flat
// and refer to nothing: a validator that never follows a reference cannot be sent
// anywhere.
//
// Three rules hold for every schema, each by a test. No string that the gateway can read
// is free text: it is a code, a format or an anchored pattern of at most 40 characters.
// Every member has a sensitivity class (x-class), and every part that can be left out of
// a message on its own is a unit (x-unit). No keyword stands there that the validator
// would ignore.
//
// A refusal names the place by a JSON Pointer that stops at the deepest member that the
// schema knows by name, and never repeats a value or a key of the message.
package schemas

//go:generate go run ./gen
