package trust

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

func (r region) revoke(t testing.TB, p gateway.Party, u gateway.Use, at time.Time) string {
	t.Helper()
	return r.say(t, Statement{Kind: Revocation, By: p, Issued: at, Key: r.keys[p][u].ID(), Reason: "stolen"}, r.keys[p][gateway.UseApproval])
}

func (r region) switched(t testing.TB, side, with gateway.Country, off bool, at time.Time) string {
	t.Helper()
	return r.say(t, Statement{Kind: Switch, By: coordinator(side), Issued: at, With: with, Off: off}, r.hands[side])
}

func (r region) say(t testing.TB, s Statement, k *envelope.Private) string {
	t.Helper()
	jws, err := s.Sign(k)
	if err != nil {
		t.Fatal(err)
	}
	return jws
}

// with merges statements over number 1.
func (r region) with(t testing.TB, statements ...string) *Directory {
	t.Helper()
	d, err := r.open(t).With(statements...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestARevokedKeyWasGoodBefore(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	when := noon.Add(time.Hour)
	before := r.open(t)
	d, err := before.With(r.revoke(t, "rs/coordinator", gateway.UseMessage, when))
	if err != nil {
		t.Fatal(err)
	}
	id := r.keys["rs/coordinator"][gateway.UseMessage].ID()
	k, ok := d.Key(id)
	if !ok || !k.Revoked.Equal(when) {
		t.Fatalf("revoked at %v", k.Revoked)
	}
	if !k.ValidAt(when.Add(-time.Second)) || k.ValidAt(when) {
		t.Error("the revocation holds at the wrong time")
	}
	if got := d.Keys("rs/coordinator", gateway.UseMessage, when); len(got) != 0 {
		t.Error("a revoked key is listed")
	}
	if got := d.Keys("rs/coordinator", gateway.UseMessage, noon); len(got) != 1 {
		t.Error("as of before, it is not listed")
	}
	if k, _ := before.Key(id); !k.Revoked.IsZero() {
		t.Error("the directory without the statement changed")
	}
}

func TestARevocationIsForEver(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	early, late := noon.Add(time.Hour), noon.Add(2*time.Hour)
	a, b := r.revoke(t, "rs/coordinator", gateway.UseMessage, early), r.revoke(t, "rs/coordinator", gateway.UseMessage, late)
	for _, order := range [][]string{{a, b}, {b, a}} {
		k, _ := r.with(t, order...).Key(r.keys["rs/coordinator"][gateway.UseMessage].ID())
		if !k.Revoked.Equal(early) {
			t.Errorf("revoked since %v, want the earlier", k.Revoked)
		}
	}
}

func TestAPartyAloneChangesHowItIsReached(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	contacts := func(duty string, at time.Time) string {
		return r.say(t, Statement{Kind: Contacts, By: "rs/child-protection", Issued: at, Mailbox: "new@example.org", Duty: duty, Alternate: "rs/coordinator"},
			r.keys["rs/child-protection"][gateway.UseApproval])
	}
	old, new := contacts("+9990010007", noon), contacts("+9990010008", noon.Add(time.Minute))
	for _, order := range [][]string{{old, new}, {new, old}, {new, old, new}} {
		i, _ := r.with(t, order...).Institution("rs/child-protection")
		want := gateway.Institution{
			Party: "rs/child-protection", Names: map[string]string{"en": "Office"}, Classes: []gateway.Class{"E", "C1"},
			Mailbox: "new@example.org", Duty: "+9990010008", Alternate: "rs/coordinator",
		}
		if diff := cmp.Diff(want, i); diff != "" {
			t.Error(diff)
		}
	}
}

func TestAPartySaysThatNoMachineReachesIt(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	d := r.with(t, r.say(t, Statement{Kind: Contacts, By: "rs/child-protection", Issued: noon, Unreached: true, Duty: "+9990010007"},
		r.keys["rs/child-protection"][gateway.UseApproval]))
	if i, _ := d.Institution("rs/child-protection"); i.Mailbox != "" || i.Duty != "+9990010007" {
		t.Errorf("got %+v", i)
	}
	want := []gateway.Unreached{{Party: "rs/child-protection", Telephone: "+9990010007", Why: gateway.NoMailbox}}
	if diff := cmp.Diff(want, gateway.Unreachable(d, "rs/coordinator", "rs/child-protection")); diff != "" {
		t.Error(diff)
	}
}

func TestEitherSideSwitchesAPairOffAndNobodyForTheOther(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	rsOff := r.switched(t, "rs", "xk", true, noon)
	xkOff := r.switched(t, "xk", "rs", true, noon.Add(time.Minute))
	xkOn := r.switched(t, "xk", "rs", false, noon.Add(2*time.Minute))
	rsOn := r.switched(t, "rs", "xk", false, noon.Add(3*time.Minute))
	for _, row := range []struct {
		name string
		say  []string
		on   bool
	}{
		{"one side off", []string{rsOff}, false},
		{"the other side's on does not lift it", []string{rsOff, xkOn}, false},
		{"both off, one on again", []string{rsOff, xkOff, xkOn}, false},
		{"both off, both on again", []string{rsOff, xkOff, xkOn, rsOn}, true},
		{"an old statement played again", []string{rsOn, rsOff}, true},
	} {
		d := r.with(t, row.say...)
		if p, _ := d.Pair("rs", "xk"); p.On != row.on {
			t.Errorf("%s: on is %v", row.name, p.On)
		}
		if p, _ := d.Pair("rs", "ba"); !p.On {
			t.Errorf("%s: another pair is off", row.name)
		}
	}
	r.doc.Pairs[20].On = false // me-rs... whichever: a directory's off is lifted by nobody alone
	off := r.doc.Pairs[20]
	p, _ := r.with(t, r.switched(t, off.A, off.B, false, noon)).Pair(off.A, off.B)
	if p.On {
		t.Error("one side switched on what the directory has off")
	}
}

func TestStatementsOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	rs, ba := r.keys["rs/coordinator"], r.keys["ba/coordinator"]
	revocation := Statement{Kind: Revocation, By: "rs/coordinator", Issued: noon, Key: rs[gateway.UseMessage].ID(), Reason: "lost"}
	change := func(f func(s *Statement)) Statement { s := revocation; f(&s); return s }
	pair := Statement{Kind: Switch, By: "rs/coordinator", Issued: noon, With: "ba", Off: true}
	stranger, err := envelope.Generate(gateway.UseApproval, "ES256")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name string
		jws  string
		want Reason
	}{
		{"another party's approval key", r.say(t, revocation, ba[gateway.UseApproval]), NotTheirs},
		{"a key that nobody knows", r.say(t, revocation, stranger), NotTheirs},
		{"a key of another party", r.say(t, change(func(s *Statement) { s.Key = ba[gateway.UseMessage].ID() }), rs[gateway.UseApproval]), NotTheirs},
		{"a key that is not listed", r.say(t, change(func(s *Statement) { s.Key = stranger.ID() }), rs[gateway.UseApproval]), NotTheirs},
		{"before the signing key was valid", r.say(t, change(func(s *Statement) { s.Issued = noon.Add(-2 * time.Hour) }), rs[gateway.UseApproval]), NotTheirs},
		{"after the signing key ended", r.say(t, change(func(s *Statement) { s.Issued = noon.Add(366 * day) }), rs[gateway.UseApproval]), NotTheirs},
		{"a pair switched by another country", r.say(t, pair, r.hands["ba"]), NotTheirs},
		{"one changed byte", flip(r.say(t, revocation, rs[gateway.UseApproval])), BadSignature},
		{"not a statement", "a.b.c", BadForm},
		{"nothing", "", BadForm},
		{"a directory", parse(t, r.force(t, r.doc)).compact(0), NotCanonical},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, err := r.open(t).With(row.jws)
			wantReason(t, err, row.want)
		})
	}
}

func TestAStatementSaysOnlyWhatItsKindCan(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	rs := r.keys["rs/coordinator"]
	good := Statement{Kind: Revocation, By: "rs/coordinator", Issued: noon, Key: rs[gateway.UseMessage].ID(), Reason: "lost"}
	contacts := Statement{Kind: Contacts, By: "rs/coordinator", Issued: noon, Mailbox: "a@example.org", Duty: "+9990010001"}
	pair := Statement{Kind: Switch, By: "rs/coordinator", Issued: noon, With: "ba", Off: true}
	with := func(s Statement, f func(s *Statement)) Statement { f(&s); return s }
	for _, row := range []struct {
		name string
		s    Statement
		want Reason
	}{
		{"no kind", with(good, func(s *Statement) { s.Kind = "" }), UnknownKind},
		{"nobody's", with(good, func(s *Statement) { s.By = "" }), BadParty},
		{"without date", with(good, func(s *Statement) { s.Issued = time.Time{} }), BadDates},
		{"a reason in words", with(good, func(s *Statement) { s.Reason = "She left the office" }), BadStatement},
		{"no key", with(good, func(s *Statement) { s.Key = "" }), BadStatement},
		{"a revocation with a telephone", with(good, func(s *Statement) { s.Duty = "+9990010001" }), BadStatement},
		{"contacts with a key", with(contacts, func(s *Statement) { s.Key = good.Key }), BadStatement},
		{"contacts without mailbox", with(contacts, func(s *Statement) { s.Mailbox = "" }), BadMailbox},
		{"a mailbox of somebody unreached", with(contacts, func(s *Statement) { s.Unreached = true }), BadMailbox},
		{"unreached without telephone", with(contacts, func(s *Statement) { s.Mailbox, s.Unreached, s.Duty = "", true, "" }), BadDuty},
		{"a revocation of somebody unreached", with(good, func(s *Statement) { s.Unreached = true }), BadStatement},
		{"contacts without telephone", with(contacts, func(s *Statement) { s.Duty = "" }), BadDuty},
		{"an alternate abroad", with(contacts, func(s *Statement) { s.Alternate = "ba/coordinator" }), BadAlternate},
		{"a pair with itself", with(pair, func(s *Statement) { s.With = "rs" }), BadPair},
		{"a pair with nobody", with(pair, func(s *Statement) { s.With = "zz" }), BadPair},
		{"a pair switched by child protection", with(pair, func(s *Statement) { s.By = "rs/child-protection" }), BadPair},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, err := row.s.Sign(rs[gateway.UseApproval])
			wantReason(t, err, row.want)
		})
	}
	_, err := good.Sign(rs[gateway.UseMessage])
	wantReason(t, err, WrongUse)
	_, err = pair.Sign(rs[gateway.UseApproval])
	wantReason(t, err, WrongUse)
	_, err = good.Sign(nil)
	wantReason(t, err, WrongUse)
}

func TestAKindIsReadUnderItsOwnTypOnly(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	payload, err := canonical(Statement{Kind: Switch, By: "rs/coordinator", Issued: noon, With: "ba", Off: true})
	if err != nil {
		t.Fatal(err)
	}
	jws, err := envelope.SignCompact(typApproval, payload, r.keys["rs/coordinator"][gateway.UseApproval])
	if err != nil {
		t.Fatal(err)
	}
	_, err = ReadStatement(jws)
	wantReason(t, err, UnknownKind)
}

func TestARevokedApprovalKeySaysNothingMore(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	d := r.with(t, r.revoke(t, "rs/coordinator", gateway.UseApproval, noon))
	_, err := d.With(r.revoke(t, "rs/coordinator", gateway.UseMessage, noon.Add(time.Second)))
	wantReason(t, err, NotTheirs)
}

// flip changes one bit of the signature's middle.
func flip(jws string) string {
	b := []byte(jws)
	i := len(b) - 40
	if b[i] == 'A' {
		b[i] = 'B'
	} else {
		b[i] = 'A'
	}
	return string(b)
}
