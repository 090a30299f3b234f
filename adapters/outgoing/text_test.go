package outgoing_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/gateway"
)

var update = flag.Bool("update", false, "write the golden previews anew")

func TestPreviewsReadLikeThis(t *testing.T) {
	t.Parallel()
	w := theRegion(t)
	for name, change := range map[string]func(*outgoing.Draft){
		"adult": nil,
		"child": func(d *outgoing.Draft) {
			d.Lane, d.Agreement = gateway.Child, gateway.Agreement{State: "given", By: "authority", Heard: true}
			delete(d.Sealed, "health@child-protection")
		},
		"refused":    func(d *outgoing.Draft) { d.Agreement.State = "refused" },
		"overridden": func(d *outgoing.Draft) { d.Agreement.State, d.Override = "refused", "danger-to-life" },
		"faulty":     func(d *outgoing.Draft) { d.Blocks["subject"]["phase"] = "6" },
		"with-xk":    func(d *outgoing.Draft) { d.To = "xk/coordinator" },
		"to-an-ngo":  func(d *outgoing.Draft) { d.To = "rs/referral-ngo"; d.Sealed = nil },
		"no-fields":  func(d *outgoing.Draft) { d.Sealed = nil },
		"everything": func(d *outgoing.Draft) { d.Attests = []string{"guardian-appointed", "protection-checked"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			facts := gateway.ThreadFacts{}
			d := w.referral(t, change)
			if name == "everything" {
				facts = threads["accepted"]
			}
			p, err := w.desk().Preview(d, facts)
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if err := p.WriteText(&got); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", "preview", name+".txt")
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got.String(), string(want)); diff != "" {
				t.Error(diff)
			}
			for line := range strings.Lines(got.String()) {
				if len(line) > 160 {
					t.Errorf("a line of %d characters", len(line))
				}
			}
			if strings.Contains(got.String(), "xk/") != strings.Contains(got.String(), "UNSCR 1244") {
				t.Error("the footnote belongs where Kosovo* is rendered, and nowhere else")
			}
		})
	}
}
