package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/audit"
	"example.org/trm/gateway/trust"
	"example.org/trm/schemas"
)

var update = flag.Bool("update", false, "write the bundles in testdata anew, with new keys")

// TestThePlantedFindingsAreFound: testdata has one month of an honest gateway and the same
// month of one that lied three times, in a copy in which somebody changed a byte. The
// README shows what an auditor sees of both.
func TestThePlantedFindingsAreFound(t *testing.T) {
	t.Parallel()
	if *update {
		plant(t)
	}
	raw, err := os.ReadFile(filepath.Join("testdata", "pins.json"))
	if err != nil {
		t.Fatal(err)
	}
	pins, err := trust.ParsePins(raw)
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string][]found{
		"clean.trmaudit": nil,
		"planted.trmaudit": {
			{5, audit.EntryUnaltered, audit.Violates}, {12, audit.NumbersGapFree, audit.Violates},
			{14, audit.KeyUsable, audit.Violates}, {15, audit.PolicyKept, audit.Violates},
		},
	} {
		f, err := os.Open(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		r, err := audit.Verify(t.Context(), f, audit.Options{Pins: pins})
		if err != nil {
			t.Fatal(err)
		}
		(&world{t: t}).wantFindings(r, want...)
	}
}

// plant writes testdata. Its edition of the schemas is the table of types alone, to be
// small.
func plant(t *testing.T) {
	w := newWorld(t)
	files, err := w.set.Files()
	w.ok(err)
	small := map[string][]byte{"types.csv": files["types.csv"]}
	edition, err := schemas.ReadEdition(small)
	w.ok(err)
	w.entries, w.deeds = w.entries[:2], w.deeds[:2]
	w.deed(gateway.Deed{Event: gateway.SchemasInForce, At: noon, Digest: edition.Digest()})
	w.conversation()
	pins, err := json.MarshalIndent(w.pins, "", " ")
	w.ok(err)
	write := func(name string, data []byte) {
		w.ok(os.MkdirAll("testdata", 0o755))
		w.ok(os.WriteFile(filepath.Join("testdata", name), data, 0o644))
	}
	export := func() []byte {
		size := int64(len(w.entries))
		x := audit.Exporter{Log: log{w}, Records: log{w}, Editions: shortened{log{w}, small}}
		var b bytes.Buffer
		w.ok(x.Write(context.Background(), &b, "me/auditor", audit.Range{Origin: origin, Size: size, Checkpoint: w.checkpoint(size)}))
		return b.Bytes()
	}
	write("pins.json", append(pins, '\n'))
	write("clean.trmaudit", export())

	w.numbers[[2]gateway.Country{"me", "rs"}]++ // a delivery that nobody is to know of
	s := w.send(referral(me, rs))
	w.revoke(rs, w.key(rs).Evidence.ID(), w.now.Add(10*time.Minute))
	w.take()
	w.testify(s, gateway.ContentConsignment, rs, func(st *gateway.Statement) { st.At = w.now.Add(time.Hour) })
	w.lenient = true
	w.send(referral(me, rs))
	members, err := audit.Unpack(export())
	w.ok(err)
	o := &opened{t, members}
	o.entries(func(l [][]byte) [][]byte {
		l[5] = slices.Clone(l[5])
		l[5] = []byte(flip(string(l[5]), len(l[5])-12))
		return l
	})
	planted, err := audit.Pack(o.members)
	w.ok(err)
	write("planted.trmaudit", planted)
}

// shortened are editions with other schemas.
type shortened struct {
	log
	files map[string][]byte
}

func (s shortened) Schemas(string) (map[string][]byte, error) { return s.files, nil }
