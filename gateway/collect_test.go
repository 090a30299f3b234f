package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"example.org/trm/gateway"
)

type ledgerless struct {
	cases  map[string]gateway.Case
	heard  []gateway.Statement
	fail   error
	lapsed []gateway.Case
}

func (b *ledgerless) Case(_ context.Context, id string) (gateway.Case, bool, error) {
	c, ok := b.cases[id]
	return c, ok, nil
}

func (b *ledgerless) Testimony(_ context.Context, _ gateway.Case, e gateway.Evidence) error {
	if b.fail != nil && !errors.Is(b.fail, gateway.ErrContradiction) {
		return b.fail
	}
	b.heard = append(b.heard, e.Statement())
	return b.fail
}

func (b *ledgerless) Lapsed(context.Context, time.Time, int) ([]gateway.Case, error) {
	return b.lapsed, nil
}

func newCollector() (*gateway.Collector, *ledgerless) {
	b := &ledgerless{cases: map[string]gateway.Case{
		"d-1": {Message: gateway.MessageID{Issuer: "ba/coordinator", ID: "m-1"}, Audience: "rs/coordinator", Delivery: "d-1", SDHash: "hash"},
	}}
	return &gateway.Collector{
		Examiner: stubExaminer{}, Notary: stubNotary{}, Directory: newStubDirectory(), Book: b,
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return noon }, NewID: func() string { return "id" },
	}, b
}

func consignment(change func(*gateway.Statement)) string {
	s := gateway.Statement{
		ID: "e-1", Signer: "rs/coordinator", At: noon, Event: gateway.ContentConsignment,
		Message: gateway.MessageID{Issuer: "ba/coordinator", ID: "m-1"}, Delivery: "d-1", SDHash: "hash",
	}
	if change != nil {
		change(&s)
	}
	raw, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func collect(t *testing.T, c *gateway.Collector, from gateway.Country, jws string) gateway.Statement {
	t.Helper()
	ack, err := c.Collect(t.Context(), from, jws)
	if err != nil {
		t.Fatalf("collecting: %v", err)
	}
	var s gateway.Statement
	if err := json.Unmarshal([]byte(ack), &s); err != nil {
		t.Fatal(err)
	}
	if s.Of != gateway.DigestString(jws) {
		t.Error("the acknowledgement names other evidence")
	}
	return s
}

func TestEvidenceOfTheAddresseeIsRecordedAndAcknowledged(t *testing.T) {
	t.Parallel()
	c, b := newCollector()
	if got := collect(t, c, "rs", consignment(nil)); got.Event != gateway.EvidenceRecorded {
		t.Errorf("got %s (%s)", got.Event, got.Code)
	}
	if len(b.heard) != 1 {
		t.Errorf("%d statements recorded", len(b.heard))
	}
}

func TestEvidenceThatProvesNothingIsRefusedForEver(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		from   gateway.Country
		change func(*gateway.Statement)
		code   gateway.Code
	}{
		"through another country's stream":    {"me", nil, gateway.CodeEvidence},
		"of a delivery nobody made":           {"rs", func(s *gateway.Statement) { s.Delivery = "d-0" }, gateway.CodeEvidence},
		"of another message":                  {"rs", func(s *gateway.Statement) { s.Message.ID = "m-0" }, gateway.CodeEvidence},
		"by a role that is not the addressee": {"rs", func(s *gateway.Statement) { s.Signer = "rs/child-protection" }, gateway.CodeEvidence},
		"for other content than was released": {"rs", func(s *gateway.Statement) { s.SDHash = "other" }, gateway.CodeBinding},
		"that the gateway received it":        {"rs", func(s *gateway.Statement) { s.Event = gateway.SubmissionAcceptance }, gateway.CodeEvidence},
		"that its evidence was recorded":      {"rs", func(s *gateway.Statement) { s.Event = gateway.EvidenceRecorded }, gateway.CodeEvidence},
		"of an event that nobody knows":       {"rs", func(s *gateway.Statement) { s.Event = "Gossip" }, gateway.CodeEvidence},
		"with a code that is none of ours": {"rs", func(s *gateway.Statement) {
			s.Event, s.Code, s.SDHash = gateway.ContentConsignmentFailure, "canary-name", ""
		}, gateway.CodeEvidence},
		"with a pointer of its own":          {"rs", func(s *gateway.Statement) { s.Pointer = "/canary" }, gateway.CodeEvidence},
		"with a rule of its own":             {"rs", func(s *gateway.Statement) { s.Rule = "canary" }, gateway.CodeEvidence},
		"by a person of a role that is none": {"rs", func(s *gateway.Statement) { s.Event, s.Role = gateway.TakenOn, "canary-name" }, gateway.CodeEvidence},
		"dated when the key was not valid":   {"rs", func(s *gateway.Statement) { s.At = noon.AddDate(1, 0, 0) }, gateway.CodeEvidence},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, b := newCollector()
			got := collect(t, c, row.from, consignment(row.change))
			if got.Event != gateway.EvidenceRefused || got.Code != row.code {
				t.Errorf("got %s with %s, want %s", got.Event, got.Code, row.code)
			}
			if len(b.heard) != 0 {
				t.Error("it was recorded")
			}
		})
	}
}

func TestARecipientSaysWhyAndWhoInWordsOfClosedLists(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*gateway.Statement){
		"why it failed": func(s *gateway.Statement) {
			s.Event, s.Code, s.SDHash = gateway.ContentConsignmentFailure, gateway.CodeDestinationRefused, ""
		},
		"a role beside the addressee's": func(s *gateway.Statement) { s.Event, s.Role = gateway.ContentHandover, "child-protection" },
		"that people were told":         func(s *gateway.Statement) { s.Event, s.Role = gateway.ConsignmentNotification, "coordinator" },
		"that nobody could be told": func(s *gateway.Statement) {
			s.Event, s.Role, s.Code = gateway.ConsignmentNotificationFailure, "coordinator", gateway.CodeAttemptsExhausted
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, b := newCollector()
			if got := collect(t, c, "rs", consignment(change)); got.Event != gateway.EvidenceRecorded || len(b.heard) != 1 {
				t.Errorf("got %s (%s), %d recorded", got.Event, got.Code, len(b.heard))
			}
		})
	}
}

func TestEvidenceIsGivenAgainWhenTheJournalFails(t *testing.T) {
	t.Parallel()
	c, b := newCollector()
	b.fail = errors.New("disk full")
	if ack, err := c.Collect(t.Context(), "rs", consignment(nil)); err == nil {
		t.Errorf("acknowledged %s", ack)
	}
}

func TestEvidenceThatTheJournalWillNeverKeepIsRefusedForEver(t *testing.T) {
	t.Parallel()
	c, b := newCollector()
	b.fail = gateway.Refuse(gateway.CodeEvidence, "", "")
	if got := collect(t, c, "rs", consignment(nil)); got.Event != gateway.EvidenceRefused || got.Code != gateway.CodeEvidence {
		t.Errorf("got %s with %s, want it refused: it would be sent again for ever", got.Event, got.Code)
	}
}

func TestContradictionIsRecordedAndAcknowledged(t *testing.T) {
	t.Parallel()
	c, b := newCollector()
	b.fail = gateway.ErrContradiction
	if got := collect(t, c, "rs", consignment(nil)); got.Event != gateway.EvidenceRecorded || len(b.heard) != 1 {
		t.Errorf("got %s, %d recorded", got.Event, len(b.heard))
	}
}

func TestSilenceAfterExpiryIsSignedByTheGateway(t *testing.T) {
	t.Parallel()
	c, b := newCollector()
	b.lapsed = []gateway.Case{b.cases["d-1"]}
	n, err := c.Lapse(t.Context())
	if err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if got := b.heard[0]; got.Signer != gateway.TheGateway || got.Event != gateway.ContentConsignmentFailure || got.Code != gateway.CodeExpired {
		t.Errorf("signed %s with %s by %s", got.Event, got.Code, got.Signer)
	}
}

func TestFailureOfADeliveryThatDidNotOpenNeedsNoMessage(t *testing.T) {
	t.Parallel()
	c, b := newCollector()
	failed := consignment(func(s *gateway.Statement) {
		s.Event, s.Message, s.SDHash, s.Code = gateway.ContentConsignmentFailure, gateway.MessageID{}, "", gateway.CodeDeliveryKey
	})
	if got := collect(t, c, "rs", failed); got.Event != gateway.EvidenceRecorded || len(b.heard) != 1 {
		t.Errorf("got %s with %d recorded, want it recorded", got.Event, len(b.heard))
	}
	nameless := consignment(func(s *gateway.Statement) { s.Message = gateway.MessageID{} })
	if got := collect(t, c, "rs", nameless); got.Event != gateway.EvidenceRefused {
		t.Errorf("consignment of no message: got %s, want it refused", got.Event)
	}
}

func TestEvidenceUnderARevokedKeyIsNotBelievedWhateverItsDate(t *testing.T) {
	t.Parallel()
	c, b := newCollector()
	d := newStubDirectory()
	k := d.keys["rs-evidence"]
	k.Revoked = noon.Add(-time.Second)
	d.keys["rs-evidence"] = k
	c.Directory = d
	got := collect(t, c, "rs", consignment(func(s *gateway.Statement) { s.At = noon.Add(-time.Hour) }))
	if got.Event != gateway.EvidenceRefused || len(b.heard) != 0 {
		t.Errorf("got %s, %d recorded", got.Event, len(b.heard))
	}
}
