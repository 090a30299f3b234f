package gateway

import "time"

// Events that are about no delivery, or not about what happened to it: what its operator
// and its coordinators did with the gateway itself. Each is an entry of the log.
const (
	DirectoryInForce Event = "DirectoryInForce" // a directory came into force
	PolicyInForce    Event = "PolicyInForce"    // rules of minimisation came into force
	SchemasInForce   Event = "SchemasInForce"   // schemas and code lists came into force
	StatementTaken   Event = "StatementTaken"   // an office said something over the directory: a revocation, contacts, a switched-off pair
	Purged           Event = "Purged"           // what opened earlier entries was destroyed
	Held             Event = "Held"             // a message is kept beyond its retention
	Released         Event = "Released"         // and is no longer
	Overridden       Event = "Overridden"       // a person set a rule aside
	Redriven         Event = "Redriven"         // an operator ordered another attempt
	OriginSucceeded  Event = "OriginSucceeded"  // this log goes on where another ended: its first entry
)

// Deed is what an administrative entry opens to: codes, numbers and digests, never a word
// about a person.
type Deed struct {
	Event  Event     `json:"event"`
	At     time.Time `json:"at"`               // whole seconds of UTC
	Number int64     `json:"number,omitempty"` // of a directory or a purge
	Digest string    `json:"digest,omitempty"` // of what came into force, or of a list
	Reason Code      `json:"reason,omitempty"`
	By     Party     `json:"by,omitempty"` // who did it
	// Of and Checkpoint are a succession's: the origin that ended, and its last signed
	// checkpoint that is known, as text.
	Of         string `json:"of,omitempty"`
	Checkpoint string `json:"checkpoint,omitempty"`
}

// LogRow is an entry that waits for its place in the log.
type LogRow struct {
	Seq        int64 // the order of recording
	Event      Event
	Pair       PairNumber
	Commitment []byte
	Withheld   []byte // nil where nothing was decided
}

// LogHead is how far a log has come.
type LogHead struct {
	Origin string
	Size   int64
}

// LogGrowth is what a batch of rows adds to a log: a leaf for each, in their order, and
// the hashes that follow those stored already (tlog.StoredHashIndex orders them).
type LogGrowth struct {
	Leaves [][]byte
	Hashes [][32]byte
	At     int64 // the index of the first of Hashes
}

// LogEntry is an entry of the log with what opens it.
type LogEntry struct {
	Event  Event
	Origin string // of the log that it stands in, empty while it waits for its place
	Index  int64  // in that log, from 0
	Leaf   []byte // its bytes there, nil while it waits
	// Opening is what the entry commits to, exactly, with its nonce. Both are gone once
	// retention has ended.
	Opening []byte
	Nonce   []byte
	// Concealed is what an acceptance commits to apart, with its nonce: for the sender
	// and its auditor alone.
	Concealed      []byte
	ConcealedNonce []byte
}
