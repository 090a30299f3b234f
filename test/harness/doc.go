// Package harness puts a whole region around one test: gateway and adapters as real
// processes, a real redis-server, keys and a directory of its own, and national systems
// that misbehave on request.
//
// A test sends, kills, restarts; at its end [Region.Check] always runs and asks what must
// be true of every region whatever happened: each message that was received has ended,
// with one effect at its destination and evidence that proves it; order was kept within
// each thread; and no canary is where it must not be.
package harness
