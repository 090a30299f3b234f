// Package adapters is the country's side of the exchange: what stands between the
// gateway and a national case system.
//
// Inwards, an [Adapter] takes a delivery from its country's queue, opens and proves it,
// writes its intent into its own journal, hands each role's view to a [Transport], and
// signs what became of it. Only then does it let the queue go on. The order is fixed,
// because each step is what the one before it would be repeated from:
//
//	take ▸ open ▸ journal ▸ attempt ▸ outcome and evidence, one transaction ▸ testify ▸ acknowledge
//
// Outwards, plain JSON from the national system becomes a sealed and signed envelope that
// is stored before it is first sent, and is sent again, the same bytes, until the gateway
// has given its signed answer.
//
// # Promises
//
// At least once, effect once: a crash anywhere repeats a step, and a [Transport] takes
// effect once for a [Consignment.Key].
//
// No delivery starts when less than one attempt's time is left before its exp; what cannot
// be delivered ends with signed evidence that says why.
//
// A delivery that cannot be taken holds its own thread and nothing else.
//
// Whoever was told something can be told that it was wrong, recalled, or no longer agreed
// to: [Adapter.SendChange] finds every past recipient in the journal and stores one message
// to each before any leaves.
//
// The journal holds ids, times, digests, evidence, envelopes that are sealed and, of each
// message, the coded facts that its conversation needs, until retention; what a transport
// was given is in the national system and nowhere else.
package adapters
