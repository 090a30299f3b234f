package gateway_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"example.org/trm/gateway"
)

// stubMemory is a journal in which one thread was begun.
type stubMemory struct {
	facts gateway.ThreadFacts
	err   error
}

func (m *stubMemory) Facts(context.Context, string) (gateway.ThreadFacts, error) {
	return m.facts, m.err
}

func (m *stubMemory) Earlier(context.Context, gateway.MessageID) (gateway.Earlier, error) {
	return gateway.Earlier{}, m.err
}

// stubForms refuses the purpose "shopping".
type stubForms struct{ stubCatalogue }

func (stubForms) ValidateHead(_ string, m map[string]any) error {
	if m["purpose"] == "shopping" {
		return gateway.Refuse(gateway.CodeSchema, "/purpose", "")
	}
	return nil
}

type previewed struct {
	*gateway.Previewer
	memory    *stubMemory
	policy    *stubPolicy
	directory *stubDirectory
}

func newPreviewed() previewed {
	p := previewed{memory: &stubMemory{}, policy: &stubPolicy{}, directory: newStubDirectory()}
	p.Previewer = &gateway.Previewer{
		Directory: p.directory, Forms: stubForms{}, Procedure: stubProcedure{}, Policy: p.policy, Memory: p.memory, Now: func() time.Time { return noon },
	}
	return p
}

// outline is the referral of these tests before it is signed.
func outline() gateway.Outline {
	return gateway.Outline{
		Head: gateway.Head{
			Issuer: "ba/coordinator", Audience: "rs/coordinator", Type: "referral.request/1.0", Thread: "t-1", Lane: gateway.Normal, Purpose: "assistance", Basis: "art-1",
		},
		Members: map[string]any{},
		Units:   []string{"health@child-protection", "identity@coordinator", "needs", "subject", "subject/decidedBy"},
	}
}

func TestAPreviewNamesWhatLeavesAndWhatDoesNot(t *testing.T) {
	t.Parallel()
	p := newPreviewed()
	p.policy.withhold = []string{"identity@coordinator", "subject/decidedBy"}
	d, err := p.Preview(t.Context(), "ba/coordinator", outline())
	if err != nil || d.Refusal != nil || d.Policy != "policy-digest" {
		t.Fatalf("got %+v, %v", d, err)
	}
	if want := []string{"health@child-protection", "needs", "subject"}; !slices.Equal(d.Released, want) {
		t.Errorf("released %v, want %v", d.Released, want)
	}
	if len(d.Withheld) != 2 || d.Withheld[0].Rule != "test-rule" {
		t.Errorf("withheld %v", d.Withheld)
	}
}

func TestAPreviewRefusesWhatTheGatewayWould(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change func(*gateway.Outline, previewed)
		code   gateway.Code
	}{
		"a type that is not known":         {func(o *gateway.Outline, _ previewed) { o.Head.Type = "no.such/1.0" }, gateway.CodeTypeUnknown},
		"a facilitator":                    {func(o *gateway.Outline, _ previewed) { o.Head.Via = "me/coordinator" }, gateway.CodeNotInVersion},
		"a head that is not of its schema": {func(o *gateway.Outline, _ previewed) { o.Members["purpose"] = "shopping" }, gateway.CodeSchema},
		"a unit of another type":           {func(o *gateway.Outline, _ previewed) { o.Units = append(o.Units, "travel@coordinator") }, gateway.CodeUnitUnknown},
		"a role that may not have it":      {func(_ *gateway.Outline, p previewed) { p.directory.roles["rs/child-protection"] = nil }, gateway.CodeRoleMayNot},
		"too few units":                    {func(o *gateway.Outline, _ previewed) { o.Units = o.Units[1:] }, gateway.CodeUnitMissing},
		"a pair that is off":               {func(_ *gateway.Outline, p previewed) { p.directory.pair.On = false }, gateway.CodePairOff},
		"another's thread": {func(_ *gateway.Outline, p previewed) {
			p.memory.facts = gateway.ThreadFacts{Opener: "ba/coordinator", Other: "rs/child-protection"}
		}, gateway.CodeThreadParties},
		"a reply to nothing":                 {func(o *gateway.Outline, _ previewed) { o.Head.InReplyTo = "m-0" }, gateway.CodeReplyUnknown},
		"what must be there is withheld":     {func(_ *gateway.Outline, p previewed) { p.policy.withhold = []string{"needs"} }, gateway.CodeRequiredWithheld},
		"a recipient who could open nothing": {func(_ *gateway.Outline, p previewed) { delete(p.directory.keys, "rs-enc") }, gateway.CodePartyUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, o := newPreviewed(), outline()
			row.change(&o, p)
			slices.Sort(o.Units)
			d, err := p.Preview(t.Context(), "ba/coordinator", o)
			if err != nil || d.Refusal == nil || d.Refusal.Code != row.code {
				t.Fatalf("got %+v, %v, want the refusal %s", d, err, row.code)
			}
			if len(d.Released)+len(d.Withheld) > 0 {
				t.Errorf("beside a refusal it tells of %v and %v", d.Released, d.Withheld)
			}
		})
	}
}

func TestOnlyTheSenderMayAsk(t *testing.T) {
	t.Parallel()
	_, err := newPreviewed().Preview(t.Context(), "rs/coordinator", outline())
	wantCode(t, err, gateway.CodeCallerMismatch)
}

func TestAJournalThatCannotBeReadIsNoDecision(t *testing.T) {
	t.Parallel()
	p := newPreviewed()
	p.memory.err = errors.New("disk full")
	d, err := p.Preview(t.Context(), "ba/coordinator", outline())
	wantCode(t, err, gateway.CodeBusy)
	if d.Refusal != nil || d.Released != nil {
		t.Errorf("decided %+v", d)
	}
}
