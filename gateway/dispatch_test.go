package gateway_test

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.org/trm/gateway"
)

// shelf is an outbox and a stream in one, with faults that can be switched on.
type shelf struct {
	rows       []*row
	generation uint64
	sequence   uint64
	stream     map[gateway.StreamID]string
	last       gateway.StreamID
	down       bool // Redis does not answer
	loseReply  bool // the next Put happens, but its answer is lost
	puts       int
	sweeps     int // times that something was removed

	mu sync.Mutex // guards all of it while a dispatcher runs
}

// hold locks the shelf and returns what unlocks it.
func (s *shelf) hold() func() {
	s.mu.Lock()
	return s.mu.Unlock
}

type row struct {
	gateway.Waiting
	placed, finished, removed bool
}

func (s *shelf) add(id string) {
	s.rows = append(s.rows, &row{Waiting: gateway.Waiting{ID: id, Country: "rs", Wrapped: "w", Expires: noon.AddDate(100, 0, 0)}})
}

func (s *shelf) find(id string) *row {
	return s.rows[slices.IndexFunc(s.rows, func(r *row) bool { return r.ID == id })]
}

func (s *shelf) Next(_ context.Context, _ gateway.Country, _ time.Time, n int) ([]gateway.Waiting, error) {
	defer s.hold()()
	var out []gateway.Waiting
	for _, r := range s.rows {
		if !r.placed && len(out) < n {
			out = append(out, r.Waiting)
		}
	}
	return out, nil
}

func (s *shelf) Placed(context.Context, gateway.Country) ([]gateway.Waiting, error) {
	defer s.hold()()
	var out []gateway.Waiting
	for _, r := range s.rows {
		if r.placed && !r.finished {
			out = append(out, r.Waiting)
		}
	}
	return out, nil
}

func (s *shelf) Place(_ context.Context, ws []gateway.Waiting, raise bool) ([]gateway.Waiting, error) {
	defer s.hold()()
	if raise || s.generation == 0 {
		s.generation, s.sequence = s.generation+1, 0
	}
	var out []gateway.Waiting
	for _, w := range ws {
		s.sequence++
		r := s.find(w.ID)
		r.placed, r.At = true, gateway.StreamID{Generation: s.generation, Sequence: s.sequence}
		out = append(out, r.Waiting)
	}
	return out, nil
}

func (s *shelf) Finished(context.Context, gateway.Country) ([]gateway.Waiting, error) {
	defer s.hold()()
	var out []gateway.Waiting
	for _, r := range s.rows {
		if r.finished && !r.removed {
			out = append(out, r.Waiting)
		}
	}
	return out, nil
}

func (s *shelf) Removed(_ context.Context, ws []gateway.Waiting) error {
	defer s.hold()()
	s.sweeps++
	for _, w := range ws {
		s.find(w.ID).removed = true
	}
	return nil
}

var errDown = errors.New("connection refused")

func (s *shelf) Put(_ context.Context, w gateway.Waiting) error {
	defer s.hold()()
	if s.down {
		return errDown
	}
	if s.stream[w.At] == w.ID {
		return nil
	}
	if cmp.Or(cmp.Compare(w.At.Generation, s.last.Generation), cmp.Compare(w.At.Sequence, s.last.Sequence)) <= 0 {
		return gateway.ErrPassed
	}
	s.puts++
	s.last, s.stream[w.At] = w.At, w.ID
	if s.loseReply {
		s.loseReply = false
		return errDown
	}
	return nil
}

func (s *shelf) Missing(_ context.Context, _ gateway.Country, placed []gateway.Waiting) ([]gateway.Waiting, error) {
	defer s.hold()()
	if s.down {
		return nil, errDown
	}
	var out []gateway.Waiting
	for _, w := range placed {
		if s.stream[w.At] != w.ID {
			out = append(out, w)
		}
	}
	return out, nil
}

func (s *shelf) Remove(_ context.Context, _ gateway.Country, ws []gateway.Waiting) error {
	defer s.hold()()
	for _, w := range ws {
		delete(s.stream, w.At)
	}
	return nil
}

// dispatch runs a dispatcher over the shelf for a while of fake time.
func dispatch(t *testing.T, s *shelf, play func()) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		d := gateway.Dispatcher{Country: "rs", Outbox: s, Streams: s, Log: slog.New(slog.DiscardHandler), Now: time.Now}
		done := make(chan error)
		go func() { done <- d.Run(ctx) }()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if play != nil {
			release := s.hold()
			play()
			release()
			time.Sleep(2 * time.Minute)
			synctest.Wait()
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func (s *shelf) waiting() []string {
	var ids []gateway.StreamID
	for id := range s.stream {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b gateway.StreamID) int {
		return cmp.Or(cmp.Compare(a.Generation, b.Generation), cmp.Compare(a.Sequence, b.Sequence))
	})
	var out []string
	for _, id := range ids {
		out = append(out, s.stream[id])
	}
	return out
}

func newShelf(ids ...string) *shelf {
	s := &shelf{stream: map[gateway.StreamID]string{}}
	for _, id := range ids {
		s.add(id)
	}
	return s
}

func wantWaiting(t *testing.T, s *shelf, want ...string) {
	t.Helper()
	if got := s.waiting(); !slices.Equal(got, want) {
		t.Errorf("the stream holds %v, want %v", got, want)
	}
}

func TestRecordedDeliveriesReachTheStreamInOrder(t *testing.T) {
	t.Parallel()
	s := newShelf("a", "b", "c")
	dispatch(t, s, nil)
	wantWaiting(t, s, "a", "b", "c")
}

func TestRedisThatWasAwayIsFilledWithoutARestart(t *testing.T) {
	t.Parallel()
	s := newShelf("a", "b")
	s.down = true
	dispatch(t, s, func() {
		wantWaiting(t, s)
		s.down = false
	})
	wantWaiting(t, s, "a", "b")
}

func TestLostReplyDoesNotPutTwice(t *testing.T) {
	t.Parallel()
	s := newShelf("a")
	s.loseReply = true
	dispatch(t, s, nil)
	wantWaiting(t, s, "a")
	if s.puts != 1 {
		t.Errorf("put %d times", s.puts)
	}
}

func TestLostEntriesComeBackInANewGeneration(t *testing.T) {
	t.Parallel()
	s := newShelf("a", "b")
	dispatch(t, s, func() {
		s.stream, s.last = map[gateway.StreamID]string{}, gateway.StreamID{}
		s.add("c")
	})
	if got := s.waiting(); !slices.Contains(got, "a") || !slices.Contains(got, "b") || !slices.Contains(got, "c") {
		t.Errorf("the stream holds %v", got)
	}
	if s.generation < 2 {
		t.Error("the generation did not rise after a loss")
	}
}

func TestPassedPositionMovesToANewGeneration(t *testing.T) {
	t.Parallel()
	s := newShelf("a")
	s.last = gateway.StreamID{Generation: 7, Sequence: 9} // somebody else wrote
	s.generation = 7
	dispatch(t, s, nil)
	wantWaiting(t, s, "a")
}

func TestFinishedDeliveriesLeaveTheStream(t *testing.T) {
	t.Parallel()
	s := newShelf("a", "b")
	dispatch(t, s, func() { s.find("a").finished = true })
	wantWaiting(t, s, "b")
}

// Each removal is a write that is flushed, and receiving would wait for it.
func TestDeliveriesThatFinishTogetherLeaveInOneWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ids := []string{"a", "b", "c", "d", "e"}
		s := newShelf(ids...)
		wake := make(chan struct{})
		d := gateway.Dispatcher{Country: "rs", Outbox: s, Streams: s, Log: slog.New(slog.DiscardHandler), Now: time.Now, Wake: wake}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()
		for _, id := range ids {
			synctest.Wait()
			unlock := s.hold()
			s.find(id).finished = true
			unlock()
			wake <- struct{}{}
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		wantWaiting(t, s)
		if s.sweeps != 1 {
			t.Errorf("removed in %d writes", s.sweeps)
		}
	})
}
