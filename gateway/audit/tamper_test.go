package audit_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
	"example.org/trm/gateway/audit"
)

// found is a finding without its words.
type found struct {
	Entry   int64
	Rule    audit.Rule
	Verdict audit.Verdict
}

func (w *world) wantFindings(r *audit.Report, want ...found) {
	w.t.Helper()
	got := []found{}
	for _, f := range r.Findings {
		got = append(got, found{f.Entry, f.Rule, f.Verdict})
	}
	order := func(a, b found) int {
		return cmp.Or(cmp.Compare(a.Entry, b.Entry), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Verdict, b.Verdict))
	}
	slices.SortFunc(got, order)
	want = append([]found{}, want...)
	slices.SortFunc(want, order)
	if diff := gocmp.Diff(want, slices.Compact(got)); diff != "" {
		w.t.Errorf("findings (-want +got):\n%s", diff)
		show(w.t, r)
	}
}

// opened is a bundle taken apart.
type opened struct {
	t       *testing.T
	members []audit.Member
}

func (o *opened) at(name string) *[]byte {
	o.t.Helper()
	for i := range o.members {
		if o.members[i].Name == name || strings.HasPrefix(o.members[i].Name, name+".p/") {
			return &o.members[i].Data
		}
	}
	o.t.Fatalf("no %s in the bundle", name)
	return nil
}

func (o *opened) remove(name string) {
	o.at(name)
	o.members = slices.DeleteFunc(o.members, func(m audit.Member) bool {
		return m.Name == name || strings.HasPrefix(m.Name, name+".p/")
	})
}

// entries changes the first entry bundle.
func (o *opened) entries(change func([][]byte) [][]byte) {
	o.t.Helper()
	d := o.at("tile/entries/000")
	*d = audit.JoinEntries(change(audit.SplitEntries(*d)))
}

// line changes what opens one entry.
func (o *opened) line(index int64, change func(*audit.Opened)) {
	o.t.Helper()
	d := o.at("openings/000.jsonl")
	var out []string
	done := false
	for line := range strings.Lines(string(*d)) {
		var l audit.Opened
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			o.t.Fatal(err)
		}
		if l.Index == index {
			change(&l)
			done = true
		}
		if l.Index < 0 {
			continue
		}
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(l); err != nil {
			o.t.Fatal(err)
		}
		out = append(out, b.String())
	}
	if !done {
		o.t.Fatalf("entry %d is not opened", index)
	}
	*d = []byte(strings.Join(out, ""))
}

// flip changes one character of a text into another that can stand there.
func flip(s string, at int) string {
	b := []byte(s)
	if b[at] == 'A' {
		b[at] = 'B'
	} else {
		b[at] = 'A'
	}
	return string(b)
}

// The conversation of these tests, by entry: 0 to 2 deeds, 3 the referral from ME to RS, 4
// its delivery, 5 one from AL to RS, 6 read, 7 taken on, 8 the answer from RS to ME, 9 the
// delivery of 5, 10 the delivery of 8, 11 read.

// TestEachTamperingWithABundleIsNamedWithItsEntry: somebody changes the file.
func TestEachTamperingWithABundleIsNamedWithItsEntry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conversation()
	honest := w.bundle("me/auditor")
	for _, row := range []struct {
		name   string
		change func(*opened)
		want   []found
	}{
		{"a byte of an entry", func(o *opened) {
			o.entries(func(l [][]byte) [][]byte { l[6] = []byte(flip(string(l[6]), len(l[6])-10)); return l })
		}, []found{{6, audit.EntryUnaltered, audit.Violates}}},
		{"a byte of another country's entry", func(o *opened) {
			o.entries(func(l [][]byte) [][]byte { l[5] = []byte(flip(string(l[5]), len(l[5])-10)); return l })
		}, []found{{5, audit.EntryUnaltered, audit.Violates}}},
		{"a byte that makes an entry unreadable", func(o *opened) {
			o.entries(func(l [][]byte) [][]byte { l[9][0] = 'x'; return l })
		}, []found{{9, audit.EntryUnaltered, audit.Violates}}},
		{"a hash beside an entry", func(o *opened) { (*o.at("tile/0/000"))[4*32+1] ^= 1 }, []found{{4, audit.TileUnaltered, audit.Violates}}},
		{"no hashes", func(o *opened) { o.remove("tile/0/000") }, []found{{0, audit.TileUnaltered, audit.Violates}}},
		{"an entry removed", func(o *opened) {
			o.entries(func(l [][]byte) [][]byte { return slices.Delete(l, 6, 7) })
		}, []found{{6, audit.EntryPresent, audit.Violates}}},
		{"the first acceptance removed", func(o *opened) {
			o.entries(func(l [][]byte) [][]byte { return slices.Delete(l, 3, 4) })
		}, []found{{3, audit.EntryPresent, audit.Violates}}},
		{"an entry removed with its hash", func(o *opened) {
			o.entries(func(l [][]byte) [][]byte { return slices.Delete(l, 6, 7) })
			d := o.at("tile/0/000")
			*d = slices.Delete(*d, 6*32, 7*32)
		}, []found{{0, audit.EntryPresent, audit.Violates}, {-1, audit.LogRoot, audit.Violates}}},
		{"two entries swapped", func(o *opened) {
			o.entries(func(l [][]byte) [][]byte { l[6], l[7] = l[7], l[6]; return l })
		}, []found{{6, audit.EntryInPlace, audit.Violates}, {7, audit.EntryInPlace, audit.Violates}}},
		{"two entries swapped with their hashes", func(o *opened) {
			o.entries(func(l [][]byte) [][]byte { l[6], l[7] = l[7], l[6]; return l })
			d := *o.at("tile/0/000")
			six := slices.Clone(d[6*32 : 7*32])
			copy(d[6*32:], d[7*32:8*32])
			copy(d[7*32:], six)
		}, []found{{-1, audit.LogRoot, audit.Violates}, {6, audit.OpeningOpens, audit.Violates}, {7, audit.OpeningOpens, audit.Violates}}},
		{"all entries removed", func(o *opened) { o.remove("tile/entries/000") }, nil},
		{"what opens an entry", func(o *opened) {
			o.line(4, func(l *audit.Opened) { l.Opening = flip(l.Opening, strings.Index(l.Opening, "delivery")+12) })
		}, []found{{4, audit.OpeningOpens, audit.Violates}}},
		{"a nonce", func(o *opened) {
			o.line(4, func(l *audit.Opened) { l.Nonce = flip(l.Nonce, 3) })
		}, []found{{4, audit.OpeningOpens, audit.Violates}}},
		{"what opens an entry removed", func(o *opened) {
			o.line(7, func(l *audit.Opened) { l.Index = -1 })
		}, []found{{7, audit.OpeningPresent, audit.Violates}}},
		{"the receipt", func(o *opened) {
			o.line(3, func(l *audit.Opened) { l.Secret.Opening = flip(l.Secret.Opening, 20) })
		}, []found{{3, audit.OpeningOpens, audit.Violates}}},
		{"the receipt removed", func(o *opened) {
			o.line(3, func(l *audit.Opened) { l.Secret = nil })
		}, []found{{3, audit.OpeningPresent, audit.Violates}}},
		{"the sender's signature", func(o *opened) {
			o.line(3, func(l *audit.Opened) { l.Core.Signature = flip(l.Core.Signature, 20) })
		}, []found{{3, audit.CoreSigned, audit.Violates}}},
		{"what the sender signed", func(o *opened) {
			o.line(8, func(l *audit.Opened) { l.Core.Payload = flip(l.Core.Payload, 150) })
		}, []found{{8, audit.CoreSigned, audit.Violates}}},
		{"what the sender signed removed", func(o *opened) {
			o.line(8, func(l *audit.Opened) { l.Core = nil })
		}, []found{{8, audit.OpeningPresent, audit.Violates}}},
		{"the digest of what was released", func(o *opened) {
			o.line(8, func(l *audit.Opened) { l.Core.Released[0] = flip(l.Core.Released[0], 5) })
		}, []found{{8, audit.BindingAgrees, audit.Violates}}},
		{"a digest more", func(o *opened) {
			o.line(8, func(l *audit.Opened) { l.Core.Released = append(l.Core.Released, l.Core.Released[0]) })
		}, []found{{8, audit.BindingAgrees, audit.Violates}}},
		{"what the gateway signed", func(o *opened) {
			o.line(8, func(l *audit.Opened) { l.Core.Bound = flip(l.Core.Bound, len(l.Core.Bound)-30) })
		}, []found{{8, audit.BindingSigned, audit.Violates}}},
		{"another message's binding", func(o *opened) {
			var bound string
			o.line(3, func(l *audit.Opened) { bound = l.Core.Bound })
			o.line(8, func(l *audit.Opened) { l.Core.Bound = bound })
		}, []found{{8, audit.BindingAgrees, audit.Violates}}},
		{"a cosignature removed", func(o *opened) {
			d := o.at("checkpoint")
			*d = (*d)[:bytes.LastIndexByte((*d)[:len(*d)-1], '\n')+1]
		}, []found{{-1, audit.WitnessQuorum, audit.Violates}}},
		{"the log's signature", func(o *opened) {
			d := o.at("checkpoint")
			*d = []byte(strings.Replace(string(*d), "— "+origin, "— "+origin+"x", 1))
		}, []found{{-1, audit.LogSignature, audit.Violates}}},
		{"the policy", func(o *opened) {
			for i, m := range o.members {
				if strings.HasPrefix(m.Name, "policies/") {
					o.members[i].Data = append(m.Data, '\n')
				}
			}
		}, []found{{-1, audit.EditionKnown, audit.Violates}, {1, audit.EditionKnown, audit.Violates}, {3, audit.PolicyKnown, audit.Violates}, {8, audit.PolicyKnown, audit.Violates}}},
		{"a schema", func(o *opened) {
			for i, m := range o.members {
				if strings.HasSuffix(m.Name, "types.csv") {
					o.members[i].Data = append(slices.Clone(m.Data), '\n')
				}
			}
		}, []found{{-1, audit.EditionKnown, audit.Violates}, {2, audit.EditionKnown, audit.Violates}, {3, audit.PolicyKept, audit.NotCheckable}, {8, audit.PolicyKept, audit.NotCheckable}}},
		{"a member that nobody knows", func(o *opened) {
			o.members = slices.Insert(o.members, 3, audit.Member{Name: "notes.txt", Data: []byte("trust me")})
		}, []found{{-1, audit.BundleForm, audit.Violates}}},
		{"a line that nobody reads alike", func(o *opened) {
			d := o.at("openings/000.jsonl")
			*d = bytes.Replace(*d, []byte(`{"index":4,`), []byte(`{"index": 4,`), 1)
		}, []found{{0, audit.BundleForm, audit.Violates}, {4, audit.OpeningPresent, audit.Violates}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			members, err := audit.Unpack(honest)
			if err != nil {
				t.Fatal(err)
			}
			for i := range members {
				members[i].Data = slices.Clone(members[i].Data)
			}
			o := &opened{t, members}
			row.change(o)
			b, err := audit.Pack(o.members)
			if err != nil {
				t.Fatal(err)
			}
			in := *w
			in.t = t
			r := in.verify(b, nil)
			if r.Clean() {
				t.Fatal("nothing was found")
			}
			if row.want != nil {
				in.wantFindings(r, row.want...)
			} else {
				show(t, r)
			}
		})
	}
}

// TestEachLieOfAGatewayIsNamedWithItsEntry: the log is whole, and what stands in it is not
// so. Each lie is told to another world.
func TestEachLieOfAGatewayIsNamedWithItsEntry(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		lie  func(w *world) []found
	}{
		{"a delivery left out of numbering", func(w *world) []found {
			w.conversation()
			w.numbers[[2]gateway.Country{"me", "rs"}]++
			s := w.send(referral(me, rs))
			return []found{{s.index, audit.NumbersGapFree, audit.Violates}}
		}},
		{"another pair's delivery left out", func(w *world) []found {
			w.conversation()
			w.numbers[[2]gateway.Country{"al", "rs"}] += 3
			s := w.send(referral(al, rs))
			return []found{{s.index, audit.NumbersGapFree, audit.Violates}}
		}},
		{"a number twice", func(w *world) []found {
			w.conversation()
			w.numbers[[2]gateway.Country{"me", "rs"}]--
			s := w.send(referral(me, rs))
			return []found{{s.index, audit.NumbersGapFree, audit.Violates}}
		}},
		{"a unit released against policy", func(w *world) []found {
			w.lenient = true
			s := w.send(referral(me, rs))
			return []found{{s.index, audit.PolicyKept, audit.Violates}}
		}},
		{"evidence that another country signed", func(w *world) []found {
			s := w.send(referral(me, rs))
			i := w.testify(s, gateway.ContentConsignment, al, nil)
			return []found{{i, audit.EvidenceAgrees, audit.Violates}}
		}},
		{"evidence that another office signed", func(w *world) []found {
			s := w.send(referral(me, rs))
			i := w.testify(s, gateway.ContentConsignment, "rs/child-protection", nil)
			return []found{{i, audit.EvidenceAgrees, audit.Violates}}
		}},
		{"evidence in another's name", func(w *world) []found {
			s := w.send(referral(me, rs))
			i := w.forge(s, gateway.ContentConsignment, rs, al)
			return []found{{i, audit.EvidenceSigned, audit.Violates}}
		}},
		{"evidence with a broken signature", func(w *world) []found {
			s := w.send(referral(me, rs))
			jws := w.statement(s, gateway.ContentConsignment, rs, nil)
			i := w.evidence(s, gateway.ContentConsignment, flip(jws, len(jws)-20))
			return []found{{i, audit.EvidenceSigned, audit.Violates}}
		}},
		{"evidence of another release", func(w *world) []found {
			s := w.send(referral(me, rs))
			i := w.testify(s, gateway.ContentConsignment, rs, func(st *gateway.Statement) { st.SDHash = gateway.DigestString("other") })
			return []found{{i, audit.EvidenceAgrees, audit.Violates}}
		}},
		{"evidence of another message", func(w *world) []found {
			s, other := w.send(referral(me, rs)), w.send(referral(me, rs))
			jws := w.statement(other, gateway.ContentConsignment, rs, nil)
			i := w.evidence(s, gateway.ContentConsignment, jws)
			return []found{{i, audit.EvidenceAgrees, audit.Violates}}
		}},
		{"an evidence key before its time", func(w *world) []found {
			s := w.send(referral(me, rs))
			i := w.testify(s, gateway.ContentConsignment, rs, func(st *gateway.Statement) { st.At = noon.AddDate(-1, 0, 0) })
			return []found{{i, audit.KeyUsable, audit.Violates}, {i, audit.EvidenceOrder, audit.Violates}}
		}},
		{"an evidence key after its time", func(w *world) []found {
			s := w.send(referral(me, rs))
			i := w.testify(s, gateway.ContentConsignment, rs, func(st *gateway.Statement) { st.At = noon.AddDate(6, 0, 0) })
			return []found{{i, audit.KeyUsable, audit.Violates}}
		}},
		{"a delivery closed for somebody else", func(w *world) []found {
			w.closeFor = w.key(al).Encryption[0].ID()
			s := w.send(referral(me, rs))
			return []found{{s.index, audit.KeyUsable, audit.Violates}}
		}},
		{"a delivery closed for a key that was lost", func(w *world) []found {
			w.revoke(rs, w.key(rs).Encryption[0].ID(), noon.Add(-time.Hour))
			w.take()
			s := w.send(referral(me, rs))
			return []found{{s.index, audit.KeyUsable, audit.Violates}}
		}},
		{"a message after its key was revoked", func(w *world) []found {
			w.revoke(me, w.key(me).Message.ID(), noon.Add(-time.Hour))
			w.take()
			s := w.send(referral(me, rs))
			return []found{{s.index, audit.KeyUsable, audit.Violates}}
		}},
		{"a message moments after its key was revoked", func(w *world) []found {
			w.revoke(me, w.key(me).Message.ID(), noon.Add(-time.Minute))
			s := w.send(referral(me, rs), signedAt(noon.Add(-2*time.Minute)))
			w.take()
			return []found{{s.index, audit.KeyUsable, audit.NotCheckable}}
		}},
		{"a message moments after the gateway took its key's revocation", func(w *world) []found {
			w.revoke(me, w.key(me).Message.ID(), noon.Add(-time.Minute))
			w.take()
			s := w.send(referral(me, rs), signedAt(noon.Add(-2*time.Minute)))
			return []found{{s.index, audit.KeyUsable, audit.Violates}}
		}},
		{"a revocation that is left out", func(w *world) []found {
			w.revoke(me, w.key(me).Message.ID(), noon.Add(-time.Hour))
			i := w.take()
			w.told = nil
			w.send(referral(me, rs))
			return []found{{i, audit.StatementProven, audit.Violates}}
		}},
		{"read and never delivered", func(w *world) []found {
			s := w.send(referral(me, rs))
			i := w.testify(s, gateway.ContentHandover, rs, nil)
			return []found{{i, audit.EvidenceOrder, audit.Violates}}
		}},
		{"delivered and never accepted", func(w *world) []found {
			s := w.send(referral(me, rs))
			s.Bound.Binding.Pair.N = 7
			i := w.testify(s, gateway.ContentConsignment, rs, nil)
			return []found{{i, audit.EvidenceOrder, audit.Violates}}
		}},
		{"read before it was delivered", func(w *world) []found {
			s := w.send(referral(me, rs))
			w.testify(s, gateway.ContentConsignment, rs, func(st *gateway.Statement) { st.At = noon.Add(5 * time.Hour) })
			i := w.testify(s, gateway.ContentHandover, rs, func(st *gateway.Statement) { st.At = noon.Add(time.Hour) })
			return []found{{i, audit.EvidenceOrder, audit.Violates}}
		}},
		{"a recipient that says both", func(w *world) []found {
			s := w.send(referral(me, rs))
			w.testify(s, gateway.ContentConsignment, rs, nil)
			i := w.testify(s, gateway.ContentConsignmentFailure, rs, func(st *gateway.Statement) { st.Code = gateway.CodeDestinationRefused })
			return []found{{i, audit.NoContradiction, audit.Violates}}
		}},
		{"delivered after the gateway gave up", func(w *world) []found {
			s := w.send(referral(me, rs))
			w.testify(s, gateway.ContentConsignmentFailure, gateway.TheGateway, func(st *gateway.Statement) { st.Code, st.At = gateway.CodeExpired, noon.Add(time.Hour) })
			i := w.testify(s, gateway.ContentConsignment, rs, func(st *gateway.Statement) { st.At = noon.Add(2 * time.Hour) })
			return []found{{i, audit.NoContradiction, audit.Violates}}
		}},
		{"one statement's id for another", func(w *world) []found {
			s := w.send(referral(me, rs))
			id := newID()
			w.testify(s, gateway.ContentConsignment, rs, func(st *gateway.Statement) { st.ID = id })
			i := w.testify(s, gateway.ContentHandover, rs, func(st *gateway.Statement) { st.ID = id })
			return []found{{i, audit.NoContradiction, audit.Violates}}
		}},
		{"a message accepted twice", func(w *world) []found {
			raw := w.sign(referral(me, rs))
			w.accept(raw, me)
			s := w.accept(raw, me)
			return []found{{s.index, audit.NoContradiction, audit.Violates}}
		}},
		{"another policy than the one in force", func(w *world) []found {
			w.deed(gateway.Deed{Event: gateway.PolicyInForce, At: noon, Digest: gateway.DigestString("another")})
			s := w.send(referral(me, rs))
			return []found{{3, audit.EditionKnown, audit.Violates}, {s.index, audit.PolicyKnown, audit.Violates}}
		}},
		{"what opens an entry withheld from the auditor", func(w *world) []found {
			s := w.send(referral(me, rs))
			w.gone[s.index] = 0
			return []found{{s.index, audit.OpeningPresent, audit.Violates}}
		}},
		{"nobody witnessed it", func(w *world) []found {
			w.conversation()
			w.unsigned = true
			return []found{{-1, audit.WitnessQuorum, audit.Violates}}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			want := row.lie(w)
			w.wantFindings(w.verify(w.bundle("me/auditor"), nil), want...)
		})
	}
}

// TestLateEvidenceContradictsNobody: the gateway knew of none when the time ran out.
func TestLateEvidenceContradictsNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.send(referral(me, rs))
	w.testify(s, gateway.ContentConsignmentFailure, gateway.TheGateway, func(st *gateway.Statement) { st.Code, st.At = gateway.CodeExpired, noon.Add(2*time.Hour) })
	w.testify(s, gateway.ContentConsignment, rs, func(st *gateway.Statement) { st.At = noon.Add(time.Hour) })
	w.wantFindings(w.verify(w.bundle("me/auditor"), nil))
}

// TestWhatWasPurgedIsSaidToBeNoMore: with the number of the purge, and no purge can be
// invented.
func TestWhatWasPurgedIsSaidToBeNoMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	request, _ := w.conversation()
	w.deed(gateway.Deed{Event: gateway.Purged, At: w.now, Number: 3, Digest: gateway.DigestString("another list")})
	purge := w.deed(gateway.Deed{Event: gateway.Purged, At: w.now, Number: 4, Digest: gateway.DigestString("list")})
	w.gone[request.index] = 4
	w.gone[request.index+1] = 4
	r := w.verify(w.bundle("me/auditor"), nil)
	w.wantFindings(r,
		found{request.index, audit.OpeningPresent, audit.NotCheckable}, found{request.index + 1, audit.OpeningPresent, audit.NotCheckable})
	for _, f := range r.Findings {
		if f.Purge == nil || f.Purge.Number != 4 || f.Purge.Entry != purge || !strings.Contains(f.Says, "purge 4") {
			t.Errorf("the finding names the purge %+v and says %q", f.Purge, f.Says)
		}
	}
	members, err := audit.Unpack(w.bundle("me/auditor"))
	w.ok(err)
	o := &opened{t, members}
	o.line(request.index, func(l *audit.Opened) { l.Purged.Entry = request.index + 2 })
	b, err := audit.Pack(o.members)
	w.ok(err)
	w.wantFindings(w.verify(b, nil),
		found{request.index, audit.OpeningPresent, audit.NotCheckable}, found{request.index, audit.OpeningPresent, audit.Violates},
		found{request.index + 1, audit.OpeningPresent, audit.NotCheckable})
}
