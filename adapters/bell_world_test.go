package adapters

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"example.org/trm/adapters/incoming"
	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// phones are the channels of a world's people: what was said to whom, when.
type phones struct {
	w *world

	mu     sync.Mutex // guards what follows
	rung   []string   // "0 coordinator": minutes after noon, and who
	texts  []string
	keys   []string
	faults map[string][]func(take func()) error // by role and channel, what the next attempts suffer
	none   map[gateway.Party]bool               // roles without a channel
	kinds  []string                             // of every role; default mail
	each   func()                               // called when somebody was told
}

func newPhones(w *world) *phones {
	return &phones{w: w, faults: map[string][]func(func()) error{}, none: map[gateway.Party]bool{}, kinds: []string{"mail"}}
}

// bell rings them.
func (p *phones) bell() *Bell {
	return &Bell{
		Channels: func(role gateway.Party) []Channel {
			if p.none[role] {
				return nil
			}
			var out []Channel
			for _, k := range p.kinds {
				out = append(out, phone{p, role, k})
			}
			return out
		},
		Say: func(ref string, answerBy, _ time.Time) string {
			return fmt.Sprintf("A message is waiting. Ref %s. Answer by %s.", ref, answerBy.Format("15:04"))
		},
		Retry: Pace{40 * time.Second, 40 * time.Second}, GiveUp: time.Hour,
	}
}

type phone struct {
	p    *phones
	role gateway.Party
	kind string
}

func (c phone) Kind() string { return c.kind }

func (c phone) Notify(_ context.Context, n Notice) error {
	c.p.w.mu.Lock()
	now := c.p.w.now
	c.p.w.mu.Unlock()
	take := func() {
		c.p.mu.Lock()
		defer c.p.mu.Unlock()
		c.p.rung = append(c.p.rung, fmt.Sprintf("%d %s", now.Sub(noon)/time.Minute, c.role.Role()))
		c.p.texts, c.p.keys = append(c.p.texts, n.Text), append(c.p.keys, n.Key)
		if c.p.each != nil {
			c.p.each()
		}
	}
	c.p.mu.Lock()
	at := c.role.Role() + " " + c.kind
	var fault func(func()) error
	if list := c.p.faults[at]; len(list) > 0 {
		fault, c.p.faults[at] = list[0], list[1:]
	}
	c.p.mu.Unlock()
	if fault != nil {
		return fault(take)
	}
	take()
	return nil
}

// hurt prepares what the next attempts at a role's channel suffer.
func (p *phones) hurt(at string, faults ...func(take func()) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults[at] = append(p.faults[at], faults...)
}

// heard is who was told since it was asked last.
func (p *phones) heard() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.rung
	p.rung = nil
	return out
}

// What an attempt can suffer.
var (
	errCut      = errors.New("cut off")
	notDone     = func(func()) error { return Unsent(errCut) }
	answerLost  = func(take func()) error { take(); return errCut }
	refusedNow  = func(func()) error { return gateway.Unavailable(gateway.CodeBusy, 0, errCut) }
	refusedEver = func(func()) error { return gateway.Permanent(errCut) }
	panics      = func(func()) error { panic("in a channel") }
)

// Institution is the directory's entry of a party: whom to telephone.
func (stubDirectory) Institution(p gateway.Party) (gateway.Institution, bool) {
	i := gateway.Institution{Party: p, Mailbox: p.Role() + "@office.example", Duty: "+9990001" + fmt.Sprint(len(p))}
	if p.Role() == "coordinator" {
		i.Alternate = p.In("social-services")
	}
	return i, true
}

// dues is a procedure in which every request is owed an answer, by one date.
type dues struct {
	unruled
	soon, due time.Time
	moved     *time.Time // the date that stands in its place
}

func (d dues) Replay(list []store.Exchange) []gateway.Exchange {
	var out []gateway.Exchange
	for _, x := range list {
		g := gateway.Exchange{Asked: x.Head, Received: x.Received, Stage: gateway.StageDelivered, Duty: gateway.Duty{
			Message: x.Head.MessageID(), Debtor: x.Head.Audience, Creditor: x.Head.Issuer, Lane: x.Head.Lane, Soon: d.soon, Due: d.due,
		}}
		if x.Head.Frame() != "request" {
			g.Duty = gateway.Duty{}
		}
		if d.moved != nil && !d.moved.IsZero() {
			g.Duty.Earlier, g.Duty.Soon, g.Duty.Due = []time.Time{d.due}, d.moved.Add(-time.Hour), *d.moved
		}
		for _, r := range x.Readings {
			if r.Event == gateway.TakenOn {
				g.Duty.Taken = r.At
			}
		}
		for _, y := range list {
			switch {
			case y.Head.InReplyTo == x.Head.ID && !y.Received.IsZero():
				g.Stage = gateway.StageClosed
			case y.Head.Topic() == "recall" && y.Head.Target == x.Head.ID:
				g.Stage = gateway.StageRecalled
			}
		}
		out = append(out, g)
	}
	return out
}

// ring does once what the loop does, and waits for the channels.
func ring(t testing.TB, a *Adapter) {
	t.Helper()
	h := hands{held: map[int64]bool{}, free: make(chan struct{}, ringers)}
	if err := a.ringDue(t.Context(), &h); err != nil {
		t.Fatal(err)
	}
	h.work.Wait()
}

// lane makes a delivery of that lane, received by the gateway at noon.
func lane(l gateway.Lane) func(*incoming.Opened) {
	return func(o *incoming.Opened) { o.Head.Lane, o.Head.Expires = l, noon.Add(30*24*time.Hour) }
}

// addressee makes a delivery with nothing for another role, and urgently one of the urgent
// lane.
func addressee(o *incoming.Opened) {
	lane(gateway.Normal)(o)
	o.Views = o.Views[:1]
}

func urgently(o *incoming.Opened) {
	addressee(o)
	o.Head.Lane = gateway.Urgent
}

// minutes lets them pass one by one and says who was told in them.
func minutes(t testing.TB, w *world, p *phones, a *Adapter, n int) []string {
	t.Helper()
	for range n {
		w.pass(time.Minute)
		ring(t, a)
	}
	return p.heard()
}

func deliver(t testing.TB, w *world, a *Adapter, it Item) {
	t.Helper()
	if err, died := w.offer(a, it); err != nil || died {
		t.Fatal(err, died)
	}
}

// reference is that of the only notice.
func reference(t testing.TB, a *Adapter) store.Notice {
	t.Helper()
	list, err := a.Store.Notices(t.Context(), false, 10)
	if err != nil || len(list) != 1 {
		t.Fatalf("got %d notices, %v, want one", len(list), err)
	}
	return list[0]
}

// rings are the steps of the only notice: "minute-10 coordinator told".
func rings(t testing.TB, a *Adapter) []string {
	t.Helper()
	list, err := a.Store.Rings(t.Context(), reference(t, a).Ref)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range list {
		out = append(out, fmt.Sprintf("%s %s %s", r.Step, r.Party.Role(), r.State))
	}
	return out
}

// testified are the events of a delivery that this country signed.
func testified(t testing.TB, a *Adapter) []gateway.Event {
	t.Helper()
	list, err := a.Store.Evidence(t.Context(), deliveryID)
	if err != nil {
		t.Fatal(err)
	}
	var out []gateway.Event
	for _, e := range list {
		out = append(out, e.Event)
	}
	return out
}

func same(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}
