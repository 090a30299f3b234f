package trust

import (
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// What a directory may not do to the one before it, however many signed.
func TestNoVoteTakesAnythingFromACountry(t *testing.T) {
	t.Parallel()
	newHand, err := envelope.Generate(gateway.UseDirectory, "ES256")
	if err != nil {
		t.Fatal(err)
	}
	pin, err := Pin("rs", newHand)
	if err != nil {
		t.Fatal(err)
	}
	edit := func(change func(r *region, doc *Document)) func(*region) Document {
		return func(r *region) Document {
			doc := r.next()
			change(r, &doc)
			doc.Sort()
			return doc
		}
	}
	for _, row := range []struct {
		name string
		doc  func(*region) Document
		want Reason
	}{
		{"its directory key", edit(func(_ *region, d *Document) { d.Coordinators[len(d.Coordinators)-2] = pin }), CoordinatorReplaced},
		{"a party", edit(func(_ *region, d *Document) { *d = without(*d, "rs/child-protection") }), PartyRemoved},
		{"a key", edit(func(_ *region, d *Document) {
			e := d.Entry("rs/child-protection")
			e.Keys = keep(e.Keys, gateway.UseEncryption)
		}), KeyTaken},
		{"the rest of a key's time", edit(func(_ *region, d *Document) {
			k := &d.Entry("rs/child-protection").Keys[0]
			k.NotAfter = noon.Add(Delay + time.Hour)
		}), KeyTaken},
		{"a key by revoking it", edit(func(_ *region, d *Document) { d.Entry("rs/child-protection").Keys[0].Revoked = noon }), KeyTaken},
		{"a pair", edit(func(_ *region, d *Document) { d.Pairs[20].On = false }), SwitchedOff},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := newRegion(t)
			reg, _ := r.register(t)
			doc := row.doc(&r)
			err := reg.Take(r.force(t, doc), noon)
			wantReason(t, err, row.want)
			if len(Faults(err)) != 1 {
				t.Errorf("refused with %v, want one reason", err)
			}
			if reg.Seen() != 1 {
				t.Error("it was taken")
			}
			// The same with that country's own hand is its own will.
			if err := reg.Take(r.force(t, doc, "al", "ba", "md", "rs"), noon); err != nil {
				t.Errorf("with its own signature: %v", err)
			}
		})
	}
}

// What two countries agreed takes both hands: one alone would set dates for the other.
func TestTheTermsOfAPairAreChangedByBothSidesTogether(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Agreed){
		"given":   func(p *Agreed) { p.Terms = terms("capacity", "info") },
		"changed": func(p *Agreed) { p.Terms[1].Child = gateway.Term{N: 2, Unit: "h"} },
		"removed": func(p *Agreed) { p.Terms = nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRegion(t)
			reg, _ := r.register(t)
			doc := r.next()
			change(&doc.Pairs[0]) // al-ba
			for _, hands := range [][]gateway.Country{{"md", "me", "mk", "rs"}, {"al", "me", "mk", "rs"}, {"ba", "md", "me", "mk", "rs", "xk"}} {
				wantReason(t, reg.Take(r.force(t, doc, hands...), noon), TermsChanged)
			}
			if err := reg.Take(r.force(t, doc, "al", "ba", "me", "mk"), noon); err != nil {
				t.Errorf("with both signatures: %v", err)
			}
		})
	}
}

func TestWhatFollowsMustBeNewerAndOfTheSameKind(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	reg, _ := r.register(t)
	two := r.force(t, r.next())
	take(t, reg, two, noon)

	if err := reg.Take(two, noon); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if err := reg.Take(r.force(t, r.next(), "rs", "xk", "mk", "me"), noon); err != nil {
		t.Errorf("the same under other hands: %v", err)
	}
	if got := len(reg.Waiting()); got != 1 {
		t.Errorf("%d wait, want 1", got)
	}
	other := r.next()
	other.Notice = "another number two"
	wantReason(t, reg.Take(r.force(t, other), noon), NumberReused)
	wantReason(t, reg.Take(r.force(t, r.doc), noon), RolledBack)
	wantReason(t, reg.Take(r.force(t, r.next(), "al", "ba", "md"), noon), TooFew)

	real := r.next()
	real.Number, real.Development = 3, false
	wantReason(t, reg.Take(r.force(t, real), noon), TurnedReal)
	future := r.next()
	future.Number, future.Issued, future.Activates = 3, noon.Add(day), noon.Add(day+Delay)
	wantReason(t, reg.Take(r.force(t, future), noon), FromTheFuture)
	wantReason(t, reg.Take(r.force(t, future), future.Expires), NoLongerInForce)
	if reg.Seen() != 2 {
		t.Errorf("seen %d after refusals", reg.Seen())
	}
}

func TestTheNextIsVerifiedWithTheKeysOfTheLast(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	reg, folder := r.register(t)
	// Four countries replace their directory keys in number 2, and sign number 3 with the new.
	newHands := map[gateway.Country]*envelope.Private{}
	doc := r.next()
	for i, k := range doc.Coordinators[:4] {
		h, err := envelope.Generate(gateway.UseDirectory, "ES256")
		if err != nil {
			t.Fatal(err)
		}
		pin, err := Pin(k.Country, h)
		if err != nil {
			t.Fatal(err)
		}
		newHands[k.Country], doc.Coordinators[i] = h, pin
	}
	take(t, reg, r.force(t, doc, four...), noon)
	three := doc.Clone()
	three.Number = 3
	wantReason(t, reg.Take(r.force(t, three), noon), NotPinned)
	r.hands = newHands
	take(t, reg, r.force(t, three), noon)

	// The pins that it was installed with still begin the chain.
	for i := range 3 {
		again, err := OpenRegister(folder, r.pins, reg.taken[i].Signed(), noon)
		if err != nil {
			t.Fatalf("installed with number %d: %v", i+1, err)
		}
		if again.Seen() != 3 {
			t.Errorf("seen %d after a restart, want 3", again.Seen())
		}
	}
}

func TestARegisterFollowsAnothersFolder(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	renewed, folder := r.register(t)
	take(t, renewed, r.force(t, r.next()), noon)
	three := r.next()
	three.Number = 3
	take(t, renewed, r.force(t, three), noon)
	reg, _ := r.register(t)
	for range 2 {
		if err := reg.TakeFolder(folder, noon); err != nil {
			t.Fatal(err)
		}
		if reg.Seen() != 3 || len(reg.Waiting()) != 2 {
			t.Errorf("seen %d, waiting %d", reg.Seen(), len(reg.Waiting()))
		}
	}
	if err := reg.TakeFolder(t.TempDir(), noon); err != nil {
		t.Errorf("an empty folder: %v", err)
	}
}
