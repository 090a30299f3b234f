package adapters

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// The kinds of change that go to every past recipient.
const (
	KindConsent    = "consent"    // the person agreed, limited or withdrew the agreement
	KindCorrection = "correction" // a part of what was sent was wrong
	KindRecall     = "recall"     // a message should not have been sent
)

// ChangeRequest is what an office asks for when past recipients must learn of something. The
// office says which case it means, which of its conversations or which of its messages:
// what joins these is known to the office alone. What it leaves out is as in the message
// that is changed.
type ChangeRequest struct {
	Kind     string        `json:"kind"`               // consent, correction, recall
	From     gateway.Party `json:"from,omitempty"`     // only this party's conversations
	Case     string        `json:"case,omitempty"`     // the reference that the office gave with its drafts
	Threads  []string      `json:"threads,omitempty"`  // or conversations,
	Messages []string      `json:"messages,omitempty"` // or messages, by jti

	// Effect is consent-given, consent-limited or consent-withdrawn; of a correction minor,
	// identity or safety. A recall has none.
	Effect string `json:"effect,omitempty"`
	// Block is what a correction corrects, whole: "health", "needs". Every message that
	// said something there is corrected, sealed to the role that had it.
	Block   string          `json:"block,omitempty"`
	Content json.RawMessage `json:"content,omitempty"`
	Reason  string          `json:"reason,omitempty"` // a code

	Lane        gateway.Lane `json:"lane,omitempty"`
	Purpose     string       `json:"purpose,omitempty"`
	Basis       string       `json:"basis,omitempty"`
	Agreement   *Agreement   `json:"agreement,omitempty"`
	EffectiveAt time.Time    `json:"effectiveAt,omitzero"`
	Test        bool         `json:"test,omitempty"`
}

// Agreement is what the person decided, as a draft writes it.
type Agreement struct {
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"`
	By     string `json:"by,omitempty"`
	Heard  bool   `json:"heard,omitempty"`
}

// LogValue keeps reference and content out of every log.
func (r ChangeRequest) LogValue() slog.Value { return slog.StringValue(r.Kind) }

// Format keeps them out of every error.
func (r ChangeRequest) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "change of kind %s", r.Kind) }

// check refuses what cannot be understood. Codes are the schemas' to judge.
func (r ChangeRequest) check() error {
	named := 0
	for _, given := range []bool{r.Case != "", len(r.Threads) > 0, len(r.Messages) > 0} {
		if given {
			named++
		}
	}
	switch {
	case !slices.Contains([]string{KindConsent, KindCorrection, KindRecall}, r.Kind):
		return gateway.Refuse(gateway.CodeSchema, "/kind", "Write consent, correction or recall.")
	case named != 1:
		return gateway.Refuse(gateway.CodeSchema, "", "Say what is meant with one of case, threads, messages.")
	case len(r.Case) > maxReference:
		return gateway.Refuse(gateway.CodeTooLarge, "/case", "A reference has at most 128 bytes.")
	case len(r.Threads) > maxParts || len(r.Messages) > maxParts:
		return gateway.Refuse(gateway.CodeTooLarge, "", "Name at most "+strconv.Itoa(maxParts)+".")
	case (r.Effect == "") != (r.Kind == KindRecall):
		return gateway.Refuse(gateway.CodeSchema, "/effect", "Say the effect of a consent or a correction; a recall has none.")
	case (r.Block == "") != (r.Kind != KindCorrection):
		return gateway.Refuse(gateway.CodeSchema, "/block", "Say which block a correction corrects; nothing else has one.")
	case (len(r.Content) == 0) != (r.Kind != KindCorrection):
		return gateway.Refuse(gateway.CodeSchema, "/content", "Give the whole corrected block; nothing else has content.")
	}
	return nil
}

const maxReference = 128

// content is the corrected block, read as strictly as a draft.
func (r ChangeRequest) content() (map[string]any, error) {
	if r.Kind != KindCorrection {
		return nil, nil
	}
	v, err := envelope.DecodeJSON(r.Content)
	m, ok := v.(map[string]any)
	if err != nil || !ok {
		return nil, gateway.Refuse(gateway.CodeSchema, "/content", "Write an object.")
	}
	return m, nil
}

// unitOf is the part of an earlier message that a correction corrects, empty if it said
// nothing there: whoever did not have it does not get it now.
func (r ChangeRequest) unitOf(x store.Exchange) string {
	for _, unit := range x.Said {
		if block, _, field := gateway.SplitUnit(unit); field == "" && (unit == r.Block || block == r.Block) {
			return unit
		}
	}
	return ""
}

// Reach is whom a change would reach, before anything is sent.
type Reach struct {
	Parts []ReachPart `json:"parts"`
	// Elsewhere are offices of this country that keep conversations under the same
	// reference and for which the caller does not act: they must be asked to do the same.
	Elsewhere []gateway.Party `json:"elsewhere,omitempty"`
}

// ReachPart is the message to one past recipient.
type ReachPart struct {
	From     gateway.Party       `json:"from"`
	To       gateway.Party       `json:"to"`
	Thread   string              `json:"thread"`
	Target   string              `json:"target"`
	Refused  *outgoing.Refused   `json:"refused,omitempty"` // it cannot be sent; somebody telephones
	Readers  []outgoing.Reader   `json:"readers,omitempty"`
	Withheld []outgoing.Withheld `json:"withheld,omitempty"` // stays here: the recipient learns that there is a change, and not what
}

// PreviewChange says whom a change would reach, with what, and what policy keeps here. It asks
// what sending asks, and sends nothing.
func (a *Adapter) PreviewChange(ctx context.Context, in ChangeRequest, may func(gateway.Party) bool) (Reach, error) {
	plan, elsewhere, err := a.addressed(ctx, in, may)
	if err != nil {
		return Reach{}, err
	}
	out := Reach{Parts: []ReachPart{}, Elsewhere: elsewhere}
	var wrong []error
	for _, p := range plan {
		d := p.draft
		part := ReachPart{From: d.From, To: d.To, Thread: d.Thread, Target: d.Target}
		f, err := a.Store.Facts(ctx, d.Thread)
		if err != nil {
			return Reach{}, err
		}
		v, err := a.Desk.Preview(d, f)
		wrong = append(wrong, err)
		switch q := gateway.AsProblem(err); {
		case err == nil:
			part.Refused, part.Readers = v.Refused, v.Readers
			if r := v.Refused; r != nil {
				wrong[len(wrong)-1] = gateway.Refuse(r.Code, r.Pointer, r.Fix)
			}
			part.Withheld = slices.DeleteFunc(v.Withheld, func(h outgoing.Withheld) bool { return h.Unit != p.unit })
		case q.Final():
			doc := q.Document()
			part.Refused = &outgoing.Refused{Code: doc.Code, Title: doc.Title, Fix: doc.Detail, Pointer: doc.Pointer, Rule: doc.Rule}
		default:
			return Reach{}, err
		}
		out.Parts = append(out.Parts, part)
	}
	return out, misread(wrong)
}

// SendChange tells every past recipient: it signs one message to each and stores all of
// them before anything leaves, so that a crash at any moment sends the rest, each once.
// The same repeat key returns what it made first. A message that the desk refuses is a
// part too, with the reason: whoever it was for must be told in another way. Where no message
// follows its schema the request is at fault, and is refused whole.
func (a *Adapter) SendChange(ctx context.Context, in ChangeRequest, may func(gateway.Party) bool, repeat string) (store.Change, error) {
	if repeat == "" {
		return store.Change{}, gateway.Refuse(gateway.CodeRequest, "", "Send an Idempotency-Key, so that nobody is told twice.")
	}
	if c, err := a.Store.Repeats(ctx, repeat); err == nil || !errors.Is(err, store.ErrUnknown) {
		if err == nil && !slices.ContainsFunc(c.Parts, func(p store.Part) bool { return may(p.Message.Issuer) }) {
			return store.Change{}, gateway.Refuse(gateway.CodeForbidden, "", "")
		}
		return c, err
	}
	for range 5 {
		c, err := a.sendChange(ctx, in, may, repeat)
		if !errors.Is(err, store.ErrOvertaken) {
			return c, err
		}
	}
	return store.Change{}, gateway.Unavailable(gateway.CodeBusy, time.Second, store.ErrOvertaken)
}

func (a *Adapter) sendChange(ctx context.Context, in ChangeRequest, may func(gateway.Party) bool, repeat string) (store.Change, error) {
	mark, err := a.Store.Mark(ctx)
	if err != nil {
		return store.Change{}, err
	}
	plan, _, err := a.addressed(ctx, in, may)
	if err != nil {
		return store.Change{}, err
	}
	c := store.Change{ID: a.NewID(), Repeat: repeat, MadeAt: a.Now()}
	var wrong []error
	var out []store.Outgoing
	for _, p := range plan {
		part := p.part()
		o, withheld, err := a.prepare(ctx, p)
		wrong = append(wrong, err)
		switch q := gateway.AsProblem(err); {
		case err == nil:
			part.Message, part.Withheld = o.ID, withheld
			out = append(out, o)
		case q.Final():
			part.Code = q.Code
		default:
			return store.Change{}, err
		}
		c.Parts = append(c.Parts, part)
	}
	if err := misread(wrong); err != nil {
		return store.Change{}, err
	}
	c, again, err := a.Store.PutChange(ctx, c, out, mark)
	if err == nil && !again {
		a.Log.Info("prepared a change for past recipients", "country", string(a.Country), "parts", len(c.Parts), "refused", len(c.Parts)-len(out))
		a.stored()
	}
	return c, err
}

// misread is the refusal of a request of which no part follows its schema: what it says is
// wrong, such as a code, and whoever asked corrects it. Were it kept, the table would send
// somebody to the telephone for a slip of the pen.
func misread(errs []error) error {
	for _, err := range errs {
		if err == nil || gateway.AsProblem(err).Code != gateway.CodeSchema {
			return nil
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return errs[0]
}

// prepare signs one part. withheld is the rule by which a corrected part stays here.
func (a *Adapter) prepare(ctx context.Context, p planned) (o store.Outgoing, withheld string, err error) {
	k, ok := a.Keys(p.draft.From)
	if !ok {
		return o, "", gateway.Refuse(gateway.CodePartyUnknown, "/from", "This adapter has no keys of that party.")
	}
	f, err := a.Store.Facts(ctx, p.draft.Thread)
	if err != nil {
		return o, "", err
	}
	s, err := a.Desk.Sign(p.draft, f, k, outgoing.Options{})
	if err != nil {
		return o, "", err
	}
	parts, err := a.Opener.Decode(s.Raw)
	if err != nil {
		return o, "", err
	}
	o = outgoingOf(parts, s.Raw, "", a.Now())
	o.Exchange = a.exchangeFor(s)
	for _, w := range s.Preview.Withheld {
		if w.Unit == p.unit {
			withheld = w.Rule
		}
	}
	return o, withheld, nil
}
