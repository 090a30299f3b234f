// Package envelope is the signed message: strict decoding, selective disclosure,
// sealing, binding, wrapping.
package envelope
