// Package envelope is the signed message that can lose parts and still be verified: an
// SD-JWT (RFC 9901) in flattened JWS JSON serialisation (RFC 7515, Section 7.2.2), and
// everything else of the exchange that is signed or encrypted.
//
// # What is on the wire
//
//	{"payload":"...","protected":"...","signature":"...",
//	 "header":{"disclosures":["..."],"kb_jwt":"..."}}
//
// The payload holds the head and, in "_sd", one digest for every unit. A unit is a block
// ("subject"), a field of a clear block ("subject/decidedBy") or a block sealed to a role
// ("health@child-protection"). Its content is in a disclosure, which anybody on the way
// can leave out: what stays is still what the origin signed. What the gateway released it
// signs itself, in "kb_jwt", so that a recipient notices if somebody left out one more.
//
// # Who does what here
//
//	sender     [Seal], [Sign], [Drop]
//	gateway    [Codec], [Binder], [Notary]
//	recipient  [Unwrap], [Codec], [CheckBinding], [Unseal]
//	callers    [SignAssertion], [ReadAssertion], [CheckAssertion]
//
// # What is trusted
//
// The arithmetic is jwx's and the standard library's; jwx is imported nowhere else. What
// jwx accepts that it should not (duplicate names, crit, b64, padding, several
// signatures, trailing data) never reaches it: every byte from outside is read by the
// strict decoder of this package first, headers are closed lists, and the algorithm is
// the one that the directory lists for the key, never the one that a header prefers.
// An ES256 signature has a twin, (r, n−s), that JWS allows and this package too: no
// identity rests on the bytes of a signature alone, see [gateway.Digest].
//
// Whatever the decoder refuses is a *gateway.Problem. Its pointer points into the
// processed message ("/iss") or, for faults of form, into the envelope as sent
// ("/protected/alg", "/header/disclosures/3"); neither it nor its hint repeats anything
// that the sender wrote.
package envelope
