// Package ledger keeps the log that nobody can rewrite: a Merkle tree over one entry for
// each thing that happened, in the forms of C2SP.
//
//	Entry       what a leaf says: event, pair, number, commitment  [Entry], [ParseEntry]
//	Checkpoint  size and root, signed by the log                   [Checkpoint], tlog-checkpoint
//	Policy      whose cosignatures it needs                        package quorum, tlog-policy
//	Proof       an entry is in a witnessed checkpoint              [Proof], tlog-proof
//	Tiles       what auditors read                                 [Log.Tile], tlog-tiles
//
// # What it promises
//
// Every entry that the journal committed gets one place, exactly one, in the order of its
// outbox. A checkpoint is signed only after what it covers is on disk, and never one that
// contradicts an earlier one: the last is also kept outside the database ([Guard]). An
// outage of witnesses stops no message: what they have not cosigned is pending.
//
// An entry tells nothing about a person: what was said lies in its opening, in the journal,
// and goes to those who may read it.
package ledger
