package outgoing_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/gateway"
	"example.org/trm/gateway/policy/leak"
)

// telling is a note with a telephone number in it, of a registry's example.
const telling = "Majka: zovi 060/123-4567 poslije 16:00."

var tells = outgoing.Found{Pointer: "/sealed/note@coordinator/text", Finding: leak.Finding{Kind: leak.Telephone, From: 12, To: 24}}

// arrival is a notice with a note in a lane.
func (w *world) arrival(t testing.TB, lane gateway.Lane, text string) outgoing.Draft {
	return w.example(t, "arrival.notice/1.0", func(d *outgoing.Draft) {
		d.Lane = lane
		d.Sealed["note@coordinator"] = map[string]any{"text": text}
	})
}

func TestANoteThatIdentifiesSomebodyIsNotSigned(t *testing.T) {
	t.Parallel()
	w := theRegion(t)
	for _, lane := range []gateway.Lane{"", gateway.Normal, gateway.Child} {
		for _, all := range []bool{false, true} {
			d := w.arrival(t, lane, telling)
			_, err := w.desk().Sign(d, gateway.ThreadFacts{Opener: d.To, Other: d.From}, w.keys(t, d.From), outgoing.Options{All: all})
			p := problem(t, err)
			want := gateway.Problem{Code: gateway.CodeNoteIdentifies, Pointer: tells.Pointer, Hint: "Take out: telephone (characters 13 to 24)."}
			if p.Code != want.Code || p.Pointer != want.Pointer || p.Hint != want.Hint {
				t.Errorf("lane %q, all %v: got %+v", lane, all, p)
			}
			if s := fmt.Sprintf("%v %+v %s", err, p, p.Document().Detail); strings.Contains(s, "4567") {
				t.Errorf("the refusal repeats the note: %s", s)
			}
		}
	}
}

func TestTheUrgentLaneWarnsOfTheNoteAndSends(t *testing.T) {
	t.Parallel()
	w := theRegion(t)
	d := w.arrival(t, gateway.Urgent, telling)
	facts := gateway.ThreadFacts{Opener: d.To, Other: d.From}
	s, err := w.desk().Sign(d, facts, w.keys(t, d.From), outgoing.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]outgoing.Found{tells}, s.Preview.Found); diff != "" {
		t.Error(diff)
	}
	if s.Preview.Refused != nil {
		t.Errorf("refused as well: %v", s.Preview.Refused)
	}
	if got := w.judge(t, s.Raw, facts); got.refusal != nil || !slices.Contains(got.released, "note@coordinator") {
		t.Errorf("the gateway: %v, released %v", got.refusal, got.released)
	}
}

func TestThePreviewShowsWhatTheNoteTells(t *testing.T) {
	t.Parallel()
	w := theRegion(t)
	for _, lane := range []gateway.Lane{gateway.Normal, gateway.Urgent} {
		d := w.arrival(t, lane, telling)
		p, err := w.desk().Preview(d, gateway.ThreadFacts{Opener: d.To, Other: d.From})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]outgoing.Found{tells}, p.Found); diff != "" {
			t.Error(diff)
		}
		if refused := p.Refused != nil && p.Refused.Code == gateway.CodeNoteIdentifies; refused != (lane != gateway.Urgent) {
			t.Errorf("lane %s: %+v", lane, p.Refused)
		}
		raw, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		if err := p.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{string(raw), text.String()} {
			if strings.Contains(s, "4567") || strings.Contains(s, "Majka") {
				t.Errorf("the preview repeats the note: %s", s)
			}
		}
		// What every preview ends with is in the golden files of the others.
		read, _, _ := strings.Cut(text.String(), "\nStays here\n")
		file := filepath.Join("testdata", "preview", "note-"+string(lane)+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(read), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(read, string(want)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestOneNoteIsLookedThroughForEveryRoleThatGetsIt(t *testing.T) {
	t.Parallel()
	d := outgoing.Draft{Sealed: map[string]map[string]any{
		"note@social-services": {"text": "ana.canary@example.org"},
		"note@mobile-team.2":   {"text": telling},
		"note@coordinator":     {"text": "Sve je dogovoreno."},
		"facts@coordinator":    {"text": telling},
		"note@referral-ngo":    {"text": 3},
		"note@prosecution":     {},
	}}
	var got []string
	for _, f := range d.Found() {
		got = append(got, f.Pointer+" "+string(f.Kind))
	}
	if diff := cmp.Diff([]string{"/sealed/note@mobile-team.2/text telephone", "/sealed/note@social-services/text e-mail"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestALongListOfFindsIsCutShort(t *testing.T) {
	t.Parallel()
	w := theRegion(t)
	d := w.arrival(t, gateway.Normal, strings.Repeat("ana.canary@example.org; ", 9))
	_, err := w.desk().Sign(d, gateway.ThreadFacts{Opener: d.To, Other: d.From}, w.keys(t, d.From), outgoing.Options{})
	if hint := problem(t, err).Hint; strings.Count(hint, "e-mail") != 6 || !strings.HasSuffix(hint, ", and 3 more.") {
		t.Error(hint)
	}
}

// TestNoteIsTheOnlyFreeText holds the scan to the place that it looks at: should a block
// get another member of so many words, it is to be looked through as well.
func TestNoteIsTheOnlyFreeText(t *testing.T) {
	t.Parallel()
	w := theRegion(t)
	seen := false
	for _, b := range w.catalogue.Blocks() {
		raw, ok := w.catalogue.Schema("block/" + b.Name)
		if !ok {
			t.Fatal(b.Name)
		}
		var schema any
		if err := json.Unmarshal(raw, &schema); err != nil {
			t.Fatal(err)
		}
		var walk func(v any, at string)
		walk = func(v any, at string) {
			m, _ := v.(map[string]any)
			if n, ok := m["maxLength"].(float64); ok && n > 200 {
				if seen = at == "note/properties/text"; !seen {
					t.Errorf("%s has room for %v characters", at, n)
				}
			}
			for k, child := range m {
				walk(child, at+"/"+k)
			}
		}
		walk(schema, b.Name)
	}
	if !seen {
		t.Error("there is no note")
	}
}
