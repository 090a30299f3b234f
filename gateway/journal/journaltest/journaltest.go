// Package journaltest holds every implementation of the journal to the same promises.
package journaltest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal"
)

// Journal is what an implementation gives.
type Journal interface {
	gateway.Journal
	gateway.Outbox
	gateway.Book
	gateway.Memory
	gateway.Overrides
	gateway.Duties
	Duties(ctx context.Context, p gateway.Party, n int) ([]gateway.Duty, error)
	Standings(ctx context.Context, now time.Time) (map[gateway.Country]journal.Standing, error)
	Log
	Overrides(ctx context.Context, c gateway.Country, from, until time.Time, n int) ([]gateway.Override, error)
	ForgetApprovals(ctx context.Context, t time.Time, n int) (int, error)
	Status(ctx context.Context, id gateway.MessageID) (journal.Status, bool, error)
	Pair(ctx context.Context, n gateway.PairNumber) (journal.Status, bool, error)
	Events(ctx context.Context, sender gateway.Party, after int64, n int) ([]journal.Event, error)
	Backlogs(ctx context.Context) ([]journal.Backlog, error)
	Forget(ctx context.Context, t time.Time, n int) (int, error)
	Lease(ctx context.Context, name, holder string, term time.Duration) (fence int64, held bool, err error)
	Alone(ctx context.Context, name, holder string, term time.Duration, run func(context.Context) error) error
	Ready(ctx context.Context) error
	Close() error
}

// Opener opens the journal that is kept under a folder's name: the same one for the same
// folder, an empty one for a new folder.
type Opener func(t *testing.T, dir string, o journal.Options) Journal

// Run holds an implementation to the promises of the interfaces, each test in a journal
// of its own.
func Run(t *testing.T, open Opener) {
	for _, c := range []struct {
		name string
		test func(*world)
	}{
		{"AnAnswerComesBackByteForByte", answers},
		{"ARefusalComesBackEqual", refusals},
		{"AKnownIDIsAnsweredWithoutBeingRecordedAgain", repeats},
		{"OneOfManyWithTheSameIDIsRecorded", race},
		{"NumbersHaveNoGaps", numbers},
		{"OneBadMessageSpoilsNoOther", isolation},
		{"ACallerWhoIsGoneLeavesNothing", cancelled},
		{"WhatWasAnsweredIsThereAfterReopening", reopened},
		{"AThreadRemembersItsFacts", facts},
		{"ARefusalLeavesTheThreadAsItWas", factsAfterRefusal},
		{"AReplyFindsWhatItRepliesTo", repliedTo},
		{"AnApprovalIsFoundByTheBytesOfItsMessage", approvals},
		{"WhatAMessageSetsAsideIsKeptWithWhatBecameOfIt", overridden},
		{"ThatNobodyApprovedIsRecordedOnce", unapproved},
		{"AnApprovalWithoutItsMessageIsForgotten", unused},
		{"AFullBacklogRefusesAndKeepsAReserve", backlog},
		{"OneDeliveryOfAThreadIsUnfinishedAtATime", order},
		{"NextIsInTheOrderOfReceiptAndBounded", next},
		{"AWindowBoundsWhatLiesInAStream", window},
		{"ExpiredDeliveriesAreNotPlaced", expired},
		{"NoPositionIsGivenTwice", positions},
		{"APositionIsForgottenOnceItsEntryIsRemoved", removed},
		{"ANewPositionSurvivesTheRemovalOfTheOld", replaced},
		{"TheDispatcherIsWoken", woken},
		{"ACaseIsFoundByItsDelivery", cases},
		{"TheSameStatementChangesNothing", restated},
		{"TheFirstFinalEventStands", contradicted},
		{"EvidenceThatComesLateIsNoContradiction", late},
		{"OneDeliveryKeepsABoundedNumberOfStatements", bounded},
		{"LapsedDeliveriesAreFoundOnce", lapsed},
		{"AStatusTellsHowFarAMessageCame", states},
		{"ANumberLeadsToItsMessage", pairs},
		{"EachStepOfADutyIsRecordedOnceAndInOrder", stepped},
		{"AnAnswerEndsADuty", ended},
		{"AFeedIsReadOnFromWhereItWasLeft", feed},
		{"BacklogsTellWhatIsUnfinished", backlogs},
		{"ADeliveryIsForgottenOnceNobodyNeedsIt", forgotten},
		{"ALeaseHasOneHolder", leases},
		{"WhatRunsAloneRunsAlone", alone},
		{"WhatLosesItsLeaseIsEnded", robbed},
		{"EveryEventGetsOnePlaceInTheLog", places},
		{"AnEntryIsFoundWithWhatOpensIt", openings},
		{"ALogSucceedsAnother", succession},
		{"TheNewestWitnessedCheckpointOfADayStands", checkpoints},
		{"WhatIsInForceIsEnteredWhenItChanges", inForce},
		{"AnEndedJournalRefuses", closed},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := &world{T: t, open: open, dir: t.TempDir(), now: noon}
			w.reopen()
			c.test(w)
		})
	}
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const origin = "trm.example/2026"

// world is one journal and a clock.
type world struct {
	*testing.T
	Journal
	open  Opener
	dir   string
	now   time.Time
	mu    sync.Mutex // guards woken: many receive at once
	woken []gateway.Country
	o     journal.Options
}

func (w *world) reopen() {
	w.Helper()
	if w.Journal != nil {
		if err := w.Close(); err != nil {
			w.Fatal(err)
		}
	}
	w.o.Origin = origin
	w.o.Now = func() time.Time { return w.now }
	if w.o.Recorded == nil {
		w.o.Recorded = func(c gateway.Country) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.woken = append(w.woken, c)
		}
	}
	j := w.open(w.T, w.dir, w.o)
	w.Journal = j
	w.Cleanup(func() { _ = j.Close() }) // once more does no harm
}

// message is a record in the making: what differs between messages of these tests.
type message struct {
	id       string
	from, to gateway.Country
	thread   string
	urgent   bool
	life     time.Duration
}

func (m message) name() gateway.MessageID {
	return gateway.MessageID{Issuer: gateway.Party(m.from + "/coordinator"), ID: m.id}
}

// told fills in what a test does not say.
func told(m message) message {
	if m.from == "" {
		m.from = "ba"
	}
	if m.to == "" {
		m.to = "rs"
	}
	if m.thread == "" {
		m.thread = "thread of " + m.id
	}
	if m.life == 0 {
		m.life = time.Hour
	}
	return m
}

// record is what the receiver would make of the message.
func (w *world) record(m message, s gateway.Slot) gateway.Record {
	h := gateway.Head{
		ID: m.id, Issuer: m.name().Issuer, Audience: gateway.Party(m.to + "/coordinator"), IssuedAt: w.now, Expires: w.now.Add(m.life),
		Type: "referral.request/1.0", Thread: m.thread,
	}
	st := gateway.Statement{
		ID: "receipt of " + m.id, Signer: gateway.TheGateway, At: w.now, Event: gateway.SubmissionAcceptance,
		Message: h.MessageID(), Pair: s.Number, SDHash: "hash of " + m.id, Expires: h.Expires,
	}
	return gateway.Record{
		Digest: gateway.Digest{1, 2, byte(len(m.id)), 4}, Head: h, At: w.now, Order: string(h.Issuer) + " " + string(h.Audience) + " " + m.thread, Urgent: m.urgent,
		Core:  gateway.Core{Protected: "protected", Payload: "payload", Signature: "signature"},
		Units: []gateway.Unit{{Name: "needs", Disclosure: "a disclosure"}},
		Bound: gateway.Bound{Binding: gateway.Binding{
			Delivery: "delivery of " + m.id, Audience: h.Audience, IssuedAt: w.now, Released: []string{"needs"}, Policy: "policy",
			Pair: s.Number, SDHash: "hash of " + m.id, Serialized: "kb_jwt of " + m.id,
		}, Wrapped: "wrapped " + m.id, KeyID: "key"},
		Facts: s.Facts.After(h), Sender: "decision for the sender", Auditor: "decision for the auditor",
		Evidence: st, Trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		Answer: gateway.Answer{Receipt: []byte(sign(st).JWS())},
	}
}

func (w *world) refusal(m message, p *gateway.Problem) gateway.Record {
	r := w.record(m, gateway.Slot{})
	st := gateway.Statement{ID: "rejection of " + m.id, Signer: gateway.TheGateway, At: w.now, Event: gateway.SubmissionRejection, Message: r.Head.MessageID(), Code: p.Code}
	return gateway.Record{Digest: r.Digest, Head: r.Head, At: r.At, Evidence: st, Answer: gateway.Answer{Refusal: p, Signed: sign(st).JWS()}}
}

// receive records a message and must succeed.
func (w *world) receive(m message) gateway.Recorded {
	w.Helper()
	m = told(m)
	got, err := w.give(m, func(s gateway.Slot) (gateway.Record, error) { return w.record(m, s), nil })
	if err != nil {
		w.Fatalf("receiving %s: %v", m.id, err)
	}
	return got
}

func (w *world) give(m message, record func(gateway.Slot) (gateway.Record, error)) (gateway.Recorded, error) {
	m = told(m)
	return w.Receive(w.Context(), m.name(), m.thread, m.from, m.to, record)
}

func (w *world) status(m message) journal.Status {
	w.Helper()
	s, ok, err := w.Status(w.Context(), told(m).name())
	if err != nil || !ok {
		w.Fatalf("status of %s: found %v, %v", m.id, ok, err)
	}
	return s
}

// testimony records an event of the delivery of a message.
func (w *world) testimony(m message, id string, e gateway.Event, change func(*gateway.Statement)) error {
	w.Helper()
	m = told(m)
	c, ok, err := w.Case(w.Context(), "delivery of "+m.id)
	if err != nil || !ok {
		w.Fatalf("case of %s: found %v, %v", m.id, ok, err)
	}
	st := gateway.Statement{ID: id, Signer: c.Audience, At: w.now, Event: e, Message: c.Message, Delivery: c.Delivery}
	if change != nil {
		change(&st)
	}
	return w.Testimony(w.Context(), c, sign(st))
}

// finish gives a delivery its final event.
func (w *world) finish(m message) {
	w.Helper()
	if err := w.testimony(m, "consigned "+m.id, gateway.ContentConsignment, nil); err != nil {
		w.Fatalf("finishing %s: %v", m.id, err)
	}
}

// next are the messages whose deliveries may be placed now.
func (w *world) next(c gateway.Country, n int) []string {
	w.Helper()
	ws, err := w.Next(w.Context(), c, w.now, n)
	if err != nil {
		w.Fatal(err)
	}
	var ids []string
	for _, x := range ws {
		ids = append(ids, x.ID[len("delivery of "):])
	}
	return ids
}

// place places what may be placed and returns the positions by message.
func (w *world) place(c gateway.Country, raise bool) map[string]gateway.Waiting {
	w.Helper()
	ws, err := w.Next(w.Context(), c, w.now, 100)
	if err != nil {
		w.Fatal(err)
	}
	if ws, err = w.Place(w.Context(), ws, raise); err != nil {
		w.Fatal(err)
	}
	out := map[string]gateway.Waiting{}
	for _, x := range ws {
		out[x.ID[len("delivery of "):]] = x
	}
	return out
}

func (w *world) wantCode(err error, code gateway.Code) {
	w.Helper()
	var p *gateway.Problem
	if !errors.As(err, &p) || p.Code != code {
		w.Fatalf("got %v, want the problem %s", err, code)
	}
}

// stand-in signs with nothing.
type standIn struct{}

func (standIn) Testify(s gateway.Statement) (string, error) {
	raw, err := json.Marshal(s)
	return string(raw), err
}

func sign(s gateway.Statement) gateway.Evidence {
	e, err := gateway.Testify(s, standIn{})
	if err != nil {
		panic(fmt.Sprintf("a statement without JSON: %v", err)) // of these tests' own making
	}
	return e
}
