package trust

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
)

func TestADirectorySaysWhoMaySpeak(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	d := r.open(t)
	want := r.keys["rs/coordinator"][gateway.UseMessage]
	k, ok := d.Key(want.ID())
	if !ok || k.Party != "rs/coordinator" || k.Use != gateway.UseMessage || k.Alg != "ES256" || !k.ValidAt(noon) {
		t.Errorf("key: %v %v", k, ok)
	}
	if k, ok := d.Caller(r.key("rs/coordinator", gateway.UseAssertion).Thumbprint); !ok || k.Party != "rs/coordinator" {
		t.Errorf("caller: %v %v", k.Party, ok)
	}
	if _, ok := d.Caller(r.key("rs/coordinator", gateway.UseMessage).Thumbprint); ok {
		t.Error("a message key's certificate calls")
	}
	if k, ok := d.Key(r.hands["xk"].ID()); !ok || k.Use != gateway.UseDirectory || k.Party != "xk/coordinator" {
		t.Errorf("directory key: %v %v", k, ok)
	}
	if i, ok := d.Institution("rs/child-protection"); !ok || i.Names["en"] != "Office" {
		t.Errorf("institution: %v %v", i, ok)
	}
	for _, unknown := range []gateway.Party{"", "rs/auditor", "rs", "RS/coordinator"} {
		if _, ok := d.Institution(unknown); ok || d.Keys(unknown, gateway.UseMessage, noon) != nil {
			t.Errorf("it knows %q", unknown)
		}
	}
	if _, ok := d.Key(""); ok {
		t.Error("it knows the empty key")
	}
	if _, ok := d.Caller(""); ok {
		t.Error("it knows the empty caller")
	}
}

func TestAPairIsFoundFromBothSides(t *testing.T) {
	t.Parallel()
	d := newRegion(t).open(t)
	a, ok := d.Pair("rs", "ba")
	b, _ := d.Pair("ba", "rs")
	if !ok || a.A != "ba" || a.B != "rs" || !a.On {
		t.Errorf("pair: %+v %v", a, ok)
	}
	if diff := cmp.Diff(a, b); diff != "" {
		t.Error(diff)
	}
	if _, ok := d.Pair("rs", "rs"); ok {
		t.Error("a country is a pair with itself")
	}
	if got := len(d.Pairs()); got != 21 {
		t.Errorf("%d pairs, want 21", got)
	}
}

func TestKeysAreListedNewestFirstAndOnlyWhileTheyAreValid(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	e := r.doc.Entry("rs/coordinator")
	first := keep(e.Keys, gateway.UseEncryption)[0]
	_, second := fresh(t, gateway.UseEncryption, noon.Add(60*day))
	_, third := fresh(t, gateway.UseEncryption, noon.Add(70*day))
	third.Revoked = noon.Add(75 * day)
	_, fourth := fresh(t, gateway.UseEncryption, noon.Add(72*day))
	e.Keys = append(e.Keys, third, second, fourth)
	r.doc.Sort()
	d := r.open(t)
	for _, row := range []struct {
		at   time.Time
		want []string
	}{
		{noon.Add(-2 * time.Hour), nil},
		{noon, []string{first.ID}},
		{noon.Add(60 * day), []string{second.ID, first.ID}},
		{noon.Add(70 * day), []string{third.ID, second.ID, first.ID}},
		{noon.Add(73 * day), []string{fourth.ID, third.ID, second.ID, first.ID}},
		{noon.Add(75 * day), []string{fourth.ID, second.ID, first.ID}},
		{noon.Add(95 * day), []string{fourth.ID, second.ID}},
		{noon.Add(200 * day), nil},
	} {
		var got []string
		list := d.Keys("rs/coordinator", gateway.UseEncryption, row.at)
		for _, k := range list {
			got = append(got, k.ID)
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("at %s: %s", row.at.Format(time.DateOnly), diff)
		}
		_ = append(list, gateway.Key{}) // must not write into the directory
	}
	if got := len(d.Keys("rs/coordinator", gateway.UseEncryption, noon.Add(73*day))); got != 4 {
		t.Error("a caller's append changed the directory")
	}
}

func TestLookUpsAllocateNothing(t *testing.T) {
	r := newRegion(t)
	l := NewLive(r.open(t))
	id := r.keys["rs/coordinator"][gateway.UseMessage].ID()
	x5t := r.key("rs/coordinator", gateway.UseAssertion).Thumbprint
	got := testing.AllocsPerRun(100, func() {
		_, a := l.Key(id)
		_, b := l.Institution("rs/coordinator")
		_, c := l.Pair("rs", "al")
		_, e := l.Caller(x5t)
		if !a || !b || !c || !e || len(l.Keys("rs/coordinator", gateway.UseEncryption, noon)) != 1 {
			t.Error("not found")
		}
	})
	if got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func TestSwappingShowsWholeDirectoriesToEverybody(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	one := r.open(t)
	doc := r.next()
	doc.Entry("rs/coordinator").Duty = "+9990010002"
	doc.Entry("ba/coordinator").Duty = "+9990010002"
	two, err := Open(r.force(t, doc), r.pins, noon.Add(Delay), 1)
	if err != nil {
		t.Fatal(err)
	}
	l := NewLive(one)
	l.Swap(nil)
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				d := l.Current()
				a, _ := d.Institution("rs/coordinator")
				b, _ := d.Institution("ba/coordinator")
				if a.Duty != b.Duty {
					t.Error("half of one directory and half of another")
					return
				}
				l.Keys("rs/coordinator", gateway.UseEncryption, noon)
			}
		})
	}
	for range 1000 {
		l.Swap(two)
		l.Swap(one)
	}
	close(stop)
	readers.Wait()
	l.Swap(two)
	if l.Current() != two {
		t.Error("the last swap did not hold")
	}
}

func TestAnExpiredDirectoryIsStaleAndInvitesAnotherAttempt(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	l := NewLive(r.open(t))
	if err := l.Ready(noon); err != nil {
		t.Error(err)
	}
	p := gateway.AsProblem(l.Ready(r.doc.Expires))
	if p.Code != gateway.CodeDirectoryStale || p.Final() {
		t.Errorf("problem %v", p)
	}
}

func TestADocumentCannotBeChangedThroughItsCopy(t *testing.T) {
	t.Parallel()
	d := newRegion(t).open(t)
	doc := d.Document()
	doc.Entry("rs/coordinator").Names["en"] = "Somebody else"
	doc.Pairs[0].Articles[0] = "art-99"
	doc.Log.Policy = "quorum none\n"
	doc.Entry("rs/coordinator").Keys[0].ID = "x"
	if i, _ := d.Institution("rs/coordinator"); i.Names["en"] != "Office" {
		t.Error("a name changed")
	}
	if l, ok := d.Log(); !ok || strings.Contains(l.Policy, "none") {
		t.Error("the witnesses changed")
	}
	if p, _ := d.Pair("al", "ba"); p.Articles[0] != "art-12" {
		t.Error("an article changed")
	}
	if err := d.Document().Check(); err != nil {
		t.Error(err)
	}
}

func TestADescriptionCarriesTheFootnote(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := Describe(&b, newRegion(t).open(t), noon); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"directory 1", "TEST KEY", "rs/child-protection", "al-ba", "4 of 7", "log trm", "quorum one", gateway.FootnoteXK} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("it does not say %q", want)
		}
	}
}

func TestADifferenceIsToldInWords(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	doc := r.next()
	_, k := fresh(t, gateway.UseEncryption, noon.Add(Delay))
	e := doc.Entry("rs/coordinator")
	e.Keys = append(e.Keys, k)
	e.Classes = []gateway.Class{"E", "C1", "C2"}
	e.Duty = "+9990010003"
	revoked := &doc.Entry("me/coordinator").Keys[0]
	revoked.Revoked = noon
	doc = without(doc, "rs/child-protection")
	doc.Pairs[0].On = false
	doc.Log.Policy = strings.Replace(doc.Log.Policy, "quorum one", "quorum none", 1)
	doc.Pairs[1].Articles = []string{"art-12", "art-34"}
	doc.Pairs[0].Terms = append(terms("capacity"), doc.Pairs[0].Terms[1])
	doc.Pairs[0].Terms[1].Child = gateway.Term{N: 6, Unit: "h"}
	doc.Sort()
	want := []string{
		"me/coordinator: approval key " + short(revoked.ID) + " revoked since 2026-11-21T12:00:00Z",
		"rs/child-protection: removed",
		"rs/coordinator: may receive E C1 C2 instead of E C1",
		"rs/coordinator: duty telephone changed",
		"rs/coordinator: encryption key " + short(k.ID) + " added, valid 2026-11-23 to 2027-02-21",
		"al-ba: switched off",
		"al-ba: answers to capacity are due in 3wd, child 12h, urgent 1h",
		"al-ba: answers to referral are due in 3wd, child 6h, urgent 1h instead of 3wd, child 12h, urgent 1h",
		"al-ba: answers to info family-risk from ba are due as in the table instead of 3wd, child 12h, urgent 1h",
		"al-md: article art-34 added",
		"al-md: article art-33 removed",
		"log: witnessed by another policy:\n  " + strings.ReplaceAll(strings.TrimSpace(doc.Log.Policy), "\n", "\n  "),
	}
	if diff := cmp.Diff(want, Diff(r.doc, doc)); diff != "" {
		t.Error(diff)
	}
	if got := Diff(r.doc, r.next()); len(got) != 0 {
		t.Errorf("dates alone: %v", got)
	}
}

func BenchmarkOpen(b *testing.B) {
	r := newRegion(b)
	raw := r.force(b, r.doc)
	for b.Loop() {
		if _, err := Open(raw, r.pins, noon, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkKeys(b *testing.B) {
	r := newRegion(b)
	l := NewLive(r.open(b))
	b.ReportAllocs()
	for b.Loop() {
		if len(l.Keys("rs/coordinator", gateway.UseEncryption, noon)) == 0 {
			b.Fatal("no key")
		}
	}
}
