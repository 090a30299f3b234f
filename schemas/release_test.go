package schemas_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
	"example.org/trm/schemas"
)

// The days in the life of the second release.
var (
	published  = time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)
	activates  = time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)
	overlaps   = time.Date(2028, 3, 31, 0, 0, 0, 0, time.UTC)
	secondLife = schemas.Life{Published: published, Activates: activates, Supersedes: "2026-11", Overlaps: overlaps}
)

// next is a second release of the indicator list: a new indicator, and one on its way out.
func next(t testing.TB, s *schemas.Set) schemas.Release {
	t.Helper()
	first, ok := s.Published("2026-11")
	if !ok {
		t.Fatal("the first release is not here")
	}
	r := schemas.Release{Name: "2027-03", Texts: schemas.Texts{"sq": {"indicator": {"g16": "Përdoret për mashtrim në internet"}}}}
	for _, l := range first.Lists {
		l.Codes = slices.Clone(l.Codes)
		if l.Name == "indicator" {
			l.Codes = append(l.Codes, schemas.CodeText{ID: "g16", En: "Is made to defraud others online", ICTIP: "to be confirmed"})
			i := slices.IndexFunc(l.Codes, func(c schemas.CodeText) bool { return c.ID == "c05" })
			l.Codes[i].Until, l.Codes[i].Instead = "2028-03-31", "g16"
		}
		r.Lists = append(r.Lists, l)
	}
	return r
}

// at is a set of a process whose clock shows that day, with the second release.
func at(t testing.TB, now time.Time) *schemas.Set {
	t.Helper()
	s := open(t).Under(func() time.Time { return now })
	if err := s.Take(next(t, s), secondLife, []byte("signed")); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAReleaseIsAnnouncedThenCurrentAndTheOneBeforeOverlapsThenEnds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		now      time.Time
		current  string
		accepted []string
		states   []schemas.State
	}{
		{published, "2026-11", []string{"2026-11"}, []schemas.State{schemas.Current, schemas.Announced}},
		{activates.Add(-time.Second), "2026-11", []string{"2026-11"}, []schemas.State{schemas.Current, schemas.Announced}},
		{activates, "2027-03", []string{"2026-11", "2027-03"}, []schemas.State{schemas.Overlapping, schemas.Current}},
		{overlaps.Add(-time.Second), "2027-03", []string{"2026-11", "2027-03"}, []schemas.State{schemas.Overlapping, schemas.Current}},
		{overlaps, "2027-03", []string{"2027-03"}, []schemas.State{schemas.Ended, schemas.Current}},
	} {
		s := at(t, c.now)
		var states []schemas.State
		for _, i := range s.Issues() {
			states = append(states, i.State)
		}
		if s.Release() != c.current || !slices.Equal(s.Releases(), c.accepted) || !slices.Equal(states, c.states) {
			t.Errorf("%s: %s, accepted %v, %v", c.now, s.Release(), s.Releases(), states)
		}
		if _, ok := s.Skeleton("capacity.request/1.0"); !ok {
			t.Errorf("%s: no skeleton", c.now)
		}
	}
	s := at(t, activates)
	last := s.Issues()[1]
	if diff := cmp.Diff(schemas.Issue{Release: "2027-03", State: schemas.Current, Life: secondLife, Signed: []byte("signed")}, last); diff != "" {
		t.Error(diff)
	}
	if !s.Issues()[0].Until.Equal(overlaps) {
		t.Errorf("the first ends at %s", s.Issues()[0].Until)
	}
}

func TestAMessageIsJudgedByTheReleaseOfTheDayOnWhichItWasSigned(t *testing.T) {
	t.Parallel()
	s := at(t, overlaps.AddDate(1, 0, 0))
	first := open(t)
	for _, c := range []struct {
		codes string
		at    time.Time
		hint  string
	}{
		{"2026-11", published, ""},
		{"2026-11", overlaps.Add(-time.Second), ""},
		{"2027-03", activates, ""},
		{"2027-03", activates.Add(-gateway.Skew), ""}, // a clock that is ahead
		{"2026-11", overlaps, "Release 2026-11 ended on 2028-03-31. Accepted: 2027-03; /v1/codes has them."},
		{"2027-03", activates.Add(-gateway.Skew - time.Second), "Release 2027-03 comes into force on 2027-03-01. Accepted: 2026-11; /v1/codes has them."},
		{"2029-01", activates, "Release 2029-01 is not known here. Accepted: 2026-11, 2027-03; /v1/codes has them."},
		{"Canary", activates, "Accepted: 2026-11, 2027-03; /v1/codes has them."},
	} {
		h, d := message(t, first, "capacity.request/1.0")
		d["codes"], h.Codes, h.IssuedAt = c.codes, c.codes, c.at
		err := s.Validate(h, d)
		switch {
		case c.hint == "" && err != nil:
			t.Errorf("%s on %s: %v %s", c.codes, c.at, err, gateway.AsProblem(err).Hint)
		case c.hint != "" && (err == nil || gateway.AsProblem(err).Code != gateway.CodeCodesUnknown || gateway.AsProblem(err).Hint != c.hint):
			t.Errorf("%s on %s: %v %q", c.codes, c.at, err, gateway.AsProblem(err).Hint)
		}
	}
}

func TestARefusedCodeNamesListReleaseAndWhatIsAccepted(t *testing.T) {
	t.Parallel()
	s := at(t, activates)
	facts := map[string]any{"indicators": []any{map[string]any{"code": "g16", "source": "observed"}}}
	if err := s.ValidateBlock("2027-03", "facts", facts); err != nil {
		t.Errorf("the new indicator in the new release: %v", err)
	}
	p := gateway.AsProblem(s.ValidateBlock("2026-11", "facts", facts))
	const want = "Use a code of the list; trm codes indicator prints it. List indicator, release 2026-11; accepted releases: 2026-11, 2027-03."
	if p.Code != gateway.CodeSchema || p.Pointer != "/indicators/0/code" || p.Hint != want {
		t.Errorf("got %s at %s: %s", p.Code, p.Pointer, p.Hint)
	}
	if strings.Contains(p.Hint, "g16") {
		t.Error("the refusal repeats the code")
	}
}

func TestACodeOnItsWayOutIsAcceptedAndPointedAt(t *testing.T) {
	t.Parallel()
	s := at(t, activates)
	facts := map[string]any{"indicators": []any{map[string]any{"code": "c05", "source": "observed"}}}
	if err := s.ValidateBlock("2027-03", "facts", facts); err != nil {
		t.Error(err)
	}
	want := []schemas.Deprecated{{Pointer: "/facts/indicators/0/code", List: "indicator", Until: "2028-03-31"}}
	if diff := cmp.Diff(want, s.Deprecated("2027-03", "facts", facts)); diff != "" {
		t.Error(diff)
	}
	if got := s.Deprecated("2026-11", "facts", facts); got != nil {
		t.Errorf("deprecated before it was: %v", got)
	}
}

func TestAReaderWithoutTheReleaseReadsIt(t *testing.T) {
	t.Parallel()
	old := open(t)
	r := schemas.Reader{Set: old}
	facts := map[string]any{"indicators": []any{
		map[string]any{"code": "g16", "source": "observed"}, map[string]any{"code": "g01", "source": "stated"},
	}}
	if err := old.ValidateBlock("2027-03", "facts", facts); err == nil {
		t.Error("the strict set takes a release that it does not have")
	}
	if err := r.ValidateBlock("2027-03", "facts", facts); err != nil {
		t.Errorf("the reader refuses: %v", err)
	}
	want := []schemas.Strange{{Pointer: "/facts/indicators/0/code", List: "indicator", Code: "g16"}}
	if diff := cmp.Diff(want, old.Strange("facts", facts)); diff != "" {
		t.Error(diff)
	}
	if got := at(t, activates).Strange("facts", facts); got != nil {
		t.Errorf("strange to who has the release: %v", got)
	}
	// What is no code, is surplus, or is of a release that is here, is refused as ever.
	for name, err := range map[string]error{
		"no code": r.ValidateBlock("2027-03", "facts", map[string]any{"indicators": []any{map[string]any{"code": "Canary was here", "source": "observed"}}}),
		"long":    r.ValidateBlock("2027-03", "facts", map[string]any{"indicators": []any{map[string]any{"code": strings.Repeat("x", 41), "source": "observed"}}}),
		"surplus": r.ValidateBlock("2027-03", "facts", map[string]any{"canary": "g16"}),
		"known":   r.ValidateBlock("2026-11", "facts", facts),
		"release": r.ValidateBlock("canary", "facts", facts),
	} {
		if err == nil {
			t.Errorf("%s: the reader takes it", name)
		}
	}
	// The head and the clear blocks of every type.
	for _, typ := range old.Types() {
		h, d := message(t, old, typ.Name)
		d["codes"], h.Codes = "2027-03", "2027-03"
		if err := r.Validate(h, d); err != nil {
			t.Errorf("%s: %v", typ.Name, err)
		}
		if err := old.Validate(h, d); gateway.AsProblem(err).Code != gateway.CodeCodesUnknown {
			t.Errorf("%s: the strict set says %v", typ.Name, err)
		}
		d["purpose"] = "Canary purpose"
		if err := r.Validate(h, d); err == nil {
			t.Errorf("%s: free text in the head is read", typ.Name)
		}
	}
}

func TestWhatWasSaidStaysReadableForEver(t *testing.T) {
	t.Parallel()
	s := at(t, activates)
	third := next(t, s)
	third.Name = "2028-05"
	for i, l := range third.Lists {
		if l.Name == "indicator" {
			third.Lists[i].Codes = slices.DeleteFunc(slices.Clone(l.Codes), func(c schemas.CodeText) bool { return c.ID == "c05" })
		}
	}
	life := schemas.Life{Published: overlaps, Activates: overlaps.AddDate(0, 2, 0), Supersedes: "2027-03", Overlaps: overlaps.AddDate(2, 0, 0)}
	if err := s.Take(third, life, nil); err != nil {
		t.Fatal(err)
	}
	later := s.Under(func() time.Time { return overlaps.AddDate(9, 0, 0) })
	if later.Release() != "2028-05" {
		t.Fatalf("release %s", later.Release())
	}
	if c, ok := later.Code("indicator", "c05"); !ok || c.En == "" {
		t.Error("a code that was withdrawn cannot be read any more")
	}
	facts := map[string]any{"indicators": []any{map[string]any{"code": "c05", "source": "observed"}}}
	if err := later.ValidateBlock("2028-05", "facts", facts); err == nil {
		t.Error("a withdrawn code is accepted in the release that left it out")
	}
	if err := (schemas.Reader{Set: later}).ValidateBlock("2026-11", "facts", facts); err != nil {
		t.Errorf("an old message cannot be read: %v", err)
	}
}

func TestAReleaseThatTakesAwayWhatSomebodyMaySayIsRefused(t *testing.T) {
	t.Parallel()
	drop := func(list, code string) func(*schemas.Release, *schemas.Life) {
		return func(r *schemas.Release, _ *schemas.Life) {
			for i, l := range r.Lists {
				if l.Name == list {
					r.Lists[i].Codes = slices.DeleteFunc(slices.Clone(l.Codes), func(c schemas.CodeText) bool { return c.ID == code })
				}
			}
		}
	}
	for name, change := range map[string]func(*schemas.Release, *schemas.Life){
		"another name":            func(r *schemas.Release, _ *schemas.Life) { r.Name = "spring" },
		"a name before":           func(r *schemas.Release, _ *schemas.Life) { r.Name = "2026-10" },
		"follows another":         func(_ *schemas.Release, l *schemas.Life) { l.Supersedes = "2026-10" },
		"in force too soon":       func(_ *schemas.Release, l *schemas.Life) { l.Activates = l.Published.Add(schemas.Notice - time.Second) },
		"in force before":         func(_ *schemas.Release, l *schemas.Life) { l.Activates = l.Published.Add(-time.Second) },
		"published never":         func(_ *schemas.Release, l *schemas.Life) { l.Published = time.Time{} },
		"overlaps too short":      func(_ *schemas.Release, l *schemas.Life) { l.Overlaps = l.Activates.Add(schemas.Overlap - time.Second) },
		"without a list":          func(r *schemas.Release, _ *schemas.Life) { r.Lists = r.Lists[1:] },
		"a code was dropped":      drop("indicator", "g01"),
		"a deprecated one, early": drop("indicator", "b05"),
		"a code that types name":  drop("outcome", "accepted"),
		"a question of a type":    drop("askCode", "compensation"),
		"a number and a word": func(r *schemas.Release, _ *schemas.Life) {
			r.Lists[0].Codes = append(r.Lists[0].Codes, schemas.CodeText{ID: "later", En: "Later"})
		},
		"a code misspelt":          func(r *schemas.Release, _ *schemas.Life) { r.Lists[0].Codes[0].ID = "Canary" },
		"text in a strange tongue": func(r *schemas.Release, _ *schemas.Life) { r.Texts = schemas.Texts{"xx": nil} },
		"text for no code":         func(r *schemas.Release, _ *schemas.Life) { r.Texts["sq"]["indicator"]["g99"] = "Tekst" },
		"text for no list": func(r *schemas.Release, _ *schemas.Life) {
			r.Texts["sq"]["nothing"] = map[string]string{"g16": "Tekst"}
		},
		"an empty text": func(r *schemas.Release, _ *schemas.Life) { r.Texts["sq"]["indicator"]["g16"] = "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t).Under(func() time.Time { return published })
			r, l := next(t, s), secondLife
			change(&r, &l)
			before := s.Digest()
			if err := s.Take(r, l, nil); err == nil {
				t.Fatal("it was taken")
			}
			if len(s.Issues()) != 1 || s.Digest() != before {
				t.Error("it was refused and is there")
			}
		})
	}
}

func TestAReleaseMayGoBeyondNinePhases(t *testing.T) {
	t.Parallel()
	s := open(t).Under(func() time.Time { return activates })
	r := next(t, s)
	if r.Lists[0].Name != "phase" {
		t.Fatal(r.Lists[0].Name)
	}
	r.Lists[0].Codes = append(r.Lists[0].Codes, schemas.CodeText{ID: "12", En: "A twelfth"})
	if err := s.Take(r, secondLife, nil); err != nil {
		t.Fatal(err)
	}
	h, d := message(t, s, "capacity.request/1.0")
	h.IssuedAt = activates
	d["subject"].(map[string]any)["phase"] = json.Number("12")
	if err := s.Validate(h, d); err != nil {
		t.Errorf("%v: %s", err, gateway.AsProblem(err).Hint)
	}
	d["subject"].(map[string]any)["phase"] = json.Number("11")
	if err := s.Validate(h, d); err == nil {
		t.Error("a phase that no list has is accepted")
	}
}

func TestTakingAReleaseTwiceIsTakingItOnce(t *testing.T) {
	t.Parallel()
	s := at(t, activates)
	digest := s.Digest()
	if err := s.Take(next(t, s), secondLife, []byte("signed again")); err != nil {
		t.Fatal(err)
	}
	if len(s.Issues()) != 2 || string(s.Issues()[1].Signed) != "signed" || s.Digest() != digest {
		t.Errorf("%v", s.Issues())
	}
	other := next(t, s)
	i := slices.IndexFunc(other.Lists, func(l schemas.List) bool { return l.Name == "indicator" })
	other.Lists[i].Codes[0].En = "Something else"
	if err := s.Take(other, secondLife, nil); err == nil {
		t.Error("another release of the same name was taken")
	}
}

func TestWhatOneProcessTakesAnotherDoesNotHave(t *testing.T) {
	t.Parallel()
	s := open(t)
	mine, theirs := s.Under(func() time.Time { return activates }), s.Under(func() time.Time { return activates })
	if err := mine.Take(next(t, s), secondLife, nil); err != nil {
		t.Fatal(err)
	}
	if mine.Release() != "2027-03" || theirs.Release() != "2026-11" || mine.Digest() == theirs.Digest() {
		t.Errorf("%s and %s", mine.Release(), theirs.Release())
	}
	files, err := mine.Files()
	if err != nil {
		t.Fatal(err)
	}
	e, err := schemas.ReadEdition(files)
	if err != nil {
		t.Fatal(err)
	}
	if e.Digest() != mine.Digest() {
		t.Error("its files are not what its digest names")
	}
}

func TestAPublishedReleaseIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	want := next(t, open(t))
	raw, err := want.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	got, err := schemas.ParseRelease(raw)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want.Digests(), got.Digests()); diff != "" || len(want.Digests()) != len(want.Lists)+1 {
		t.Error(diff)
	}
	i := slices.IndexFunc(got.Lists, func(l schemas.List) bool { return l.Name == "indicator" })
	got.Lists[i].Codes[0].En += "."
	got.Texts["sq"]["indicator"]["g16"] += "."
	changed := 0
	for part, digest := range got.Digests() {
		if want.Digests()[part] != digest {
			changed++
		}
	}
	if changed != 2 {
		t.Errorf("%d digests changed, want the list's and the texts'", changed)
	}
	for name, raw := range map[string][]byte{
		"nothing": nil, "no JSON": []byte("release"), "surplus": bytes.Replace(raw, []byte(`"release"`), []byte(`"canary": 1, "release"`), 1),
		"two": slices.Concat(raw, raw), "large": bytes.Repeat([]byte(" "), schemas.MaxRelease+1), "no lists": []byte(`{"release":"2027-03"}`),
	} {
		if r, err := schemas.ParseRelease(raw); err == nil && len(r.Lists) > 0 {
			t.Errorf("%s was read", name)
		}
	}
}

// FuzzParseRelease: whatever is read as a release is written and read again the same, and
// can be refused by a set without harm.
func FuzzParseRelease(f *testing.F) {
	f.Add([]byte(`{"release":"2027-03","lists":[{"list":"need","about":"x","codes":[{"id":"a","en":"A","icTip":""}]}]}`))
	f.Add([]byte(`{"release":"2027-03","lists":[],"texts":{"sq":{"need":{"a":"b"}}}}`))
	f.Add([]byte(`{"release":"2027-03","lists":[{"list":"need","about":"x","codes":[{"id":"a","en":"A","icTip":"","until":"2030-01-01","instead":"b"},{"id":"b","en":"B","icTip":"","traits":{"sector":"any","group":"x","child":"no","phases":["1"],"source":"s"}}]}]}`))
	set, err := schemas.Open()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := schemas.ParseRelease(raw)
		if err != nil {
			return
		}
		again, err := r.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		back, err := schemas.ParseRelease(again)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r.Digests(), back.Digests()); diff != "" {
			t.Fatal(diff)
		}
		s := set.Under(func() time.Time { return activates })
		if err := s.Take(r, secondLife, nil); err == nil {
			t.Fatal("a release that drops everything was taken")
		}
	})
}

// The first release is what everybody can name. A manifest that dates it later proves its
// lists, and takes it from nobody.
func TestAManifestOfTheFirstReleaseTakesItFromNobody(t *testing.T) {
	t.Parallel()
	s := open(t)
	before := s.Releases()
	first, ok := s.Published(before[0])
	if !ok {
		t.Fatal("there is no first release")
	}
	to := time.Now().AddDate(1, 0, 0)
	life := schemas.Life{Published: to, Activates: to.AddDate(0, 1, 0), Supersedes: "2020-01", Overlaps: to.AddDate(3, 0, 0)}
	if err := s.Take(first, life, []byte("signed")); err != nil {
		t.Fatal(err)
	}
	if got := s.Releases(); !slices.Equal(got, before) || s.Release() != before[len(before)-1] {
		t.Errorf("accepted are %q, current is %s, want %q", got, s.Release(), before)
	}
	if i := s.Issues()[0]; string(i.Signed) != "signed" || i.State == schemas.Announced {
		t.Errorf("it is %+v", i)
	}
}
