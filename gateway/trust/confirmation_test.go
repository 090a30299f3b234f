package trust

import (
	"testing"
	"time"

	"example.org/trm/gateway"
)

func (r region) confirm(t testing.TB, d *Directory, now time.Time, by ...gateway.Country) []byte {
	t.Helper()
	raw, err := Confirm(d, now, r.by(by...)...)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestTwoCoordinatorsConfirmForADay(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	d := r.open(t)
	both, err := Countersign(r.confirm(t, d, noon, "rs"), r.hands["xk"])
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name string
		raw  []byte
		now  time.Time
		want Reason
	}{
		{"two", both, noon, ""},
		{"until the last second", both, noon.Add(Freshness - time.Second), ""},
		{"a day later", both, noon.Add(Freshness), TooOld},
		{"before", both, noon.Add(-gateway.Skew - time.Second), FromTheFuture},
		{"one alone", r.confirm(t, d, noon, "rs"), noon, TooFew},
		{"a directory is no confirmation", d.Signed(), noon, NotCanonical},
	} {
		_, err := d.Confirmed(row.raw, row.now)
		if row.want == "" {
			if err != nil {
				t.Errorf("%s: %v", row.name, err)
			}
			continue
		}
		t.Run(row.name, func(t *testing.T) { wantReason(t, err, row.want) })
	}
	_, err = Countersign(both, r.hands["xk"])
	wantReason(t, err, SignedTwice)
	if _, err := Open(both, r.pins, noon, 0); err == nil {
		t.Error("a confirmation was opened as a directory")
	}
}

func TestAConfirmationIsOfThisDirectoryAndOfADay(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	d := r.open(t)
	good, err := d.Confirmed(r.confirm(t, d, noon, "al", "ba"), noon)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name   string
		change func(c *Confirmation)
		want   Reason
	}{
		{"another kind", func(c *Confirmation) { c.Kind = kindDirectory }, UnknownKind},
		{"another number", func(c *Confirmation) { c.Directory = 2 }, OtherDocument},
		{"another digest", func(c *Confirmation) { c.Digest = gateway.DigestString("x") }, OtherDocument},
		{"other statements", func(c *Confirmation) { c.Statements = gateway.DigestString("x") }, OtherDocument},
		{"two days", func(c *Confirmation) { c.Expires = c.Issued.Add(Freshness + time.Second) }, BadDates},
		{"ended when it began", func(c *Confirmation) { c.Expires = c.Issued }, BadDates},
		{"issued in fractions", func(c *Confirmation) { c.Issued = c.Issued.Add(time.Millisecond) }, BadDates},
		{"ending in fractions", func(c *Confirmation) { c.Expires = c.Expires.Add(-time.Millisecond) }, BadDates},
		{"as of a fraction", func(c *Confirmation) { c.AsOf = c.AsOf.Add(time.Millisecond) }, BadDates},
		{"as of tomorrow", func(c *Confirmation) { c.AsOf = c.Issued.Add(day) }, BadDates},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			c := good
			row.change(&c)
			payload, err := canonical(c)
			if err != nil {
				t.Fatal(err)
			}
			_, err = d.Confirmed(r.forcePayload(t, payload, "al", "ba"), noon)
			wantReason(t, err, row.want)
		})
	}
}

func TestWhoIsKeptFromNewsFindsOut(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	reg, _ := r.register(t)
	if got := reg.Standing(noon).String(); got != "degraded: never confirmed" {
		t.Errorf("standing %q", got)
	}
	if err := reg.Confirm(r.confirm(t, r.open(t), noon, "al", "ba"), noon); err != nil {
		t.Fatal(err)
	}
	if got := reg.Standing(noon).String(); got != "confirmed" {
		t.Errorf("standing %q", got)
	}
	// The others took a revocation that this process was not given.
	told := r.with(t, r.revoke(t, "rs/coordinator", gateway.UseMessage, noon))
	soon := noon.Add(time.Minute)
	if err := reg.Confirm(r.confirm(t, told, soon, "al", "ba"), soon); err != nil {
		t.Fatal(err)
	}
	if s := reg.Standing(soon); !s.Confirmed {
		t.Errorf("a statement of the last minutes: %q", s)
	}
	later := noon.Add(time.Hour)
	if err := reg.Confirm(r.confirm(t, told, later, "al", "ba"), later); err != nil {
		t.Fatal(err)
	}
	if s := reg.Standing(later); s.Confirmed || !s.Behind {
		t.Errorf("standing %q, want behind", s)
	}
	if err := reg.Heard(told.Statements()[0], later); err != nil {
		t.Fatal(err)
	}
	if got := reg.Standing(later).String(); got != "confirmed" {
		t.Errorf("standing %q once it has the statement", got)
	}
	wantReason(t, reg.Confirm(r.confirm(t, told, soon, "al", "ba"), later), RolledBack)
}

func TestALapsedConfirmationStopsNothing(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	reg, folder := r.register(t)
	if err := reg.Confirm(r.confirm(t, r.open(t), noon, "al", "ba"), noon); err != nil {
		t.Fatal(err)
	}
	late := noon.Add(3 * day)
	if got := reg.Standing(late).String(); got != "degraded: not confirmed since 2026-11-22T12:00:00Z" {
		t.Errorf("standing %q", got)
	}
	if err := reg.Live().Ready(late); err != nil {
		t.Errorf("a lapsed confirmation stops messages: %v", err)
	}
	if err := reg.Heard(r.revoke(t, "rs/coordinator", gateway.UseMessage, late), late); err != nil {
		t.Errorf("a lapsed confirmation stops a revocation: %v", err)
	}
	again, err := OpenRegister(folder, r.pins, r.force(t, r.doc), noon)
	if err != nil {
		t.Fatal(err)
	}
	if !again.Standing(noon).Confirmed {
		t.Error("the confirmation was forgotten")
	}
	if got := reg.Standing(r.doc.Expires).String(); got != "expired" {
		t.Errorf("standing %q", got)
	}
}
