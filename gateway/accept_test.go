package gateway_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"example.org/trm/gateway"
)

func TestSameBytesGetTheSameReceiptForEver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	raw := referral(nil)
	first, err := w.accept(t, raw)
	if err != nil || first.Receipt == nil {
		t.Fatalf("accepting: %v, %v", first, err)
	}
	// Later the message has expired, its key is revoked and the pair is switched off:
	// the answer stands.
	w.now = noon.AddDate(1, 0, 0)
	w.directory.keys = nil
	w.directory.pair.On = false
	again, err := w.accept(t, raw)
	if err != nil || string(again.Receipt) != string(first.Receipt) {
		t.Errorf("second answer %s, %v; want the first, %s", again.Receipt, err, first.Receipt)
	}
	if len(w.journal.records) != 1 {
		t.Errorf("%d records, want 1", len(w.journal.records))
	}
}

func TestSameIdWithOtherBytesIsAConflict(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.accept(t, referral(nil)); err != nil {
		t.Fatal(err)
	}
	_, err := w.accept(t, referral(func(s *submission) { s.Head.Purpose = "return" }))
	wantCode(t, err, gateway.CodeIDReused)
}

func TestRefusalsBeforeTheOriginIsProvenClaimNoId(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change func(*submission)
		code   gateway.Code
	}{
		"another's message":                {func(s *submission) { s.Head.Issuer = "rs/coordinator" }, gateway.CodeCallerMismatch},
		"broken signature":                 {func(s *submission) { s.Signature = "other" }, gateway.CodeSignature},
		"key not in the directory":         {func(s *submission) { s.KeyID = "nobody" }, gateway.CodeKeyUnknown},
		"key of another party":             {func(s *submission) { s.KeyID = "rs-message" }, gateway.CodeKeyUnknown},
		"key of another use":               {func(s *submission) { s.KeyID = "ba-evidence" }, gateway.CodeKeyNotValid},
		"key not yet valid at iat":         {func(s *submission) { s.HeaderIat = noon.AddDate(0, -2, 0) }, gateway.CodeKeyNotValid},
		"another algorithm than the key's": {func(s *submission) { s.Alg = "EdDSA" }, gateway.CodeAlgorithm},
		"certificate of another key":       {func(s *submission) { s.Thumbprint = "other" }, gateway.CodeKeyUnknown},
		"key revoked since iat":            {func(s *submission) { s.KeyID = "ba-stolen" }, gateway.CodeKeyNotValid},
		"a binding that is not ours":       {func(s *submission) { s.Bound = "kb" }, gateway.CodeMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			_, err := w.accept(t, referral(row.change))
			wantCode(t, err, row.code)
			if len(w.journal.records) != 0 {
				t.Error("something was recorded")
			}
		})
	}
}

func TestRefusalsOfAProvenOriginAreSignedAndRecorded(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change  func(*submission)
		code    gateway.Code
		pointer string
	}{
		"iat differs":              {func(s *submission) { s.Head.IssuedAt = noon }, gateway.CodeTimeMismatch, "/iat"},
		"dated in the future":      {func(s *submission) { s.Head.IssuedAt, s.HeaderIat = noon.Add(6*time.Minute), noon.Add(6*time.Minute) }, gateway.CodeTimeFuture, "/iat"},
		"expired":                  {func(s *submission) { s.Head.Expires = noon }, gateway.CodeExpired, "/exp"},
		"lives too long":           {func(s *submission) { s.Head.Expires = noon.Add(48 * time.Hour) }, gateway.CodeLifeTooLong, "/exp"},
		"bound to another gateway": {func(s *submission) { s.Head.Confirmation = "gw-evidence" }, gateway.CodeNotForUs, "/cnf"},
		"unknown type":             {func(s *submission) { s.Head.Type = "gossip.notice/1.0" }, gateway.CodeTypeUnknown, "/type"},
		"reserved member":          {func(s *submission) { s.Head.Via = "me/coordinator" }, gateway.CodeNotInVersion, "/via"},
		"schema":                   {func(s *submission) { s.Head.Codes = "bad" }, gateway.CodeSchema, "/subject/phase"},
		"unit of no such type":     {func(s *submission) { s.Units = append(s.Units, "gossip") }, gateway.CodeUnitUnknown, ""},
		"field of no such block":   {func(s *submission) { s.Units = append(s.Units, "subject/shoe") }, gateway.CodeUnitUnknown, "/subject"},
		"clear instead of sealed":  {func(s *submission) { delete(s.Seals, "identity@coordinator") }, gateway.CodeUnitNotSealed, "/identity@coordinator"},
		"sealed for another message": {func(s *submission) {
			x := s.Seals["identity@coordinator"]
			x.ID = "m-0"
			s.Seals["identity@coordinator"] = x
		}, gateway.CodeUnitSealedWrong, "/identity@coordinator"},
		"sealed for another place": {func(s *submission) {
			x := s.Seals["identity@coordinator"]
			x.Pointer = "/health@child-protection"
			s.Seals["identity@coordinator"] = x
		}, gateway.CodeUnitSealedWrong, "/identity@coordinator"},
		"sealed to another's key":       {func(s *submission) { s.seal("identity@coordinator", "cp-enc", 4096) }, gateway.CodeUnitSealedWrong, "/identity@coordinator"},
		"sealed to a signing key":       {func(s *submission) { s.seal("identity@coordinator", "rs-evidence", 4096) }, gateway.CodeUnitSealedWrong, "/identity@coordinator"},
		"padded to another size":        {func(s *submission) { s.seal("identity@coordinator", "rs-enc", 1024) }, gateway.CodeUnitSealedWrong, "/identity@coordinator"},
		"block missing":                 {func(s *submission) { s.Units = s.Units[:3] }, gateway.CodeUnitMissing, "/subject"},
		"unit for another role missing": {func(s *submission) { s.Units = s.Units[1:] }, gateway.CodeUnitMissing, "/health@child-protection"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			raw := referral(row.change)
			got, err := w.accept(t, raw)
			if err != nil {
				t.Fatalf("got the error %v, want a recorded refusal", err)
			}
			if got.Refusal == nil || got.Refusal.Code != row.code || got.Refusal.Pointer != row.pointer {
				t.Fatalf("refused with %v, want %s at %q", got.Refusal, row.code, row.pointer)
			}
			if !strings.Contains(got.Signed, string(gateway.SubmissionRejection)) {
				t.Error("the refusal is not signed")
			}
			if w.journal.numbers != 0 {
				t.Error("a refused message took a number")
			}
			again, err := w.accept(t, raw)
			if err != nil || again.Signed != got.Signed {
				t.Errorf("the same bytes got another answer: %v", err)
			}
		})
	}
}

func TestRoleThatMayNotReceiveAClassIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.directory.roles["rs/child-protection"] = []gateway.Class{gateway.ClassC1}
	got, err := w.accept(t, referral(nil))
	if err != nil || got.Refusal == nil || got.Refusal.Code != gateway.CodeRoleMayNot {
		t.Errorf("got %v, %v; want %s", got.Refusal, err, gateway.CodeRoleMayNot)
	}
}

func TestUnitForARoleThatACountryLacksIsNotExpected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	delete(w.directory.roles, "rs/child-protection")
	got, err := w.accept(t, referral(func(s *submission) { s.Units = s.Units[1:]; delete(s.Seals, "health@child-protection") }))
	if err != nil || got.Refusal != nil {
		t.Errorf("got %v, %v; want a receipt", got.Refusal, err)
	}
}

func TestWithheldUnitDoesNotLeaveAndOnlyTheSenderIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.policy.withhold = []string{"identity@coordinator"}
	got, err := w.accept(t, referral(nil))
	if err != nil || got.Refusal != nil {
		t.Fatal(got.Refusal, err)
	}
	r := w.journal.records[0]
	if want := "health@child-protection,needs,subject"; r.Bound.Binding.SDHash != want || len(r.Units) != 3 {
		t.Errorf("released %s, want %s", r.Bound.Binding.SDHash, want)
	}
	if !strings.Contains(r.Sender, "identity@coordinator") || !strings.HasSuffix(r.Sender, "ba-enc") {
		t.Errorf("the sender's list is %q", r.Sender)
	}
	if !strings.HasSuffix(r.Auditor, "ba-auditor") {
		t.Errorf("the auditor's list is %q", r.Auditor)
	}
	if strings.Contains(string(got.Receipt), "identity") {
		t.Error("the receipt names what was withheld")
	}
}

func TestFieldDoesNotLeaveWithoutItsBlock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got, err := w.accept(t, referral(func(s *submission) { s.Units = append(s.Units, "subject/decidedBy") }))
	if err != nil || got.Refusal != nil {
		t.Fatal(got.Refusal, err)
	}
	w.policy.withhold = []string{"subject/decidedBy"}
	if _, err := w.accept(t, referral(func(s *submission) {
		s.Head.ID = "m-2"
		s.Seals = map[string]gateway.Seal{}
		s.seal("identity@coordinator", "rs-enc", 4096)
		s.seal("health@child-protection", "cp-enc", 4096)
		s.Units = append(s.Units, "subject/decidedBy")
	})); err != nil {
		t.Fatal(err)
	}
	if got := w.journal.records[1].Bound.Binding.Released; strings.Contains(strings.Join(got, " "), "decidedBy") {
		t.Errorf("released %v", got)
	}
}

func TestRequiredBlockIsNeverWithheld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.policy.withhold = []string{"needs"}
	got, err := w.accept(t, referral(nil))
	if err != nil || got.Refusal == nil || got.Refusal.Code != gateway.CodeRequiredWithheld || got.Refusal.Rule != "test-rule" {
		t.Errorf("got %v, %v", got.Refusal, err)
	}
}

func TestThreadBelongsToItsTwoParties(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.journal.facts["t-1"] = gateway.ThreadFacts{Opener: "ba/child-protection", Other: "rs/coordinator"}
	got, err := w.accept(t, referral(nil))
	if err != nil || got.Refusal == nil || got.Refusal.Code != gateway.CodeThreadParties {
		t.Errorf("got %v, %v", got.Refusal, err)
	}
}

func TestTheBindingKeyIsTheOneThatTheMessageNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.directory.keys["gw-binding-2"] = w.directory.keys["gw-binding"]
	for i, key := range []string{"gw-binding", "gw-binding-2"} {
		a, err := w.accept(t, referral(func(s *submission) {
			s.Head.ID, s.Head.Confirmation = "m-"+key, key
			s.seal("health@child-protection", "cp-enc", 4096)
			s.seal("identity@coordinator", "rs-enc", 4096)
		}))
		if err != nil || a.Receipt == nil {
			t.Fatalf("accepting: %+v, %v", a.Refusal, err)
		}
		if got := w.journal.records[i].Bound.Binding.KeyID; got != key {
			t.Errorf("bound with %q, the message names %q", got, key)
		}
	}
}

func TestReplyToNothingThatWasSaidIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reply := func(id, to string) []byte {
		return referral(func(s *submission) {
			s.Head.ID, s.Head.InReplyTo = id, to
			for unit := range s.Seals {
				seal := s.Seals[unit]
				seal.ID = id
				s.Seals[unit] = seal
			}
		})
	}
	got, err := w.accept(t, reply("m-1", "m-0"))
	if err != nil || got.Refusal == nil || got.Refusal.Code != gateway.CodeReplyUnknown || got.Refusal.Pointer != "/inReplyTo" {
		t.Errorf("got %v, %v", got.Refusal, err)
	}
	w.journal.records = append(w.journal.records, gateway.Record{Head: gateway.Head{Issuer: "rs/coordinator", ID: "m-0", Audience: "ba/coordinator", Thread: "t-1"}})
	if got, err := w.accept(t, reply("m-2", "m-0")); err != nil || got.Refusal != nil {
		t.Errorf("a reply to what was said: got %v, %v", got.Refusal, err)
	}
}

func TestLookUpOfAReplyThatFailsIsBusyAndClaimsNoId(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.accept(t, referral(func(s *submission) { s.Head.InReplyTo = "m-broken" }))
	wantCode(t, err, gateway.CodeBusy)
	if len(w.journal.records) != 0 {
		t.Error("something was recorded")
	}
}

func TestJournalThatFailsIsBusyAndNothingIsSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.journal.fail = errors.New("disk full")
	_, err := w.accept(t, referral(nil))
	wantCode(t, err, gateway.CodeBusy)
	if p := gateway.AsProblem(err); p.Wait == 0 || p.Final() {
		t.Error("the sender is not invited to come again")
	}
}

func TestOneIdIsRecordedOnceUnderConcurrency(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	raw := referral(nil)
	answers := make(chan string)
	for range 16 {
		go func() {
			a, err := w.Accept(t.Context(), "ba/coordinator", gateway.Normal, gateway.Received(raw, noon), "")
			if err != nil {
				answers <- err.Error()
				return
			}
			answers <- string(a.Receipt)
		}()
	}
	first := <-answers
	for range 15 {
		if got := <-answers; got != first {
			t.Errorf("got %s and %s", first, got)
		}
	}
}

func TestAcceptanceIsRememberedAsAThreadFact(t *testing.T) {
	t.Parallel()
	f := gateway.ThreadFacts{}.After(gateway.Head{Issuer: "ba/coordinator", Audience: "rs/coordinator", Type: "referral.request/1.0", ID: "1"})
	if f.Accepted {
		t.Error("a request is no acceptance")
	}
	for outcome, want := range map[string]bool{"accepted": true, "partly": true, "declined": false, "redirected": false} {
		got := f.After(gateway.Head{Issuer: "rs/coordinator", Audience: "ba/coordinator", Type: "referral.answer/1.0", Outcome: outcome})
		if got.Accepted != want {
			t.Errorf("%s: accepted is %t", outcome, got.Accepted)
		}
		if got.Opener != "ba/coordinator" {
			t.Errorf("%s: the thread's opener became %s", outcome, got.Opener)
		}
	}
}

func TestClosingTakesBothSidesAndOpeningOne(t *testing.T) {
	t.Parallel()
	propose := gateway.Head{Issuer: "ba/coordinator", Audience: "rs/coordinator", Type: "case.change/1.0", Act: []string{"close"}}
	agree := gateway.Head{Issuer: "rs/coordinator", Audience: "ba/coordinator", Type: "applied.answer/1.0", Act: []string{"close"}, Outcome: "done"}
	f := gateway.ThreadFacts{}.After(propose)
	if f.Closed {
		t.Error("a proposal closed the case")
	}
	refuse := agree
	refuse.Outcome = "kept"
	if f.After(refuse).Closed {
		t.Error("a refusal closed the case")
	}
	if f = f.After(agree); !f.Closed {
		t.Error("both closed it, and it is open")
	}
	reopen := propose
	reopen.Act = []string{"reopen"}
	if f.After(reopen).Closed {
		t.Error("the case was opened again, and is closed")
	}
}

func TestReserveIsForUrgentMessagesAndAHeaderBurnsNoId(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	raw := referral(nil)
	_, err := w.Accept(t.Context(), "ba/coordinator", gateway.Urgent, gateway.Received(raw, noon), "")
	wantCode(t, err, gateway.CodeLaneMismatch)
	if got, err := w.accept(t, raw); err != nil || got.Refusal != nil {
		t.Errorf("the same bytes without the header got %v, %v", got.Refusal, err)
	}
}

func TestUrgentMessageIsReceivedWithoutItsHeader(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got, err := w.accept(t, referral(func(s *submission) { s.Head.Lane = gateway.Urgent }))
	if err != nil || got.Refusal != nil {
		t.Fatal(got.Refusal, err)
	}
	if !w.journal.records[0].Urgent {
		t.Error("it does not travel on the urgent stream")
	}
}
