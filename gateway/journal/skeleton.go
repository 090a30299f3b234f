package journal

import (
	"context"
	"errors"
	"time"

	"example.org/trm/gateway"
)

var errSoon = errors.New("opening journal: being built")

// Journal is safe for concurrent use. Open makes one; Close ends it.
type Journal struct{}

// Open opens or creates the journal at path.
func Open(path string, o Options) (*Journal, error) { return nil, errSoon }

// Close ends the journal.
func (j *Journal) Close() error { return errSoon }

// Status finds a message.
func (j *Journal) Status(ctx context.Context, id gateway.MessageID) (Status, bool, error) {
	return Status{}, false, errSoon
}

// Pair finds the message that got a number.
func (j *Journal) Pair(ctx context.Context, n gateway.PairNumber) (Status, bool, error) {
	return Status{}, false, errSoon
}

func (j *Journal) Find(ctx context.Context, id gateway.MessageID) (gateway.Recorded, bool, error) {
	return gateway.Recorded{}, false, errSoon
}
func (j *Journal) Receive(ctx context.Context, id gateway.MessageID, thread string, from, to gateway.Country, record func(gateway.Slot) (gateway.Record, error)) (gateway.Recorded, error) {
	return gateway.Recorded{}, errSoon
}
func (j *Journal) Next(ctx context.Context, c gateway.Country, now time.Time, n int) ([]gateway.Waiting, error) {
	return nil, errSoon
}
func (j *Journal) Placed(ctx context.Context, c gateway.Country) ([]gateway.Waiting, error) {
	return nil, errSoon
}
func (j *Journal) Place(ctx context.Context, w gateway.Waiting, raise bool) (gateway.StreamID, error) {
	return gateway.StreamID{}, errSoon
}
func (j *Journal) Finished(ctx context.Context, c gateway.Country) ([]gateway.Waiting, error) {
	return nil, errSoon
}
func (j *Journal) Removed(ctx context.Context, ws []gateway.Waiting) error { return errSoon }
func (j *Journal) Case(ctx context.Context, delivery string) (gateway.Case, bool, error) {
	return gateway.Case{}, false, errSoon
}
func (j *Journal) Testimony(ctx context.Context, c gateway.Case, e gateway.Evidence) error {
	return errSoon
}
func (j *Journal) Lapsed(ctx context.Context, t time.Time, n int) ([]gateway.Case, error) {
	return nil, errSoon
}
