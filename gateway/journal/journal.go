// Package journal records what was exchanged: every message's answer, its delivery, the
// evidence about it, and the outbox of the log, in one SQLite database.
//
// It implements [gateway.Journal], [gateway.Outbox] and [gateway.Book]. Once a method
// returns without error, what it wrote is on disk; an error means that nothing was
// written, or, where the disk failed in the middle of a commit, that it may have been:
// asking again under the same id settles it.
//
// Of a person it holds nothing but the head's pseudonymous ids and the thread's facts:
// deliveries are closed for their destination, decisions for the sender and its auditor.
package journal

import (
	"log/slog"
	"time"

	"example.org/trm/gateway"
)

// Options of a journal. Origin must be given.
type Options struct {
	// Origin is the log origin of the running year, within which pairs are numbered.
	Origin string
	// Log is where trouble is reported. Default: nowhere.
	Log *slog.Logger
	// Now is the clock. Default: the system's.
	Now func() time.Time
	// Recorded is called after a commit that may let a delivery to the country be
	// placed: it wakes that dispatcher. It must not block.
	Recorded func(gateway.Country)
}

// Status is what a message's correspondents may know of it.
type Status struct {
	Message    gateway.MessageID
	Audience   gateway.Party
	State      gateway.State
	Late       bool // delivered in time, but the evidence came after the gateway had given up
	ReceivedAt time.Time
	Expires    time.Time
	Pair       gateway.PairNumber // zero on a refusal
	Delivery   string             // empty on a refusal
	Evidence   []string           // every signed statement, in the order of recording; the answer is the first
	Sender     string             // the concealed decision, for the sender
	Auditor    string             // the same, for its auditor
	Refused    *gateway.Problem
}

var (
	_ gateway.Journal = (*Journal)(nil)
	_ gateway.Outbox  = (*Journal)(nil)
	_ gateway.Book    = (*Journal)(nil)
)
