// Package incoming opens what the gateway delivered and says what each role of the
// country may see of it.
//
// A delivery is believed in this order, and nothing of it is shown before the last step:
// it opens with a key of the party that it is for; the origin signed it; the gateway
// signed that it released exactly what is here, to this party, as this delivery; it
// follows its type, as of the time of the gateway's receipt; and every sealed part opens
// with the key of the role that it names, for that role alone, and holds what its schema
// allows and nothing more.
//
// The recipient of a message learns the names of the parts that are sealed to other roles
// and nothing else about them. They are there in every message of the type, so that a
// part with something in it and one with nothing look alike.
//
// The package does no I/O and keeps no state. What it refuses is a *gateway.Problem. No
// error holds a value of the message.
package incoming
