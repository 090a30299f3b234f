package audit_test

import (
	"slices"
	"testing"
	"time"

	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/audit"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/trust"
)

// next brings another directory into force: the last one after change, two days later. The
// keys that the world signs with stay as they are.
func (w *world) next(change func(*trust.Document)) {
	w.t.Helper()
	doc := w.directory.Document()
	doc.Number++
	doc.Issued, doc.Activates = w.now, w.now.Add(trust.Delay)
	change(&doc)
	doc.Sort()
	var hands []*envelope.Private
	for _, c := range []gateway.Country{"al", "ba", "md", "me", "rs"} {
		k, err := certs.Coordinator(w.folder, c)
		w.ok(err)
		hands = append(hands, k)
	}
	raw, err := trust.Sign(doc, hands...)
	w.ok(err)
	w.before = append(w.before, w.directory)
	w.now = doc.Activates.Add(time.Hour)
	w.directory, err = trust.Open(raw, w.directory.Pins(), w.now, doc.Number)
	w.ok(err)
	w.deed(gateway.Deed{Event: gateway.DirectoryInForce, At: w.now, Number: int64(doc.Number), Digest: w.directory.Digest()})
}

// replace lists another key in the place of a party's, and what is left of the old one.
func (w *world) replace(doc *trust.Document, p gateway.Party, u gateway.Use, old func(*trust.Key)) *envelope.Private {
	w.t.Helper()
	e := doc.Entry(p)
	i := slices.IndexFunc(e.Keys, func(k trust.Key) bool { return k.Use == u })
	fresh, err := envelope.Generate(u, "ES256")
	w.ok(err)
	jwk, id, err := envelope.MarshalPublic(fresh.Public(), u)
	w.ok(err)
	k := e.Keys[i]
	k.ID, k.JWK, k.Thumbprint, k.NotBefore = id, jwk, gateway.DigestString(id), doc.Issued
	old(&e.Keys[i])
	e.Keys = append(e.Keys, k)
	return fresh
}

// TestEachMessageIsJudgedByTheDirectoryOfItsTime: what was good then stays good when keys
// are replaced, and a key that has become another's use is not what it was.
func TestEachMessageIsJudgedByTheDirectoryOfItsTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	request, _ := w.conversation()
	w.next(func(d *trust.Document) {
		w.replace(d, rs, gateway.UseEvidence, func(k *trust.Key) { k.NotAfter = d.Activates })
		d.Pairs[slices.IndexFunc(d.Pairs, func(p trust.Agreed) bool { return p.A == "al" && p.B == "rs" })].On = false
	})
	old := w.testify(request, gateway.TakenOn, rs, nil) // with the key whose time is over
	late := referral(me, rs)
	late["answerBy"] = w.now.Add(20 * time.Hour).Format(time.RFC3339)
	w.send(late)
	w.wantFindings(w.verify(w.bundle("me/auditor"), nil), found{old, audit.KeyUsable, audit.Violates})
	// The pair is off now, and was on when AL wrote.
	w.wantFindings(w.verify(w.bundle("al/auditor"), nil))
}

// TestAKeyOfAnotherUseProvesNothing: the directory lists it for something else.
func TestAKeyOfAnotherUseProvesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	request := w.send(referral(me, rs))
	w.next(func(d *trust.Document) {
		w.replace(d, rs, gateway.UseEvidence, func(k *trust.Key) {
			jwk, _, err := envelope.MarshalPublic(w.key(rs).Evidence.Public(), gateway.UseApproval)
			w.ok(err)
			k.Use, k.JWK = gateway.UseApproval, jwk
		})
	})
	i := w.testify(request, gateway.ContentConsignment, rs, nil)
	w.wantFindings(w.verify(w.bundle("me/auditor"), nil), found{i, audit.KeyUsable, audit.Violates})
}

// TestADirectoryThatIsLeftOutIsMissed, and one in which somebody wrote is not believed.
func TestADirectoryThatIsLeftOutIsMissed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conversation()
	w.next(func(*trust.Document) {})
	members, err := audit.Unpack(w.bundle("md/auditor"))
	w.ok(err)
	for _, row := range []struct {
		change func(*opened)
		want   []found
	}{
		{func(o *opened) { o.remove("directories/2.json") }, []found{{12, audit.EditionKnown, audit.Violates}}},
		{func(o *opened) {
			d := o.at("directories/2.json")
			*d = []byte(flip(string(*d), 500))
		}, []found{{-1, audit.DirectoryProven, audit.Violates}, {12, audit.EditionKnown, audit.Violates}}},
	} {
		o := &opened{t, slices.Clone(members)}
		row.change(o)
		b, err := audit.Pack(o.members)
		w.ok(err)
		w.wantFindings(w.verify(b, nil), row.want...)
	}
}

// TestARefusalIsTheSendersToKnow: its auditor proves it, another's sees that something was
// refused, and not what or whose.
func TestARefusalIsTheSendersToKnow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := referral(me, rs)
	d["agreement"] = map[string]any{"state": "refused", "by": "authority", "heard": true}
	refused := w.send(d)
	if refused.Answer.Refusal == nil {
		t.Fatal("it was not refused")
	}
	w.send(referral(me, rs))
	for viewer, messages := range map[gateway.Party]int{"me/auditor": 1, "rs/auditor": 1, "al/auditor": 0} {
		r := w.verify(w.bundle(viewer), nil)
		w.wantFindings(r)
		if r.Messages != messages {
			t.Errorf("%s has %d messages", viewer, r.Messages)
		}
	}
	// Another country's auditor is not given it, and a bundle with it is not clean.
	members, err := audit.Unpack(w.bundle("me/auditor"))
	w.ok(err)
	o := &opened{t, members}
	d2 := o.at("bundle.json")
	*d2 = []byte(`{"format":"trm-audit/1","origin":"trm/2026","viewer":"rs/auditor","first":0,"size":5}`)
	b, err := audit.Pack(o.members)
	w.ok(err)
	w.wantFindings(w.verify(b, nil), found{3, audit.BundleForm, audit.Violates}, found{4, audit.BundleForm, audit.Violates})
}
