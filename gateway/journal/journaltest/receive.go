package journaltest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"example.org/trm/gateway"
)

func answers(w *world) {
	m := told(message{id: "m-1"})
	first := w.receive(m)
	if first.Answer.Repeat || string(first.Answer.Receipt) == "" {
		w.Errorf("the first answer is %+v", first.Answer)
	}
	got, ok, err := w.Find(w.Context(), m.name())
	if err != nil || !ok {
		w.Fatalf("found %v, %v", ok, err)
	}
	if string(got.Answer.Receipt) != string(first.Answer.Receipt) || got.Digest != first.Digest || !got.Answer.Repeat {
		w.Errorf("got %+v, want %+v as a repeat", got, first)
	}
	if _, ok, err := w.Find(w.Context(), gateway.MessageID{Issuer: m.name().Issuer, ID: "another"}); ok || err != nil {
		w.Errorf("an id that was never seen: found %v, %v", ok, err)
	}
	if _, ok, err := w.Find(w.Context(), gateway.MessageID{Issuer: "me/coordinator", ID: m.id}); ok || err != nil {
		w.Errorf("the id of another sender: found %v, %v", ok, err)
	}
}

func refusals(w *world) {
	want := &gateway.Problem{Code: gateway.CodePolicy, Pointer: "/needs", Hint: "Ask first.", Rule: "rule-7"}
	m := told(message{id: "m-1"})
	first, err := w.give(m, func(gateway.Slot) (gateway.Record, error) { return w.refusal(m, want), nil })
	if err != nil {
		w.Fatal(err)
	}
	got, ok, err := w.Find(w.Context(), m.name())
	if err != nil || !ok {
		w.Fatalf("found %v, %v", ok, err)
	}
	if !reflect.DeepEqual(got.Answer.Refusal, want) {
		w.Errorf("got the problem %+v, want %+v", got.Answer.Refusal, want)
	}
	if got.Answer.Signed != first.Answer.Signed || got.Answer.Signed == "" || got.Answer.Receipt != nil {
		w.Errorf("got %+v, want %+v", got.Answer, first.Answer)
	}
	if s := w.status(m); s.State != gateway.StateRefused || !reflect.DeepEqual(s.Refused, want) || s.Delivery != "" || s.Pair != (gateway.PairNumber{}) {
		w.Errorf("the status is %+v", s)
	}
	if ids := w.next("rs", 10); ids != nil {
		w.Errorf("a refused message would be delivered: %v", ids)
	}
}

func repeats(w *world) {
	m := told(message{id: "m-1"})
	first := w.receive(m)
	got, err := w.give(m, func(gateway.Slot) (gateway.Record, error) {
		w.Error("a known id was recorded again")
		return gateway.Record{}, errors.New("no")
	})
	if err != nil {
		w.Fatal(err)
	}
	if !got.Answer.Repeat || string(got.Answer.Receipt) != string(first.Answer.Receipt) {
		w.Errorf("got %+v, want the first answer as a repeat", got.Answer)
	}
}

func race(w *world) {
	m := told(message{id: "m-1"})
	var made atomic.Int32
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			got, err := w.give(m, func(s gateway.Slot) (gateway.Record, error) {
				made.Add(1)
				return w.record(m, s), nil
			})
			if err != nil || len(got.Answer.Receipt) == 0 {
				w.Errorf("got %+v, %v", got, err)
			}
		})
	}
	all.Wait()
	if n := made.Load(); n != 1 {
		w.Errorf("%d records were made of one message", n)
	}
}

func numbers(w *world) {
	errNo := errors.New("no")
	number := func(m message, end func(gateway.Slot) (gateway.Record, error)) (n gateway.PairNumber) {
		_, err := w.give(m, func(s gateway.Slot) (gateway.Record, error) {
			n = s.Number
			return end(s)
		})
		if err != nil && !errors.Is(err, errNo) {
			w.Error(err)
		}
		return n
	}
	good := func(m message) func(gateway.Slot) (gateway.Record, error) {
		return func(s gateway.Slot) (gateway.Record, error) { return w.record(told(m), s), nil }
	}
	a := message{id: "a"}
	if n := number(a, good(a)); n != (gateway.PairNumber{From: "ba", To: "rs", Origin: origin, N: 1}) {
		w.Errorf("the first number is %+v", n)
	}
	b := message{id: "b"}
	if n := number(b, func(gateway.Slot) (gateway.Record, error) { return gateway.Record{}, errNo }); n.N != 2 {
		w.Errorf("the second number is %d", n.N)
	}
	c := message{id: "c"}
	if n := number(c, func(gateway.Slot) (gateway.Record, error) {
		return w.refusal(told(c), gateway.Refuse(gateway.CodePolicy, "", "")), nil
	}); n.N != 2 {
		w.Errorf("a failure kept its number: the next is %d", n.N)
	}
	d := message{id: "d"}
	if n := number(d, good(d)); n.N != 2 {
		w.Errorf("a refusal kept its number: the next is %d", n.N)
	}
	back := message{id: "e", from: "rs", to: "ba"}
	if n := number(back, good(back)); n.N != 1 {
		w.Errorf("the other direction begins at %d", n.N)
	}
	if _, ok, err := w.Find(w.Context(), told(b).name()); ok || err != nil {
		w.Errorf("a message that failed: found %v, %v", ok, err)
	}
}

func isolation(w *world) {
	errNo := errors.New("no")
	var all sync.WaitGroup
	w.reopen()
	for i := range 96 {
		m := told(message{id: fmt.Sprintf("m-%d", i)})
		all.Go(func() {
			_, err := w.give(m, func(s gateway.Slot) (gateway.Record, error) {
				switch i % 4 {
				case 1:
					return gateway.Record{}, errNo
				case 2:
					panic("a bad message")
				}
				return w.record(m, s), nil
			})
			if bad := i%4 == 1 || i%4 == 2; bad != (err != nil) {
				w.Errorf("message %d: %v", i, err)
			}
			if i%4 == 1 && !errors.Is(err, errNo) {
				w.Errorf("the cause is lost: %v", err)
			}
		})
	}
	all.Wait()
	var got []int64
	for i := range 96 {
		m := told(message{id: fmt.Sprintf("m-%d", i)})
		s, ok, err := w.Status(w.Context(), m.name())
		if bad := i%4 == 1 || i%4 == 2; err != nil || ok == bad {
			w.Errorf("message %d: found %v, %v", i, ok, err)
		}
		if ok {
			got = append(got, s.Pair.N)
		}
	}
	slices.Sort(got)
	for i, n := range got {
		if n != int64(i+1) {
			w.Fatalf("the numbers have a gap: %v", got)
		}
	}
}

func cancelled(w *world) {
	ctx, cancel := context.WithCancel(w.Context())
	cancel()
	m := told(message{id: "m-1"})
	_, err := w.Receive(ctx, m.name(), m.thread, m.from, m.to, func(s gateway.Slot) (gateway.Record, error) { return w.record(m, s), nil })
	_, ok, ferr := w.Find(w.Context(), m.name())
	if ferr != nil || ok == (err != nil) {
		w.Errorf("received with %v, but found %v, %v", err, ok, ferr)
	}
}

func reopened(w *world) {
	m, n := told(message{id: "m-1"}), told(message{id: "m-2"})
	first := w.receive(m)
	w.place("rs", false)
	w.receive(n)
	w.finish(m)
	before := w.status(m)
	w.reopen()
	got, ok, err := w.Find(w.Context(), m.name())
	if err != nil || !ok || string(got.Answer.Receipt) != string(first.Answer.Receipt) {
		w.Errorf("found %v %+v, %v", ok, got, err)
	}
	if after := w.status(m); !reflect.DeepEqual(after, before) {
		w.Errorf("the status was %+v and is %+v", before, after)
	}
	if ids := w.next("rs", 10); !slices.Equal(ids, []string{"m-2"}) {
		w.Errorf("next is %v", ids)
	}
	if s := w.status(n); s.Pair.N != 2 {
		w.Errorf("the second number is %d", s.Pair.N)
	}
	last := w.receive(message{id: "m-3"})
	if s := w.status(message{id: "m-3"}); s.Pair.N != 3 || last.Answer.Repeat {
		w.Errorf("the number after reopening is %d", s.Pair.N)
	}
}

func facts(w *world) {
	w.receive(message{id: "m-1", thread: "t"})
	answer := told(message{id: "m-2", from: "rs", to: "ba", thread: "t"})
	var got gateway.ThreadFacts
	_, err := w.give(answer, func(s gateway.Slot) (gateway.Record, error) {
		got = s.Facts
		r := w.record(answer, s)
		r.Facts = gateway.ThreadFacts{Opener: "ba/coordinator", Other: "rs/coordinator", Accepted: true, Declined: true, Closed: true, Withdrawn: true, OfAge: true, Last: "m-2"}
		return r, nil
	})
	if err != nil {
		w.Fatal(err)
	}
	if want := (gateway.ThreadFacts{Opener: "ba/coordinator", Other: "rs/coordinator", Last: "m-1"}); got != want {
		w.Errorf("after the first message: %+v, want %+v", got, want)
	}
	third := told(message{id: "m-3", thread: "t"})
	if _, err = w.give(third, func(s gateway.Slot) (gateway.Record, error) {
		got = s.Facts
		return w.record(third, s), nil
	}); err != nil {
		w.Fatal(err)
	}
	if want := (gateway.ThreadFacts{Opener: "ba/coordinator", Other: "rs/coordinator", Accepted: true, Declined: true, Closed: true, Withdrawn: true, OfAge: true, Last: "m-2"}); got != want {
		w.Errorf("after the second message: %+v, want %+v", got, want)
	}
	// A preview reads what the next message would get.
	got.Last = "m-3"
	if previewed, err := w.Facts(w.Context(), "t"); err != nil || previewed != got {
		w.Errorf("for a preview: %+v, %v, want %+v", previewed, err, got)
	}
	if none, err := w.Facts(w.Context(), "t-2"); err != nil || none != (gateway.ThreadFacts{}) {
		w.Errorf("of a thread in which nothing was said: %+v, %v", none, err)
	}
}

func repliedTo(w *world) {
	w.receive(message{id: "m-1", thread: "t"})
	refused := told(message{id: "m-2", thread: "t"})
	if _, err := w.give(refused, func(gateway.Slot) (gateway.Record, error) {
		return w.refusal(refused, gateway.Refuse(gateway.CodePolicy, "", "")), nil
	}); err != nil {
		w.Fatal(err)
	}
	answer := told(message{id: "m-3", from: "rs", to: "ba", thread: "t"})
	_, err := w.give(answer, func(s gateway.Slot) (gateway.Record, error) {
		for id, want := range map[gateway.MessageID]gateway.Earlier{
			{Issuer: "ba/coordinator", ID: "m-1"}: {Audience: "rs/coordinator", Thread: "t", Type: "referral.request/1.0"},
			{Issuer: "rs/coordinator", ID: "m-1"}: {}, // another's id
			refused.name():                        {}, // never said
			answer.name():                         {}, // not yet
		} {
			if got, err := s.Earlier(id); err != nil || got != want {
				w.Errorf("%v: got %+v, %v, want %+v", id, got, err, want)
			}
			if got, err := w.Earlier(w.Context(), id); err != nil || got != want {
				w.Errorf("%v, for a preview: got %+v, %v, want %+v", id, got, err, want)
			}
		}
		return w.record(answer, s), nil
	})
	if err != nil {
		w.Fatal(err)
	}
}

func factsAfterRefusal(w *world) {
	m := told(message{id: "m-1", thread: "t"})
	if _, err := w.give(m, func(gateway.Slot) (gateway.Record, error) {
		return w.refusal(m, gateway.Refuse(gateway.CodePolicy, "", "")), nil
	}); err != nil {
		w.Fatal(err)
	}
	n := told(message{id: "m-2", thread: "t"})
	if _, err := w.give(n, func(s gateway.Slot) (gateway.Record, error) {
		if s.Facts.Known() {
			w.Errorf("a refused message began the thread: %+v", s.Facts)
		}
		return w.record(n, s), nil
	}); err != nil {
		w.Fatal(err)
	}
}

func backlog(w *world) {
	w.o.Backlog = 2
	w.reopen()
	w.receive(message{id: "m-1"})
	w.receive(message{id: "m-2"})
	full := told(message{id: "m-3"})
	_, err := w.give(full, func(s gateway.Slot) (gateway.Record, error) { return w.record(full, s), nil })
	w.wantCode(err, gateway.CodeBacklog)
	if p := gateway.AsProblem(err); p.Wait < time.Second || p.Final() {
		w.Errorf("the sender is told to come back in %s", p.Wait)
	}
	if _, ok, err := w.Find(w.Context(), full.name()); ok || err != nil {
		w.Errorf("the id is claimed: found %v, %v", ok, err)
	}
	w.receive(message{id: "m-4", urgent: true})
	w.receive(message{id: "m-5", to: "me"})
	w.finish(message{id: "m-1"})
	if got := w.receive(full); got.Answer.Repeat {
		w.Error("the message that had no room was recorded")
	}
	if s := w.status(full); s.Pair.N != 4 {
		w.Errorf("its number is %d, want 4: no gap where there was no room", s.Pair.N)
	}
}

func woken(w *world) {
	w.receive(message{id: "m-1"})
	w.receive(message{id: "m-1"})
	m := told(message{id: "m-2"})
	if _, err := w.give(m, func(gateway.Slot) (gateway.Record, error) {
		return w.refusal(m, gateway.Refuse(gateway.CodePolicy, "", "")), nil
	}); err != nil {
		w.Fatal(err)
	}
	if !slices.Equal(w.woken, []gateway.Country{"rs"}) {
		w.Errorf("woken for %v, want once for what was recorded", w.woken)
	}
	w.finish(message{id: "m-1"})
	if !slices.Equal(w.woken, []gateway.Country{"rs", "rs"}) {
		w.Errorf("woken for %v, want once more when the thread went on", w.woken)
	}
}

func closed(w *world) {
	if err := w.Ready(w.Context()); err != nil {
		w.Errorf("an open journal is not ready: %v", err)
	}
	if err := w.Close(); err != nil {
		w.Fatal(err)
	}
	m := told(message{id: "m-1"})
	if _, err := w.give(m, func(s gateway.Slot) (gateway.Record, error) { return w.record(m, s), nil }); err == nil {
		w.Error("a closed journal received a message")
	}
	if err := w.Ready(w.Context()); err == nil {
		w.Error("a closed journal says that it is ready")
	}
}
