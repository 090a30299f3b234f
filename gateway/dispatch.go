package gateway

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"
)

// StreamID is a position in a destination's stream, "generation-sequence" in Redis,
// which refuses a position that is not larger than the last: a stale dispatcher cannot
// write. The generation rises after a loss.
type StreamID struct{ Generation, Sequence uint64 }

// Waiting is a recorded delivery that has no final evidence.
type Waiting struct {
	ID      string // delivery id
	Country Country
	Urgent  bool
	Wrapped string
	Expires time.Time
	Trace   string
	At      StreamID // zero if it was never placed
}

// Outbox is the journal as the dispatcher sees it. It selects by state, never by
// cursor, so that nothing is skipped after a crash.
type Outbox interface {
	// Next returns up to n recorded deliveries that may be placed now, those of the urgent
	// stream first, each in the order of receipt: not expired at now, and on the ordinary
	// stream none whose order key has an unfinished delivery before it. It may hold back
	// what would let too much lie in a stream.
	Next(ctx context.Context, c Country, now time.Time, n int) ([]Waiting, error)
	// Placed returns the deliveries that were placed and have no final evidence, in the
	// order of their positions, without what they carry: they may be many.
	Placed(ctx context.Context, c Country) ([]Waiting, error)
	// Place reserves the next position of its stream for each delivery, in a new
	// generation if raise is set, and returns them with it and with what they carry. All
	// are on disk before a stream sees one, so that no position is ever used for two
	// deliveries.
	Place(ctx context.Context, ws []Waiting, raise bool) ([]Waiting, error)
	// Finished returns the deliveries whose final evidence is recorded and whose stream
	// entries were not yet removed; Removed forgets their positions.
	Finished(ctx context.Context, c Country) ([]Waiting, error)
	Removed(ctx context.Context, ws []Waiting) error
}

// Streams is Redis as the dispatcher sees it: trusted with what is waiting, never with
// what happened.
type Streams interface {
	// Put appends the delivery at its position. The same delivery at the same position
	// again is no error: the first answer may have been lost. A position that is taken
	// or passed by another gives [ErrPassed].
	Put(ctx context.Context, w Waiting) error
	// Missing returns those of the placed deliveries that are not in their streams.
	Missing(ctx context.Context, c Country, placed []Waiting) ([]Waiting, error)
	// Remove deletes entries; one that is not there is no error.
	Remove(ctx context.Context, c Country, ws []Waiting) error
}

// ErrPassed says that a stream is past the position: something was lost or a second
// dispatcher wrote. The delivery needs a position in a new generation.
var ErrPassed = errors.New("stream is past this position")

// Dispatcher moves recorded deliveries into their destination's streams. One runs per
// destination; it alone writes deliveries to Redis.
type Dispatcher struct {
	Country Country
	Outbox  Outbox
	Streams Streams
	Log     *slog.Logger
	Now     func() time.Time
	// Wake is sent to when something was recorded. Without it the dispatcher looks once
	// a second.
	Wake <-chan struct{}
	// Reconcile is how often the streams are compared with the journal. Default 1 minute.
	Reconcile time.Duration
	// Sweep is how often the entries of finished deliveries are removed. Nothing waits for
	// that, so that many share one write. Default 100 milliseconds.
	Sweep time.Duration
	// Batch is how many deliveries are placed between two looks. Default 64.
	Batch int
}

// chores are when a dispatcher does next what it does not do every time. Zero: at once, as
// at the start and after every failure.
type chores struct{ reconcile, sweep time.Time }

// Run dispatches until ctx ends. Redis may be away for any time: it tries again with
// back-off, compares the streams with the journal when it is back, and needs no restart.
func (d *Dispatcher) Run(ctx context.Context) error {
	var (
		next  chores
		pause = newBackoff(50*time.Millisecond, 5*time.Second)
	)
	for ctx.Err() == nil {
		err := d.round(ctx, &next, cmp.Or(d.Batch, 64))
		wait := time.Second
		if err != nil && ctx.Err() == nil {
			next, wait = chores{}, pause.after()
			d.Log.Warn("dispatching", "country", string(d.Country), "err", err, "again_in", wait.String())
		} else {
			pause.reset()
		}
		d.sleep(ctx, wait, err == nil)
	}
	return nil
}

func (d *Dispatcher) sleep(ctx context.Context, wait time.Duration, wakeable bool) {
	t := time.NewTimer(wait)
	defer t.Stop()
	wake := d.Wake
	if !wakeable {
		wake = nil
	}
	select {
	case <-ctx.Done():
	case <-t.C:
	case <-wake:
	}
}

func (d *Dispatcher) round(ctx context.Context, next *chores, batch int) error {
	now := d.Now()
	if !now.Before(next.reconcile) {
		if err := d.reconcile(ctx, batch); err != nil {
			return err
		}
		next.reconcile = now.Add(cmp.Or(d.Reconcile, time.Minute))
	}
	if !now.Before(next.sweep) {
		if err := d.sweep(ctx); err != nil {
			return err
		}
		next.sweep = now.Add(cmp.Or(d.Sweep, 100*time.Millisecond))
	}
	for {
		ws, err := d.Outbox.Next(ctx, d.Country, d.Now(), batch)
		if err != nil {
			return err
		}
		if err := d.put(ctx, ws, false); err != nil {
			return err
		}
		if len(ws) < batch {
			return nil
		}
	}
}

// put places deliveries, all in one write of the outbox, and appends them; from the first
// whose position its stream has passed on, once more in a new generation.
func (d *Dispatcher) put(ctx context.Context, ws []Waiting, raise bool) error {
	for try := 0; len(ws) > 0; try++ {
		placed, err := d.Outbox.Place(ctx, ws, raise)
		if err != nil {
			return err
		}
		n, err := d.append(ctx, placed)
		if !errors.Is(err, ErrPassed) || try == 3 {
			return err
		}
		ws, raise = ws[n:], true
	}
	return nil
}

// append returns how many deliveries are in their streams.
func (d *Dispatcher) append(ctx context.Context, placed []Waiting) (int, error) {
	for i, w := range placed {
		if err := d.Streams.Put(ctx, w); err != nil {
			return i, err
		}
	}
	return len(placed), nil
}

// reconcile puts back what Redis lost: a delivery without final evidence whose entry is
// gone. Entries are removed by this dispatcher alone, and only after final evidence, so
// an entry that is not there was lost, or never written before a crash.
func (d *Dispatcher) reconcile(ctx context.Context, batch int) error {
	placed, err := d.Outbox.Placed(ctx, d.Country)
	if err != nil || len(placed) == 0 {
		return err
	}
	missing, err := d.Streams.Missing(ctx, d.Country, placed)
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(missing, batch) {
		if err := d.put(ctx, chunk, true); err != nil {
			return err
		}
	}
	if len(missing) > 0 {
		d.Log.Warn("put back lost deliveries", "country", string(d.Country), "count", len(missing))
	}
	return nil
}

// sweep removes the entries of deliveries that are finished.
func (d *Dispatcher) sweep(ctx context.Context) error {
	done, err := d.Outbox.Finished(ctx, d.Country)
	if err != nil || len(done) == 0 {
		return err
	}
	for chunk := range slices.Chunk(done, 256) {
		if err := d.Streams.Remove(ctx, d.Country, chunk); err != nil {
			return err
		}
		if err := d.Outbox.Removed(ctx, chunk); err != nil {
			return err
		}
	}
	return nil
}
