// Package api is the door for parties: HTTP in front of the gateway's verbs.
//
// A handler reads, calls one verb and writes. What it may read is bounded before anything
// is parsed, who may call is declared beside every route and denied otherwise, and one
// function turns errors into application/problem+json (RFC 9457). The receipt of a message
// is the body of its 202, byte for byte what the journal holds, now and every time the
// same message comes again.
//
// openapi.yaml describes every route and is held against real answers by a test.
package api
