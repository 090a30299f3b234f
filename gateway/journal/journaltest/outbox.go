package journaltest

import (
	"slices"
	"time"

	"example.org/trm/gateway"
)

func order(w *world) {
	for _, m := range []message{
		{id: "a1", thread: "a"}, {id: "a2", thread: "a"}, {id: "b1", thread: "b"},
		{id: "a3", thread: "a", urgent: true}, {id: "other way", thread: "a", from: "me"},
	} {
		w.receive(m)
	}
	if ids := w.next("rs", 10); !slices.Equal(ids, []string{"a3", "a1", "b1", "other way"}) {
		w.Errorf("at first %v may be placed", ids)
	}
	w.place("rs", false)
	if ids := w.next("rs", 10); ids != nil {
		w.Errorf("while the first is placed, %v may be placed too", ids)
	}
	w.finish(message{id: "b1"})
	w.finish(message{id: "a3", urgent: true})
	if ids := w.next("rs", 10); ids != nil {
		w.Errorf("others finished, and %v may be placed", ids)
	}
	w.finish(message{id: "a1"})
	if ids := w.next("rs", 10); !slices.Equal(ids, []string{"a2"}) {
		w.Errorf("after the first finished, %v may be placed", ids)
	}
}

func next(w *world) {
	var want []string
	for _, id := range []string{"e", "d", "c", "b", "a"} {
		w.receive(message{id: id})
		want = append(want, id)
	}
	w.receive(message{id: "elsewhere", to: "me"})
	if ids := w.next("rs", 10); !slices.Equal(ids, want) {
		w.Errorf("got %v, want %v", ids, want)
	}
	if ids := w.next("rs", 2); !slices.Equal(ids, want[:2]) {
		w.Errorf("of two, got %v", ids)
	}
	ws, err := w.Next(w.Context(), "me", w.now, 1)
	if err != nil || len(ws) != 1 {
		w.Fatalf("got %v, %v", ws, err)
	}
	got := ws[0]
	if got.Country != "me" || got.Wrapped != "wrapped elsewhere" || !got.Expires.Equal(noon.Add(time.Hour)) || got.Trace == "" || got.Urgent || got.At != (gateway.StreamID{}) {
		w.Errorf("got %+v", got)
	}
}

func window(w *world) {
	w.o.Window = 2
	w.reopen()
	for _, m := range []message{{id: "a"}, {id: "b"}, {id: "c"}, {id: "u", urgent: true}, {id: "elsewhere", to: "me"}} {
		w.receive(m)
	}
	if got := w.place("rs", false); len(got) != 3 || got["c"].ID != "" {
		w.Errorf("placed %v", got)
	}
	if ids := w.next("rs", 10); ids != nil {
		w.Errorf("while the window is full, %v may be placed", ids)
	}
	w.receive(message{id: "u2", urgent: true})
	if ids := w.next("rs", 10); !slices.Equal(ids, []string{"u2"}) {
		w.Errorf("while the ordinary stream is full, %v may be placed", ids)
	}
	if ids := w.next("me", 10); !slices.Equal(ids, []string{"elsewhere"}) {
		w.Errorf("for another country, %v may be placed", ids)
	}
	w.finish(message{id: "b"})
	if ids := w.next("rs", 10); !slices.Equal(ids, []string{"u2", "c"}) {
		w.Errorf("after one finished, %v may be placed", ids)
	}
}

func expired(w *world) {
	w.receive(message{id: "short", life: time.Minute})
	w.receive(message{id: "long"})
	w.now = w.now.Add(time.Minute)
	if ids := w.next("rs", 10); !slices.Equal(ids, []string{"long"}) {
		w.Errorf("got %v", ids)
	}
}

func positions(w *world) {
	seen := map[gateway.StreamID]string{}
	var last gateway.StreamID
	at := func(id string, x gateway.Waiting) {
		w.Helper()
		if other, ok := seen[x.At]; ok {
			w.Errorf("%s and %s were given %v", other, id, x.At)
		}
		seen[x.At] = id
		if x.At.Generation < last.Generation || x.At.Generation == last.Generation && x.At.Sequence <= last.Sequence {
			w.Errorf("%v comes after %v", x.At, last)
		}
		last = x.At
	}
	w.receive(message{id: "a"})
	at("a", w.place("rs", false)["a"])
	if last.Generation == 0 {
		w.Error("generation 0 cannot be told from a delivery that was never placed")
	}
	w.reopen()
	w.receive(message{id: "b"})
	b := w.place("rs", false)["b"]
	at("b", b)
	again := w.raise(b)
	if again.At.Generation <= b.At.Generation {
		w.Errorf("raised from %v to %v", b.At, again.At)
	}
	at("b again", again)
	w.receive(message{id: "c"})
	w.receive(message{id: "d"})
	both := w.place("rs", false)
	at("c", both["c"])
	at("d", both["d"])
	if both["c"].At.Generation != again.At.Generation {
		w.Errorf("after a raise, %v follows %v", both["c"].At, again.At)
	}
	w.now = w.now.Add(-24 * time.Hour) // a clock that goes back
	at("c again", w.raise(both["c"]))
	w.now = noon
	w.receive(message{id: "u", urgent: true})
	if u := w.place("rs", false)["u"]; u.At.Sequence != 1 {
		w.Errorf("the urgent stream begins at %v", u.At)
	}
	// One that was never recorded takes the others' positions back with it.
	if _, err := w.Place(w.Context(), []gateway.Waiting{both["d"], {ID: "never recorded", Country: "rs"}}, false); err == nil {
		w.Error("a delivery that was never recorded has a position")
	}
	if placed, err := w.Placed(w.Context(), "rs"); err != nil || !slices.Contains(placed, bare(both["d"])) {
		w.Errorf("placed are %v, %v; want %v among them", placed, err, both["d"])
	}
}

// bare is a delivery without what it carries.
func bare(x gateway.Waiting) gateway.Waiting {
	x.Wrapped = ""
	return x
}

// raise places one delivery in a new generation, as after a loss: of those that were
// placed only their names are known.
func (w *world) raise(x gateway.Waiting) gateway.Waiting {
	w.Helper()
	out, err := w.Place(w.Context(), []gateway.Waiting{bare(x)}, true)
	if err != nil || len(out) != 1 || out[0].ID != x.ID || out[0].Wrapped != x.Wrapped {
		w.Fatalf("placed %v, %v", out, err)
	}
	return out[0]
}

func removed(w *world) {
	w.receive(message{id: "a"})
	w.receive(message{id: "b"})
	at := w.place("rs", false)
	placed, err := w.Placed(w.Context(), "rs")
	if err != nil || !slices.Equal(placed, []gateway.Waiting{bare(at["a"]), bare(at["b"])}) {
		w.Fatalf("placed are %v, %v; want %v", placed, err, at)
	}
	w.finish(message{id: "a"})
	if placed, err = w.Placed(w.Context(), "rs"); err != nil || len(placed) != 1 || placed[0].ID != "delivery of b" {
		w.Errorf("placed are %v, %v", placed, err)
	}
	done, err := w.Finished(w.Context(), "rs")
	if err != nil || !slices.Equal(done, []gateway.Waiting{bare(at["a"])}) {
		w.Fatalf("finished are %v, %v", done, err)
	}
	if err := w.Removed(w.Context(), done); err != nil {
		w.Fatal(err)
	}
	if done, err = w.Finished(w.Context(), "rs"); err != nil || done != nil {
		w.Errorf("finished are %v, %v", done, err)
	}
	if ids := w.next("rs", 10); ids != nil {
		w.Errorf("%v would be placed again", ids)
	}
	if s := w.status(message{id: "a"}); s.State != gateway.StateDelivered {
		w.Errorf("the state is %s", s.State)
	}
}

func replaced(w *world) {
	w.receive(message{id: "a"})
	old := w.place("rs", false)["a"]
	w.finish(message{id: "a"})
	w.raise(old)
	if err := w.Removed(w.Context(), []gateway.Waiting{old}); err != nil {
		w.Fatal(err)
	}
	done, err := w.Finished(w.Context(), "rs")
	if err != nil || len(done) != 1 || done[0].At == old.At {
		w.Errorf("finished are %v, %v: the entry at the new position would stay for ever", done, err)
	}
}
