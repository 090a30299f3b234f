package adapters

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// Fate is what the gateway says of a pair's number.
type Fate struct {
	Known    bool
	State    gateway.State
	Expires  time.Time
	Evidence []string // signed, in the order of recording
}

// waits reports whether the gateway says that the number has not ended.
func (f Fate) waits() bool {
	return f.State == gateway.StateReceived || f.State == gateway.StateQueued
}

// grace is how long a gap may stay before it is an alarm: held threads, overtaking and
// expiry make gaps normal for a while.
const grace = 15 * time.Minute

// explain asks the gateway about the numbers that are missing, until each has come or its
// fate is known.
func (a *Adapter) explain(ctx context.Context) error {
	for {
		if err := a.ask(ctx); err != nil {
			return err
		}
		if !pause(ctx, grace/3, nil) {
			return nil
		}
	}
}

// ask asks about each gap that stayed. A number that the gateway does not know, that still
// waits after its message expired, or that ended without evidence is an omission: somebody
// is told.
func (a *Adapter) ask(ctx context.Context) error {
	gaps, err := a.Store.Gaps(ctx, 256)
	if err != nil {
		return err
	}
	strange := false
	for _, g := range gaps {
		if a.Now().Sub(g.NoticedAt) < grace {
			continue
		}
		f, err := a.Gate.Number(ctx, a.office(), g.Pair)
		if err != nil {
			a.Log.Warn("asked in vain about a gap", "country", string(a.Country), "err", err)
			return nil // the gateway is away; the gaps stay
		}
		switch {
		case f.Known && a.ends(f, g.Pair):
			strange = strange || a.testifiedElsewhere(ctx, f, g.Pair)
			if err := a.Store.Explained(ctx, g.Pair); err != nil {
				return err
			}
		case !f.Known || !f.waits() || a.Now().After(f.Expires.Add(grace)):
			a.alarm(ctx, AlarmGap, gapRef(g.Pair), "")
		}
	}
	if strange {
		a.alarm(ctx, AlarmAnother, string(a.Country), "")
	}
	return nil
}

// testifiedElsewhere reports whether a number ended with this country's own signature and
// not in this journal. A country has one adapter: a second one takes what this one then
// never gets. So does whoever stole a key; and a journal that was lost looks alike.
func (a *Adapter) testifiedElsewhere(ctx context.Context, f Fate, n gateway.PairNumber) bool {
	return slices.ContainsFunc(f.Evidence, func(jws string) bool {
		e, err := gateway.Witnessed(jws, a.Examiner, a.Directory)
		if err != nil {
			return false
		}
		s := e.Statement()
		if !s.Event.Final() || s.Pair != n || s.Signer.Country() != a.Country {
			return false
		}
		_, err = a.Store.Delivery(ctx, s.Delivery)
		return errors.Is(err, store.ErrUnknown)
	})
}

// ends reports whether evidence proves how the number ended: the gateway's word alone is
// what a gap puts in doubt.
func (a *Adapter) ends(f Fate, n gateway.PairNumber) bool {
	return slices.ContainsFunc(f.Evidence, func(jws string) bool {
		e, err := gateway.Witnessed(jws, a.Examiner, a.Directory)
		if err != nil {
			return false
		}
		s := e.Statement()
		return s.Event.Final() && s.Pair == n && (s.Signer == gateway.TheGateway || s.Signer.Country() == a.Country)
	})
}

// office is the party that asks for the country as a whole.
func (a *Adapter) office() gateway.Party { return gateway.Party(string(a.Country) + "/coordinator") }

// gapRef names a pair's number in an alarm.
func gapRef(p gateway.PairNumber) string {
	return string(p.From) + ">" + string(p.To) + "/" + p.Origin + "/" + strconv.FormatInt(p.N, 10)
}
