package trust

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// march is a release of the code lists that nobody has signed.
func march() Codes {
	return Codes{
		Release: "2027-03", Supersedes: "2026-11", Published: noon, Activates: noon.Add(30 * day), Overlaps: noon.Add(400 * day),
		Digests: map[string]string{"indicator": strings.Repeat("A", 43), "texts/sr-Latn": strings.Repeat("A", 43)},
	}
}

func TestTheQuorumPublishesARelease(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	d := r.open(t)
	three, err := SignCodes(march(), r.by("al", "ba", "md")...)
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Codes(three)
	wantReason(t, err, TooFew)
	four, err := CosignCodes(three, r.hands["rs"])
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Codes(four)
	if err != nil {
		t.Fatal(err)
	}
	want := march()
	want.Kind = "codes"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if read, err := ReadCodes(three); err != nil || read.Release != "2027-03" {
		t.Errorf("reading: %v", err)
	}
	_, err = CosignCodes(four, r.hands["rs"])
	wantReason(t, err, SignedTwice)
	_, err = d.Codes(bytes.Replace(four, []byte(`"payload":"e`), []byte(`"payload":"f`), 1))
	if err == nil {
		t.Error("a changed manifest is proven")
	}
}

func TestWhatCoordinatorsSignForOneThingIsNoOther(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	d := r.open(t)
	raw, err := SignCodes(march(), r.by("al", "ba", "md", "rs")...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(raw, r.pins, noon, 0); err == nil {
		t.Error("a release was opened as a directory")
	}
	if _, err := d.Confirmed(raw, noon); err == nil {
		t.Error("a release confirms a directory")
	}
	if _, err := d.Codes(d.Signed()); err == nil {
		t.Error("a directory is a release")
	}
	if _, err := d.Codes(r.confirm(t, d, noon, "al", "ba", "md", "rs")); err == nil {
		t.Error("a confirmation is a release")
	}
	_, err = SignCodes(march(), r.keys["rs/coordinator"]["message"])
	wantReason(t, err, WrongUse)
}

func TestAManifestWithAFaultIsNotSigned(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	for name, row := range map[string]struct {
		change func(*Codes)
		want   Reason
	}{
		"a name that is none":      {func(c *Codes) { c.Release = "spring" }, BadStatement},
		"a month that is none":     {func(c *Codes) { c.Release = "2027-13" }, BadStatement},
		"superseding itself":       {func(c *Codes) { c.Supersedes = c.Release }, BadStatement},
		"superseding nothing":      {func(c *Codes) { c.Supersedes = "" }, BadStatement},
		"in force before":          {func(c *Codes) { c.Activates = c.Published.Add(-time.Second) }, BadDates},
		"ending before it begins":  {func(c *Codes) { c.Overlaps = c.Activates.Add(-time.Second) }, BadDates},
		"half a second":            {func(c *Codes) { c.Published = c.Published.Add(time.Millisecond) }, BadDates},
		"no lists":                 {func(c *Codes) { c.Digests = nil }, BadStatement},
		"a digest that is none":    {func(c *Codes) { c.Digests["indicator"] = "abc" }, BadStatement},
		"a part that has no name":  {func(c *Codes) { c.Digests["../x"] = c.Digests["indicator"] }, BadStatement},
		"a list in a strange form": {func(c *Codes) { c.Digests["Indicator"] = c.Digests["indicator"] }, BadStatement},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := march()
			row.change(&c)
			_, err := SignCodes(c, r.by("al", "ba", "md", "rs")...)
			wantReason(t, err, row.want)
		})
	}
}

func TestARegisterProvesAReleaseWithTheDirectoryOfItsTime(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	first, err := Sign(r.doc, r.by("al", "ba", "md", "rs")...)
	if err != nil {
		t.Fatal(err)
	}
	reg, err := OpenRegister(t.TempDir(), r.pins, first, noon)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := SignCodes(march(), r.by("al", "ba", "md", "rs")...)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := reg.Codes(raw); err != nil || c.Release != "2027-03" {
		t.Errorf("%v", err)
	}
	few, err := SignCodes(march(), r.by("al", "ba", "md")...)
	if err != nil {
		t.Fatal(err)
	}
	_, err = reg.Codes(few)
	wantReason(t, err, TooFew)
}
