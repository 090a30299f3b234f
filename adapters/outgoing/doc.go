// Package outgoing is a country's way out: of plain JSON that an officer's system writes
// it makes first a preview of what each role at the other end will see, and then a sealed
// and signed envelope.
//
// Both go through the checks that the gateway makes, over the bytes that it would get and
// with the same policy: what a preview says will leave is what leaves, and what the
// gateway would refuse is refused here, before anything left the country. What policy
// withholds is left out here already. The gateway withholds it again, for everybody.
//
// The package does no I/O and keeps no state. A draft holds names and health data in the
// plain: neither it nor a preview puts a value into an error or a log.
package outgoing
