// Package schemas holds what a message may say: the table of types, the frames, the
// blocks and the code lists, and the validation that is derived from them.
package schemas
