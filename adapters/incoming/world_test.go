package incoming_test

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"example.org/trm/adapters/incoming"
	"example.org/trm/adapters/outgoing"
	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/policy"
	"example.org/trm/gateway/trust"
	"example.org/trm/schemas"
)

// noon is when everything is sent and received.
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
	dir, err := os.MkdirTemp("", "incoming")
	if err != nil {
		return nil, err
	}
	w := &world{dir: dir}
	if _, err := certs.Develop(dir, certs.Options{Now: noon}); err != nil {
		return nil, err
	}
	directory, err := trust.OpenFolder(dir, noon)
	if err != nil {
		return nil, err
	}
	w.directory = directory
	var faults [2]error
	w.catalogue, faults[0] = schemas.Open()
	w.policy, faults[1] = policy.Default()
	return w, errors.Join(faults[:]...)
})

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

func (w *world) keys(t testing.TB, p gateway.Party) *certs.Keys {
	t.Helper()
	k, err := certs.LoadAt(w.dir, p, noon)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// office is Serbia's.
func (w *world) office(t testing.TB) incoming.Office {
	return incoming.Office{Country: "rs", Directory: w.directory, Catalogue: w.catalogue, Keys: func(p gateway.Party) (*certs.Keys, bool) {
		k, err := certs.LoadAt(w.dir, p, noon)
		return k, err == nil
	}}
}

// referral is of a child, with health and guardian for child protection, to
// rs/coordinator.
func (w *world) referral(t testing.TB, change func(*outgoing.Draft)) outgoing.Draft {
	t.Helper()
	raw, ok := w.catalogue.Example("referral.request/1.0")
	if !ok {
		t.Fatal("the catalogue has no example of a referral")
	}
	d, err := outgoing.ParseDraft(raw)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&d)
	}
	return d
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// signed is the draft as its sender's office signs it.
func (w *world) signed(t testing.TB, d outgoing.Draft) []byte {
	t.Helper()
	desk := outgoing.Desk{Directory: w.directory, Catalogue: w.catalogue, Policy: w.policy, Now: func() time.Time { return noon }, NewID: newID}
	s, err := desk.Sign(d, gateway.ThreadFacts{}, w.keys(t, d.From), outgoing.Options{All: true})
	if err != nil {
		t.Fatal(err)
	}
	return s.Raw
}

// parcel is a delivery between the gateway's hands: what it bound, and how.
type parcel struct {
	w         *world
	core      gateway.Core
	units     []gateway.Unit
	binding   gateway.Binding
	binder    envelope.Binder
	recipient gateway.Key
}

// minimised does the gateway's work on an envelope up to binding.
func (w *world) minimised(t testing.TB, raw []byte) *parcel {
	t.Helper()
	p, err := envelope.Codec{}.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	k, err := gateway.Prove(p, envelope.Codec{}, w.directory, p.Head.IssuedAt)
	if err != nil {
		t.Fatal(err)
	}
	m, err := gateway.Open(p, k, noon, w.catalogue, w.directory)
	if err != nil {
		t.Fatal(err)
	}
	q, err := gateway.Ask(m, gateway.ThreadFacts{}, w.directory)
	if err != nil {
		t.Fatal(err)
	}
	d, decision, err := gateway.Minimise(m, w.policy, q)
	if err != nil {
		t.Fatal(err)
	}
	h := m.Head()
	return &parcel{
		w: w, core: m.Core(), units: d.Units(), binder: envelope.Binder{Keys: []*envelope.Private{w.keys(t, gateway.TheGateway).Binding}},
		binding: gateway.Binding{
			KeyID: h.Confirmation, Delivery: newID(), Audience: h.Audience, IssuedAt: noon, Released: d.Released(), Policy: decision.Policy,
			Pair: gateway.PairNumber{From: h.Issuer.Country(), To: h.Audience.Country(), Origin: "test-2026", N: 1},
		},
		recipient: w.directory.Keys(h.Audience, gateway.UseEncryption, noon)[0],
	}
}

// wrapped is the delivery as it waits in the queue.
func (p *parcel) wrapped(t testing.TB) string {
	t.Helper()
	b, err := p.binder.Bind(p.core, p.units, p.binding, p.recipient)
	if err != nil {
		t.Fatal(err)
	}
	return b.Wrapped
}

func (w *world) delivered(t testing.TB, d outgoing.Draft) string {
	t.Helper()
	return w.minimised(t, w.signed(t, d)).wrapped(t)
}

// forged is a message whose sealed health the sender's desk never checked.
func (w *world) forged(t testing.TB, plain string, to gateway.Key, place func(*envelope.Place)) []byte {
	t.Helper()
	d := w.referral(t, nil)
	p, err := envelope.Codec{}.Decode(w.signed(t, d))
	if err != nil {
		t.Fatal(err)
	}
	typ, _ := w.catalogue.Type(d.Type)
	draft := envelope.Draft{Head: p.Head, Clear: d.Blocks, Sealed: map[string]string{}, Type: typ}
	draft.Head.ID = newID()
	for _, sb := range typ.Sealed {
		unit := sb.Unit(d.To)
		_, role, _ := gateway.SplitUnit(unit)
		at := envelope.Place{Issuer: d.From, ID: draft.Head.ID, Role: role, Pointer: "/" + unit}
		text, key := "{}", w.directory.Keys(d.To.In(role), gateway.UseEncryption, noon)[0]
		if sb.Block == "health" {
			text = plain
			if to.ID != "" {
				key = to
			}
			if place != nil {
				place(&at)
			}
		}
		if draft.Sealed[unit], err = envelope.Seal([]byte(text), sb.Size, key, at); err != nil {
			t.Fatal(err)
		}
	}
	k := w.keys(t, d.From)
	raw, err := envelope.Sign(draft, k.Message, k.Thumbprint[k.Message.ID()], nil)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// changed is a directory in which some keys are other keys.
type changed struct {
	gateway.Directory
	key func(gateway.Key) gateway.Key
}

func (d changed) Key(id string) (gateway.Key, bool) {
	k, ok := d.Directory.Key(id)
	return d.key(k), ok
}

func problem(t testing.TB, err error) *gateway.Problem {
	t.Helper()
	p := gateway.AsProblem(err)
	if err == nil || p.Code == gateway.CodeInternal {
		t.Fatalf("got %v, want a problem", err)
	}
	return p
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func namesOf(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
