package journaltest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal"
)

func feed(w *world) {
	m, other := message{id: "m-1"}, message{id: "m-2", from: "me"}
	receipt := w.receive(m).Answer.Receipt
	w.receive(other)
	w.finish(other)
	w.finish(m)
	read := func(after int64, n int) []journal.Event {
		w.Helper()
		got, err := w.Events(w.Context(), "ba/coordinator", after, n)
		if err != nil {
			w.Fatal(err)
		}
		return got
	}
	all := read(0, 10)
	if len(all) != 2 || all[0].Event != gateway.SubmissionAcceptance || all[0].JWS != string(receipt) ||
		all[1].Event != gateway.ContentConsignment || all[1].Message != told(m).name() || all[1].JWS == "" {
		w.Fatalf("the feed is %+v", all)
	}
	// In between somebody else's message was received and delivered, of which cursors must
	// not tell.
	if all[0].Cursor != 1 || all[1].Cursor != 2 {
		w.Errorf("the cursors are %d and %d, want the party's own count", all[0].Cursor, all[1].Cursor)
	}
	if got := read(0, 1); !slices.Equal(got, all[:1]) {
		w.Errorf("of one, got %+v", got)
	}
	if got := read(all[0].Cursor, 10); !slices.Equal(got, all[1:]) {
		w.Errorf("after the first, got %+v", got)
	}
	if got := read(all[1].Cursor, 10); got != nil {
		w.Errorf("at the end, got %+v", got)
	}
	w.reopen()
	if err := w.testimony(m, "read", gateway.ContentHandover, nil); err != nil {
		w.Fatal(err)
	}
	if got := read(all[1].Cursor, 10); len(got) != 1 || got[0].Event != gateway.ContentHandover || got[0].Cursor != 3 {
		w.Errorf("after reopening, got %+v", got)
	}
	refused := told(message{id: "m-3"})
	if _, err := w.give(refused, func(gateway.Slot) (gateway.Record, error) {
		return w.refusal(refused, gateway.Refuse(gateway.CodePolicy, "", "")), nil
	}); err != nil {
		w.Fatal(err)
	}
	if got := read(all[1].Cursor, 10); len(got) != 2 || got[1].Event != gateway.SubmissionRejection {
		w.Errorf("with a refusal, got %+v", got)
	}
}

func backlogs(w *world) {
	list := func() []journal.Backlog {
		w.Helper()
		got, err := w.Backlogs(w.Context())
		if err != nil {
			w.Fatal(err)
		}
		return got
	}
	if got := list(); got != nil {
		w.Errorf("of an empty journal, got %+v", got)
	}
	w.receive(message{id: "m-1", urgent: true})
	w.now = noon.Add(time.Minute)
	w.receive(message{id: "m-2"})
	w.place("rs", false)
	w.receive(message{id: "m-3"})
	w.receive(message{id: "m-4", to: "al"})
	if got, want := list(), []journal.Backlog{
		{Country: "al", Waiting: 1, Oldest: noon.Add(time.Minute)}, {Country: "rs", Waiting: 1, Placed: 2, Oldest: noon},
	}; !slices.Equal(got, want) {
		w.Errorf("got %+v, want %+v", got, want)
	}
	w.finish(message{id: "m-1"})
	w.finish(message{id: "m-4", to: "al"})
	if got, want := list(), []journal.Backlog{{Country: "rs", Waiting: 1, Placed: 1, Oldest: noon.Add(time.Minute)}}; !slices.Equal(got, want) {
		w.Errorf("got %+v, want %+v", got, want)
	}
}

func forgotten(w *world) {
	for _, id := range []string{"placed", "swept", "never placed", "unfinished"} {
		w.receive(message{id: id})
		if id == "never placed" {
			w.finish(message{id: id}) // as a lapse does
		}
	}
	at := w.place("rs", false)
	w.finish(message{id: "placed"})
	w.finish(message{id: "swept"})
	if err := w.Removed(w.Context(), []gateway.Waiting{at["swept"]}); err != nil {
		w.Fatal(err)
	}
	forget := func(t time.Time, n, want int) {
		w.Helper()
		if got, err := w.Forget(w.Context(), t, n); err != nil || got != want {
			w.Errorf("forgot %d, %v; want %d", got, err, want)
		}
	}
	forget(noon, 10, 0) // they ended at noon
	forget(noon.Add(time.Second), 1, 1)
	forget(noon.Add(time.Second), 10, 1)
	forget(noon.Add(time.Second), 10, 0)
	// What is still in its stream can be put back.
	if x := w.raise(at["placed"]); x.Wrapped != "wrapped placed" {
		w.Errorf("what is still in its stream was forgotten: %+v", x)
	}
	if x, err := w.Place(w.Context(), []gateway.Waiting{bare(at["swept"])}, false); err == nil {
		w.Errorf("what was forgotten is placed: %+v", x)
	}
	if s := w.status(message{id: "swept"}); s.State != gateway.StateDelivered || len(s.Evidence) != 2 {
		w.Errorf("the proof is forgotten too: %+v", s)
	}
}

func leases(w *world) {
	lease := func(holder string, term time.Duration) (int64, bool) {
		w.Helper()
		fence, held, err := w.Lease(w.Context(), "dispatch rs", holder, term)
		if err != nil {
			w.Fatal(err)
		}
		return fence, held
	}
	first, held := lease("a", time.Minute)
	if !held || first == 0 {
		w.Fatalf("the first got %v, fence %d", held, first)
	}
	if _, held := lease("b", time.Minute); held {
		w.Error("two hold it")
	}
	if _, held, err := w.Lease(w.Context(), "dispatch me", "b", time.Minute); !held || err != nil {
		w.Errorf("another lease: %v, %v", held, err)
	}
	w.now = w.now.Add(30 * time.Second)
	if again, held := lease("a", time.Minute); !held || again != first {
		w.Errorf("renewing got %v, fence %d after %d", held, again, first)
	}
	w.now = w.now.Add(45 * time.Second)
	if _, held := lease("b", time.Minute); held {
		w.Error("a renewed lease was given away")
	}
	w.now = w.now.Add(15 * time.Second)
	second, held := lease("b", time.Minute)
	if !held || second <= first {
		w.Errorf("after the term, got %v, fence %d after %d", held, second, first)
	}
	if _, held := lease("a", time.Minute); held {
		w.Error("the old holder has it too")
	}
	w.reopen()
	if _, held := lease("a", time.Minute); held {
		w.Error("reopening ended the lease")
	}
	if _, held := lease("b", 0); held {
		w.Error("a lease that was given back is held")
	}
	if third, held := lease("a", time.Minute); !held || third <= second {
		w.Errorf("after it was given back, got %v, fence %d after %d", held, third, second)
	}
}

func alone(w *world) {
	j := w.clocked()
	var running, most, runs atomic.Int32
	var all sync.WaitGroup
	errDone := errors.New("done")
	for i := range 4 {
		all.Go(func() {
			err := j.Alone(w.Context(), "l", fmt.Sprint(i), 300*time.Millisecond, func(ctx context.Context) error {
				most.Store(max(most.Load(), running.Add(1)))
				defer running.Add(-1)
				runs.Add(1)
				return errDone
			})
			if !errors.Is(err, errDone) {
				w.Errorf("got %v", err)
			}
		})
	}
	all.Wait()
	if most.Load() != 1 || runs.Load() != 4 {
		w.Errorf("%d of %d ran at once", most.Load(), runs.Load())
	}
}

func robbed(w *world) {
	j := w.clocked()
	begun := make(chan struct{}, 2)
	ctx, stop := context.WithCancel(w.Context())
	done := make(chan error, 1)
	var ended atomic.Int32
	go func() {
		done <- j.Alone(ctx, "l", "a", 300*time.Millisecond, func(ctx context.Context) error {
			begun <- struct{}{}
			<-ctx.Done()
			ended.Add(1)
			return nil
		})
	}()
	<-begun
	// Another holder, as after a pause in which the term ran out. The first may renew
	// between the two steps.
	for held := false; !held; {
		if _, _, err := j.Lease(w.Context(), "l", "a", 0); err != nil {
			w.Fatal(err)
		}
		var err error
		if _, held, err = j.Lease(w.Context(), "l", "b", time.Second); err != nil {
			w.Fatal(err)
		}
	}
	<-begun // again, once the other's term is over
	if n := ended.Load(); n != 1 {
		w.Errorf("what lost its lease was ended %d times", n)
	}
	stop()
	if err := <-done; err != nil {
		w.Error(err)
	}
	if _, held, err := j.Lease(w.Context(), "l", "c", time.Second); !held || err != nil {
		w.Errorf("a holder that stopped did not give it back: %v, %v", held, err)
	}
}

// clocked is a journal that follows the system's clock.
func (w *world) clocked() Journal {
	w.Helper()
	j := w.open(w.T, w.TempDir(), journal.Options{Origin: origin})
	w.Cleanup(func() { _ = j.Close() })
	return j
}
