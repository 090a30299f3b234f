package outgoing_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/policy"
	"example.org/trm/gateway/trust"
	"example.org/trm/schemas"
)

// noon is when everything happens.
var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// world is a development region with its keys on disk, the same for all tests: nothing
// changes it.
type world struct {
	dir       string
	directory gateway.Directory
	catalogue *schemas.Set
	policy    *policy.Policy
}

var region = sync.OnceValues(func() (*world, error) {
	dir, err := os.MkdirTemp("", "outgoing")
	if err != nil {
		return nil, err
	}
	w := &world{dir: dir}
	if _, err := certs.Develop(dir, certs.Options{Now: noon}); err != nil {
		return nil, err
	}
	var faults [3]error
	w.directory, faults[0] = openDirectory(dir)
	w.catalogue, faults[1] = schemas.Open()
	w.policy, faults[2] = policy.Default()
	return w, errors.Join(faults[:]...)
})

func openDirectory(dir string) (gateway.Directory, error) { return trust.OpenFolder(dir, noon) }

// with is the world with other pairs.
func (w *world) with(change func(*gateway.Pair)) *world {
	other := *w
	other.directory = changed{w.directory, change}
	return &other
}

// changed is a directory with other pairs.
type changed struct {
	gateway.Directory
	pair func(*gateway.Pair)
}

func (d changed) Pair(a, b gateway.Country) (gateway.Pair, bool) {
	p, ok := d.Directory.Pair(a, b)
	d.pair(&p)
	return p, ok
}

func TestMain(m *testing.M) {
	code := m.Run()
	if w, err := region(); err == nil {
		_ = os.RemoveAll(w.dir)
	}
	os.Exit(code)
}

func theRegion(t testing.TB) *world {
	t.Helper()
	w, err := region()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) desk() outgoing.Desk {
	return outgoing.Desk{
		Directory: w.directory, Catalogue: w.catalogue, Policy: w.policy, Now: func() time.Time { return noon },
		NewID: func() string { return uuid.Must(uuid.NewV7()).String() },
	}
}

func (w *world) keys(t testing.TB, p gateway.Party) *certs.Keys {
	t.Helper()
	k, err := certs.LoadAt(w.dir, p, noon)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// example is the catalogue's own draft of a type, changed.
func (w *world) example(t testing.TB, typ string, change func(*outgoing.Draft)) outgoing.Draft {
	t.Helper()
	raw, ok := w.catalogue.Example(typ)
	if !ok {
		t.Fatalf("the catalogue has no example of %s", typ)
	}
	d, err := outgoing.ParseDraft(raw)
	if err != nil {
		t.Fatal(err)
	}
	// Only Montenegro has mobile teams in the development region.
	if _, ok := w.directory.Institution(d.From); !ok {
		d.From = d.From.In("coordinator")
	}
	if change != nil {
		change(&d)
	}
	return d
}

// toCoordinator addresses a draft to the coordinator, who in the development region may
// receive what some other roles may not.
func (w *world) toCoordinator(d *outgoing.Draft) {
	inst, _ := w.directory.Institution(d.To)
	typ, _ := w.catalogue.Type(d.Type)
	for _, sb := range typ.Sealed {
		if _, ok := d.Sealed[sb.Unit(d.To)]; !ok || sb.Role != "aud" || slices.Contains(inst.Classes, sb.Class) {
			continue
		}
		for _, own := range typ.Sealed {
			if old := own.Unit(d.To); own.Role == "aud" && d.Sealed[old] != nil {
				d.Sealed[own.Unit(d.To.In("coordinator"))] = d.Sealed[old]
				delete(d.Sealed, old)
			}
		}
		d.To = d.To.In("coordinator")
		return
	}
}

// referral is of an adult, from ba/coordinator to rs/coordinator, with everything sealed
// that the type can carry.
func (w *world) referral(t testing.TB, change func(*outgoing.Draft)) outgoing.Draft {
	t.Helper()
	return w.example(t, "referral.request/1.0", func(d *outgoing.Draft) {
		d.From, d.To, d.Lane, d.Purpose = "ba/coordinator", "rs/coordinator", gateway.Normal, "assistance"
		d.Agreement = gateway.Agreement{State: "given", By: "person"}
		d.Sealed["identity@coordinator"] = w.example(t, "alert.notice/1.0", nil).Sealed["identity@child-protection"]
		if change != nil {
			change(d)
		}
	})
}

// judged is what the gateway makes of an envelope.
type judged struct {
	released []string
	withheld []gateway.Withheld
	refusal  *gateway.Problem
}

// judge does what the gateway does: open, validate, ask, minimise.
func (w *world) judge(t testing.TB, raw []byte, facts gateway.ThreadFacts) judged {
	t.Helper()
	p, err := gateway.Decode(gateway.Received(raw, noon), envelope.Codec{})
	if err != nil {
		return judged{refusal: gateway.AsProblem(err)}
	}
	k, err := gateway.Prove(p, envelope.Codec{}, w.directory, p.Head.IssuedAt)
	if err != nil {
		return judged{refusal: gateway.AsProblem(err)}
	}
	m, err := gateway.Open(p, k, noon, w.catalogue, w.directory)
	if err != nil {
		return judged{refusal: gateway.AsProblem(err)}
	}
	q, err := gateway.Ask(m, facts, w.directory)
	if err != nil {
		return judged{refusal: gateway.AsProblem(err)}
	}
	del, d, err := gateway.Minimise(m, w.policy, q)
	if err != nil {
		return judged{refusal: gateway.AsProblem(err)}
	}
	return judged{released: del.Released(), withheld: d.Withheld}
}

// draftJSON writes a draft as an officer's system would.
func draftJSON(t testing.TB, members map[string]any) []byte {
	t.Helper()
	raw, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// problem is the problem in err, which must be one.
func problem(t testing.TB, err error) *gateway.Problem {
	t.Helper()
	p := gateway.AsProblem(err)
	if err == nil || p.Code == gateway.CodeInternal {
		t.Fatalf("got %v, want a problem", err)
	}
	return p
}

// canaries are the values of the examples that identify somebody.
func canaries(d outgoing.Draft) []string {
	var out []string
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			if strings.Contains(v, "anary") || strings.Contains(v, "Канар") {
				out = append(out, v)
			}
		case map[string]any:
			for _, x := range v {
				walk(x)
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		}
	}
	for _, content := range d.Sealed {
		walk(content)
	}
	return out
}

func said(v any) string { return fmt.Sprintf("%v %+v %#v", v, v, v) }
