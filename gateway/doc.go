// Package gateway holds the words of the exchange and its verbs.
//
// A coordinator office in one country refers a person to an office in another by sending
// one signed message. What happens to it is the order of the types here, which only
// their constructors can make:
//
//	Envelope    bytes that nobody has checked                    [Received]
//	Message     origin, time and shape are proven                [Open]
//	Delivery    what policy lets leave, and nothing else         [Minimise]
//	Bound       signed by the gateway and closed for one reader  [Binder]
//	Evidence    a signed statement of what happened to it        [Testify], [Witnessed]
//
// and four verbs move it: [Receiver.Accept] takes a submission and answers with a signed
// receipt, [Dispatcher.Run] puts recorded deliveries into their destination's stream,
// [Collector.Collect] takes the recipient's evidence, and [Timekeeper.Run] signs when the
// time of an answer that is owed runs out.
//
// # Four promises
//
// Received is durable: after an [Answer] without error the message is delivered, or
// visibly failed or expired with signed evidence, whatever crashes.
//
// Receiving is idempotent: the same envelope gets the same answer, byte for byte; another
// envelope with its sender and id gets "id-reused".
//
// At least once, effect once: a delivery may be attempted twice, the national system
// takes effect once, and order is kept within a thread on the ordinary stream.
//
// The gateway cannot read, and forgets: it sees the head and coded, pseudonymous parts,
// in memory. What identifies or harms is sealed to the role that needs it; what is stored
// beyond head and thread facts only the destination can open; the list of what was
// withheld only the sender and its auditor.
//
// This package imports the standard library only. Signatures, schemas, policy, storage
// and queues are asked through the interfaces declared here, beside their use.
package gateway
