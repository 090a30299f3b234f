package journal_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal"
	"example.org/trm/gateway/sop"
	"example.org/trm/gateway/sop/soptest"
	"example.org/trm/schemas"
)

var opened = sync.OnceValues(func() (sop.Clock, error) {
	set, err := schemas.Open()
	if err != nil {
		return sop.Clock{}, err
	}
	calendars, err := sop.OpenCalendars()
	return sop.Clock{Types: set, Calendars: calendars}, err
})

// office is a journal that keeps duties by the real procedure, and a clock on the wall.
type office struct {
	t     testing.TB
	path  string
	clock sop.Clock
	*journal.Journal
	now time.Time
	ids *atomic.Int64
}

func newOffice(t testing.TB) *office {
	t.Helper()
	clock, err := opened()
	if err != nil {
		t.Fatal(err)
	}
	o := &office{t: t, path: filepath.Join(t.TempDir(), "journal.db"), clock: clock, now: noon, ids: new(atomic.Int64)}
	o.reopen()
	return o
}

func (o *office) reopen() {
	o.t.Helper()
	if o.Journal != nil {
		if err := o.Close(); err != nil {
			o.t.Fatal(err)
		}
	}
	j, err := journal.Open(o.path, journal.Options{Origin: "o", Backlog: 1 << 30, Clock: o.clock, Now: func() time.Time { return o.now }})
	if err != nil {
		o.t.Fatal(err)
	}
	o.Journal = j
	o.t.Cleanup(func() { _ = j.Close() }) // once more does no harm
}

// say has the journal receive a message.
func (o *office) say(h gateway.Head, at time.Time) {
	o.t.Helper()
	h.Expires = at.AddDate(0, 1, 0)
	if _, err := o.Receive(o.t.Context(), h.MessageID(), h.Thread, h.Issuer.Country(), h.Audience.Country(), func(s gateway.Slot) (gateway.Record, error) {
		return gateway.Record{
			Digest: gateway.Digest{1}, Head: h, At: at, Order: h.ID, Facts: s.Facts.After(h), Core: gateway.Core{Protected: "p", Payload: "p", Signature: "s"},
			Bound:  gateway.Bound{Binding: gateway.Binding{Delivery: "delivery of " + h.ID, Serialized: "k", SDHash: "hash"}, Wrapped: "w"},
			Sender: "d", Auditor: "d", Answer: gateway.Answer{Receipt: []byte("receipt of " + h.ID)},
			Evidence: gateway.Statement{ID: "receipt of " + h.ID, Signer: gateway.TheGateway, At: at, Event: gateway.SubmissionAcceptance, Message: h.MessageID(), Pair: s.Number},
		}, nil
	}); err != nil {
		o.t.Fatalf("receiving %s: %v", h.ID, err)
	}
}

// hear has the journal record evidence about a message, no earlier than it is dated;
// contradictions are recorded too.
func (o *office) hear(h gateway.Head, e gateway.Event, at time.Time) {
	o.t.Helper()
	if at.After(o.now) {
		o.now = at
	}
	o.testify(h, e, at)
}

// testify has it record evidence now, whatever date that bears.
func (o *office) testify(h gateway.Head, e gateway.Event, at time.Time) {
	o.t.Helper()
	c, ok, err := o.Case(o.t.Context(), "delivery of "+h.ID)
	if err != nil || !ok {
		o.t.Fatal(ok, err)
	}
	ev, err := gateway.Testify(gateway.Statement{ID: fmt.Sprintf("e-%d", o.ids.Add(1)), Signer: h.Audience, At: at, Event: e, Message: c.Message, Delivery: c.Delivery}, jsonNotary{})
	if err != nil {
		o.t.Fatal(err)
	}
	if err := o.Testimony(o.t.Context(), c, ev); err != nil && !errors.Is(err, gateway.ErrContradiction) {
		o.t.Fatal(err)
	}
}

// A recipient whose clock is fast has no more time than others.
func TestADeliveryThatIsDatedAheadBeginsWhenItIsHeardOf(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	h := referral("dated")
	o.say(h, noon)
	o.now = noon.Add(time.Minute)
	o.testify(h, gateway.ContentConsignment, noon.AddDate(0, 0, 9))
	if x := o.exchange(h); !x.Duty.Begins.Equal(o.now) {
		t.Errorf("the duty begins %s, want %s", x.Duty.Begins, o.now)
	}
}

// keeper is the verb over the journal, or over something that stands before it.
func (o *office) keeper(d gateway.Duties) *gateway.Timekeeper {
	var n atomic.Int64
	return &gateway.Timekeeper{
		Duties: d, Notary: jsonNotary{}, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return o.now },
		NewID: func() string { return fmt.Sprintf("%p-%d", d, n.Add(1)) },
	}
}

// remind signs all that has come.
func (o *office) remind() {
	o.t.Helper()
	for k := o.keeper(o.Journal); ; {
		n, err := k.Remind(o.t.Context())
		if err != nil {
			o.t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

// signed are the steps in a party's feed, in short: what, about which date, when.
func (o *office) signed(p gateway.Party) []string {
	o.t.Helper()
	var out []string
	for after := int64(0); ; {
		list, err := o.Events(o.t.Context(), p, after, 500)
		if err != nil {
			o.t.Fatal(err)
		}
		if len(list) == 0 {
			return out
		}
		for _, e := range list {
			after = e.Cursor
			if !e.Event.OfDuty() {
				continue
			}
			s := statementOf(o.t, e.JWS)
			out = append(out, fmt.Sprintf("%s %s for %s at %s", e.Message.ID, s.Event, s.Due.UTC().Format("02 15:04"), s.At.UTC().Format("02 15:04")))
		}
	}
}

func (o *office) exchange(h gateway.Head) gateway.Exchange {
	o.t.Helper()
	x, ok, err := o.Exchange(o.t.Context(), h.MessageID())
	if err != nil || !ok {
		o.t.Fatalf("the exchange of %s: found %t, %v", h.ID, ok, err)
	}
	return x
}

// same compares what counts of two exchanges: the journal keeps of the message that was
// asked only what the procedure needs.
func same(want, got gateway.Exchange) string {
	want.Asked, got.Asked = gateway.Head{}, gateway.Head{}
	return cmp.Diff(want, got, cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) }))
}

// TestAJournalComesToTheSameDutiesAsAReplay plays at random what can happen to messages of
// some types and lanes in one conversation, with steps signed and the journal closed in
// between. After each event it holds the exchange that it was about, and often all of them,
// against the procedure's own.
func TestAJournalComesToTheSameDutiesAsAReplay(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 5))
			o := newOffice(t)
			set := o.clock.Types.(*schemas.Set)
			kinds := []gateway.Head{
				soptest.Asking("referral.request/1.0", gateway.Normal, "accept-referral"), soptest.Asking("info.request/1.0", gateway.Child, "family-risk", "testimony"),
				soptest.Asking("alert.notice/1.0", gateway.Urgent, "danger"), soptest.Asking("correction.change/1.0", gateway.Normal, "minor", "safety"),
				soptest.Asking("travel.notice/1.0", gateway.Normal, "not-agreed"), soptest.Asking("rights.request/1.0", gateway.Normal, "access"),
			}
			type told struct {
				asked gateway.Head
				x     gateway.Exchange
			}
			var all []*told
			for n := range 500 {
				o.now = o.now.Add(time.Duration(r.IntN(12*3600)) * time.Second)
				if len(all) == 0 || r.IntN(3) == 0 {
					h := kinds[r.IntN(len(kinds))]
					h.ID = fmt.Sprintf("%d", n)
					if r.IntN(3) == 0 {
						h.AnswerBy = o.now.Add(time.Duration(r.IntN(30)) * 24 * time.Hour).Truncate(time.Second)
					}
					o.say(h, o.now)
					for _, m := range all {
						m.x = o.clock.Said(m.x, h, o.now)
					}
					all = append(all, &told{h, o.clock.Begin(h, o.now)})
					continue
				}
				m := all[r.IntN(len(all))]
				ty, _ := set.Type(m.asked.Type)
				e := soptest.Happen(m.x.Duty.Due, ty, soptest.Events[r.IntN(len(soptest.Events))], o.now)
				if e.Evidence != "" {
					at := o.now.Add(-time.Duration(r.IntN(4000)) * time.Second) // told late
					o.hear(m.asked, e.Evidence, at)
					m.x = o.clock.Heard(m.x, e.Evidence, at)
				} else if h := renamed(e.Head, m.asked.ID, n); h.Thread == "t" {
					o.say(h, o.now)
					for _, other := range all {
						other.x = o.clock.Said(other.x, h, o.now)
					}
				}
				switch r.IntN(6) {
				case 0:
					o.remind()
				case 1:
					o.reopen()
				}
				of := all
				if n%20 != 0 {
					of = []*told{m}
				}
				for _, m := range of {
					if diff := same(m.x, o.exchange(m.asked)); diff != "" {
						t.Fatalf("after event %d, %+v, message %s (-replayed +kept):\n%s", n, e, m.asked.ID, diff)
					}
				}
			}
			o.now = o.now.AddDate(0, 2, 0)
			o.remind()
			steps := o.signed(soptest.Here)
			for i, s := range steps {
				short, _, _ := strings.Cut(s, " at ")
				if slices.ContainsFunc(steps[:i], func(other string) bool { return strings.HasPrefix(other, short+" at ") }) {
					t.Errorf("signed twice: %s", s)
				}
			}
			if len(steps) < 20 {
				t.Errorf("only %d steps were signed: that is no test", len(steps))
			}
		})
	}
}

// renamed is an event's message in the life of the message id: the walk knows only one.
func renamed(h gateway.Head, id string, n int) gateway.Head {
	own := func(s string) string {
		head, unit, cut := strings.Cut(s, "#")
		if head == "1" {
			head = id
		}
		if cut {
			return head + "#" + unit
		}
		return head
	}
	h.ID = fmt.Sprintf("%d", n)
	h.InReplyTo, h.Target, h.Supersedes = own(h.InReplyTo), own(h.Target), own(h.Supersedes)
	return h
}

// TestEveryCellOfTheTableHoldsInTheJournal walks every type that lays a duty through every
// state and every event, as the procedure's own test does, by what a journal records.
func TestEveryCellOfTheTableHoldsInTheJournal(t *testing.T) {
	t.Parallel()
	cells, err := soptest.Table("../sop/states.csv")
	if err != nil {
		t.Fatal(err)
	}
	o := newOffice(t)
	begun := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	for i, ty := range o.clock.Types.(*schemas.Set).Types() {
		if _, owes := o.clock.Open(soptest.Asking(ty.Name, gateway.Normal), begun, begun); !owes {
			continue
		}
		if testing.Short() && ty.Topic != "referral" && ty.Topic != "alert" {
			continue
		}
		t.Run(ty.Topic+" "+ty.Frame, func(t *testing.T) {
			t.Parallel() // they share commits
			w := *o
			w.t = t
			n := 0
			for _, state := range soptest.States {
				for _, event := range soptest.Events {
					if ty.Frame == "notice" && state == "redirected" && event == "answer-again" {
						continue // no answer redirects a notice
					}
					n++
					w.walk(cells, ty, state, event, begun, fmt.Sprintf("c%d-%d-", i, n))
				}
			}
		})
	}
}

// walk takes a new message into a state, and holds what an event makes of it against the
// table.
func (o *office) walk(cells []soptest.Cell, ty gateway.Type, state, event string, begun time.Time, names string) {
	o.t.Helper()
	i := slices.IndexFunc(cells, func(c soptest.Cell) bool { return c.Meets(ty.Frame, state, event) })
	if i < 0 {
		o.t.Fatalf("%s, %s: no row of the table", state, event)
	}
	own := func(h gateway.Head) gateway.Head { return prefixed(h, names) }
	asked := own(soptest.Asking(ty.Name, gateway.Normal))
	give := func(e sop.Event) {
		if e.Evidence != "" {
			o.hear(asked, e.Evidence, e.At)
			return
		}
		o.say(own(e.Head), e.At)
	}
	now := begun.Add(time.Hour)
	if state == "overdue" {
		now = begun.AddDate(0, 3, 0)
	}
	o.say(asked, begun)
	for _, e := range road(ty, state) {
		was := soptest.Happen(time.Time{}, ty, e, begun)
		switch was.Head.ID { // not those of what comes then
		case "a-0", "a-1":
			was.Head.ID = "a-0" // which the walk calls the same answer again
		default:
			was.Head.ID = "r-" + was.Head.ID
		}
		give(was)
	}
	x := o.exchange(asked)
	if got := soptest.Reached(x, now); got != state {
		o.t.Fatalf("on the way to %s became %s", state, got)
	}
	give(soptest.Happen(x.Duty.Due, ty, event, now))
	want := cells[i].Next
	if want == "=" {
		want = state
	}
	y := o.exchange(asked)
	if got := soptest.Reached(y, now); got != want {
		o.t.Errorf("%s, %s: became %s; the table says %s", state, event, got, want)
	}
	if got, want := y.Duty.Standing(now) != gateway.StandingNone, y.Stage == gateway.StageDelivered; got != want {
		o.t.Errorf("%s, %s: something is owed: %t, want %t", state, event, got, want)
	}
}

// road are the events that lead a type to a state.
func road(ty gateway.Type, state string) []string {
	switch state {
	case "waiting":
		return nil
	case "failed":
		return []string{"undelivered"}
	case "read":
		return []string{"consigned", "taken-on"}
	case "answered":
		return []string{"consigned", "answer-again"}
	case "partly":
		return []string{"consigned", "answer-partly"}
	case "redirected":
		if ty.Frame == "notice" {
			return []string{"consigned", "redirect"}
		}
		return []string{"consigned", "answer-redirected"}
	case "recalled", "superseded":
		return []string{"consigned", map[string]string{"recalled": "recall", "superseded": "superseded"}[state]}
	}
	return []string{"consigned"}
}

func prefixed(h gateway.Head, p string) gateway.Head {
	for _, s := range []*string{&h.ID, &h.Thread, &h.InReplyTo, &h.Target, &h.Supersedes} {
		if *s != "" {
			*s = p + *s
		}
	}
	return h
}

// statementOf reads what jsonNotary signed.
func statementOf(t testing.TB, jws string) (s gateway.Statement) {
	t.Helper()
	if err := json.Unmarshal([]byte(jws), &s); err != nil {
		t.Fatal(err)
	}
	return s
}
