package audit_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"example.org/trm/gateway"
	"example.org/trm/gateway/audit"
	"example.org/trm/gateway/ledger"
	"example.org/trm/gateway/trust"
)

// issue is a receipt of a message, as a gateway gives it when the log has been witnessed up
// to a size.
func (w *world) issue(viewer gateway.Party, s sent, witnessed int64) audit.Receipt {
	w.t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	var steps []audit.Step
	for _, e := range w.entries {
		var o audit.Opening
		if json.Unmarshal(e.Opening, &o) != nil || o.ID != s.Head.ID {
			continue
		}
		step := audit.Step{Origin: origin, Index: e.Index, Entry: string(e.Leaf), Nonce: encode(e.Nonce), Opening: string(e.Opening)}
		if e.Concealed != nil && viewer == s.Head.Issuer {
			step.Secret = &audit.Secret{Nonce: encode(e.ConcealedNonce), Opening: string(e.Concealed)}
		}
		if e.Index < witnessed {
			step.Proof = w.proof(e.Index, witnessed)
		}
		steps = append(steps, step)
	}
	d, err := w.directory.With(w.told...)
	w.ok(err)
	return audit.Issue(viewer, s.id(), steps, []*trust.Directory{d})
}

func (w *world) proof(index, size int64) string {
	w.t.Helper()
	signed := w.checkpoint(size)
	path, err := tlog.ProveRecord(size, index, tlog.HashReaderFunc(w.read))
	w.ok(err)
	return string(ledger.Proof{Index: index, Path: path, Checkpoint: signed}.Marshal())
}

// again is the receipt as whoever is given the file reads it.
func (w *world) again(r audit.Receipt) audit.Receipt {
	w.t.Helper()
	raw, err := json.MarshalIndent(r, "", "  ")
	w.ok(err)
	read, err := audit.ParseReceipt(raw)
	w.ok(err)
	return read
}

// TestAReceiptProvesItsStory to both correspondents, with the pins alone; the gateway's own
// word, which names the envelope, is the sender's.
func TestAReceiptProvesItsStory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, _ := w.conversation()
	size := int64(len(w.entries))
	for _, viewer := range []gateway.Party{me, rs} {
		told := w.again(w.issue(viewer, s, size)).Verify(w.pins)
		if len(told.Findings) > 0 || told.Pending() {
			t.Errorf("%s: pending %v, %+v", viewer, told.Pending(), told.Findings)
		}
		if told.Audience != rs || told.Type != "referral.request/1.0" || told.Pair != s.number() {
			t.Errorf("%s: it is about %+v", viewer, told)
		}
		var story []string
		for _, p := range told.Steps {
			story = append(story, string(p.Event)+" by "+string(p.Signer))
			if len(p.Cosigned) != 2 || p.Size != size || p.At.IsZero() {
				t.Errorf("%s: %s was seen by %v among %d at %s", viewer, p.Event, p.Cosigned, p.Size, p.At)
			}
		}
		first := "SubmissionAcceptance by gateway"
		if viewer == rs {
			first = "SubmissionAcceptance by "
		}
		want := first + ", ContentConsignment by rs/coordinator, ContentHandover by rs/coordinator, TakenOn by rs/coordinator"
		if got := strings.Join(story, ", "); got != want {
			t.Errorf("%s is told %q, want %q", viewer, got, want)
		}
		raw, err := json.Marshal(w.issue(viewer, s, size))
		w.ok(err)
		if has := strings.Contains(string(raw), s.Digest.String()); has && viewer == rs {
			t.Error("the recipient is given the digest of the envelope as it was received")
		}
	}
}

// TestWhatNoWitnessSawIsPending: first in the log's queue, then in the log.
func TestWhatNoWitnessSawIsPending(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.send(referral(me, rs))
	w.testify(s, gateway.ContentConsignment, rs, nil)
	r := w.issue(me, s, s.index+1)
	r.Steps[1].Origin, r.Steps[1].Index, r.Steps[1].Entry = "", 0, ""
	told := w.again(r).Verify(w.pins)
	if len(told.Findings) > 0 || !told.Pending() || told.Steps[0].Pending || !told.Steps[1].Pending {
		t.Errorf("waiting: %+v", told)
	}
	told = w.again(w.issue(me, s, s.index+1)).Verify(w.pins)
	if len(told.Findings) > 0 || told.Steps[0].Pending || !told.Steps[1].Pending {
		t.Errorf("in the log: %+v", told)
	}
	// What waits is proven by its signature alone, and only if that is good.
	r.Steps[1].Opening = strings.Replace(r.Steps[1].Opening, string(rs), string(al), 1)
	body := r.Steps[1].Opening
	at := strings.LastIndex(body, ".") + 20
	r.Steps[1].Opening = flip(body, at)
	if told := r.Verify(w.pins); len(told.Findings) == 0 {
		t.Error("a broken signature was believed")
	}
}

// TestEveryTamperingWithAReceiptIsFound: none passes.
func TestEveryTamperingWithAReceiptIsFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, answer := w.conversation()
	size := int64(len(w.entries))
	honest, other := w.issue(me, s, size), w.issue(rs, answer, size)
	raw, err := json.Marshal(honest)
	w.ok(err)
	step := func(i int, change func(*audit.Step)) func(*audit.Receipt) {
		return func(r *audit.Receipt) { change(&r.Steps[i]) }
	}
	for _, row := range []struct {
		name   string
		change func(*audit.Receipt)
		rule   audit.Rule
	}{
		{"an entry", step(1, func(s *audit.Step) { s.Entry = strings.Replace(s.Entry, `"n":1`, `"n":2`, 1) }), audit.LogRoot},
		{"a nonce", step(1, func(s *audit.Step) { s.Nonce = flip(s.Nonce, 3) }), audit.OpeningOpens},
		{"an opening", step(1, func(s *audit.Step) { s.Opening = flip(s.Opening, strings.Index(s.Opening, "delivery")+13) }), audit.OpeningOpens},
		{"what is concealed", step(0, func(s *audit.Step) { s.Secret.Opening = flip(s.Secret.Opening, 20) }), audit.OpeningOpens},
		{"the index", step(1, func(s *audit.Step) { s.Index++ }), audit.LogRoot},
		{"another entry's proof", step(1, func(s *audit.Step) { s.Proof = honest.Steps[2].Proof }), audit.LogRoot},
		{"the path", step(1, func(s *audit.Step) { s.Proof = flip(s.Proof, strings.Index(s.Proof, "index")+15) }), audit.LogRoot},
		{"the witnesses", step(1, func(s *audit.Step) { s.Proof = s.Proof[:strings.LastIndex(strings.TrimSuffix(s.Proof, "\n"), "\n")+1] }), audit.WitnessQuorum},
		{"the checkpoint", step(1, func(s *audit.Step) { s.Proof = strings.Replace(s.Proof, "\n"+origin+"\n", "\ntrm/2025\n", 1) }), audit.LogSignature},
		{"the log", step(1, func(s *audit.Step) { s.Origin = "trm/2025" }), audit.LogSignature},
		{"another message's step", func(r *audit.Receipt) { r.Steps[1] = other.Steps[1] }, audit.OpeningAgrees},
		{"the message", func(r *audit.Receipt) { r.Message.ID = answer.Head.ID }, audit.OpeningAgrees},
		{"no acceptance", func(r *audit.Receipt) { r.Steps = r.Steps[1:] }, audit.EvidenceOrder},
		{"no directory", func(r *audit.Receipt) { r.Directories = nil }, audit.DirectoryProven},
		{"a directory", func(r *audit.Receipt) { r.Directories[0] = flip(r.Directories[0], 400) }, audit.DirectoryProven},
		{"a revocation of nobody's", func(r *audit.Receipt) { r.Statements = []string{"a.b.c"} }, audit.StatementProven},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r, err := audit.ParseReceipt(raw)
			if err != nil {
				t.Fatal(err)
			}
			row.change(&r)
			told := r.Verify(w.pins)
			for _, f := range told.Findings {
				if f.Rule == row.rule {
					return
				}
			}
			t.Errorf("found %+v, want %s", told.Findings, row.rule)
		})
	}
	strangers := w.pins
	strangers.Keys = strangers.Keys[:3]
	if told := honest.Verify(strangers); len(told.Findings) == 0 {
		t.Error("other people's pins believe it")
	}
}

// TestAKeyThatWasLostLaterProvesWhatItSignedBefore and nothing after.
func TestAKeyThatWasLostLaterProvesWhatItSignedBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.send(referral(me, rs))
	w.testify(s, gateway.ContentConsignment, rs, nil)
	lost := w.now.Add(time.Hour)
	w.testify(s, gateway.ContentHandover, rs, func(st *gateway.Statement) { st.At = lost.Add(time.Hour) })
	w.revoke(rs, w.key(rs).Evidence.ID(), lost)
	told := w.again(w.issue(me, s, int64(len(w.entries)))).Verify(w.pins)
	if len(told.Findings) != 1 || told.Findings[0].Entry != s.index+2 || told.Findings[0].Rule != audit.KeyUsable {
		t.Errorf("found %+v", told.Findings)
	}
}

// TestWhatIsNoReceiptIsRefused in words, whatever it is.
func TestWhatIsNoReceiptIsRefused(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"", "{}", "null", `{"format":"trm-receipt/2"}`, `{"format":"trm-receipt/1","viewer":"rs/coordinator","steps":[]}`, `{"format":"trm-receipt/1","format":"trm-receipt/1"}`, "eyJ"} {
		if _, err := audit.ParseReceipt([]byte(raw)); err == nil {
			t.Errorf("%q was read", raw)
		}
	}
}
