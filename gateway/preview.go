package gateway

import (
	"context"
	"slices"
	"time"
)

// Outline is a message that nobody has signed: its head as far as it is known, and the
// names of its units. It has no room for content: whoever asks what may leave tells
// nothing that may not.
type Outline struct {
	Head    Head
	Members map[string]any // the head as it was written
	Units   []string       // sorted, none twice
}

// Memory is the journal as a preview reads it: what was said before. A preview is as of
// the moment; what is received after it may change the decision.
type Memory interface {
	// Facts returns what a thread has established; zero where nothing was said in it.
	Facts(ctx context.Context, thread string) (ThreadFacts, error)
	// Earlier finds a message that was received; zero where there is none.
	Earlier(ctx context.Context, id MessageID) (Earlier, error)
}

// Forms is the catalogue as a preview asks it.
type Forms interface {
	// Type finds a row of the table by its full name.
	Type(name string) (Type, bool)
	// ValidateHead checks those members of a head that are given as [Catalogue.Validate]
	// does in a message of the type. What it refuses is a *Problem with a pointer.
	ValidateHead(typ string, members map[string]any) error
}

// Previewer says what the gateway would decide about a message, before there is one: with
// the questions that [Receiver.Accept] asks of head and names, in its order, and the same
// answers. What the content and the signature decide it cannot say. It records nothing.
// Safe for concurrent use.
type Previewer struct {
	Directory Directory
	Forms     Forms
	Procedure Procedure
	Policy    Policy
	Memory    Memory
	Now       func() time.Time // the clock
}

// Preview decides. A refusal that the message would get is in the decision; an error is a
// *Problem of asking: only the sender may ask, because only the sender may know what is
// withheld. A thread of others is like one that does not exist, so that nobody learns from
// a preview what was said in it.
func (p *Previewer) Preview(ctx context.Context, caller Party, o Outline) (Decision, error) {
	if o.Head.Issuer != caller {
		return Decision{}, Refuse(CodeCallerMismatch, "/iss", "")
	}
	d, err := p.decide(ctx, o)
	if err == nil {
		_, err = recipientKey(o.Head.Audience, p.Directory, p.Now())
	}
	if err != nil {
		q := AsProblem(err)
		if !q.Final() {
			return Decision{}, Unavailable(CodeBusy, 5*time.Second, err)
		}
		return Decision{Refusal: q, Policy: d.Policy}, nil
	}
	d.Released = slices.DeleteFunc(slices.Clone(o.Units), func(u string) bool { return !d.lets(u) })
	return d, nil
}

func (p *Previewer) decide(ctx context.Context, o Outline) (Decision, error) {
	h := o.Head
	t, err := p.look(o)
	if err != nil {
		return Decision{}, err
	}
	f, err := p.facts(ctx, h)
	if err != nil {
		return Decision{}, err
	}
	q, err := AskAbout(h, t, o.Units, f, p.Directory)
	if err != nil {
		return Decision{}, err
	}
	earlier := func(id MessageID) (Earlier, error) { return p.Memory.Earlier(ctx, id) }
	if err := p.Procedure.Admit(h, earlier); err != nil {
		return Decision{}, err
	}
	return settle(t, p.Policy, q)
}

// look asks what [Open] asks of head and names.
func (p *Previewer) look(o Outline) (Type, error) {
	h := o.Head
	t, ok := p.Forms.Type(h.Type)
	if !ok {
		return t, Refuse(CodeTypeUnknown, "/type", "")
	}
	if h.Via != "" {
		return t, Refuse(CodeNotInVersion, "/via", "")
	}
	if err := p.Forms.ValidateHead(h.Type, o.Members); err != nil {
		return t, err
	}
	for _, u := range o.Units {
		if _, err := checkName(u, t, h.Audience, p.Directory); err != nil {
			return t, err
		}
	}
	return t, checkComplete(o.Units, t, h.Audience, p.Directory)
}

// facts are what the thread has established, for one of its two parties.
func (p *Previewer) facts(ctx context.Context, h Head) (ThreadFacts, error) {
	if h.Thread == "" {
		return ThreadFacts{}, nil
	}
	f, err := p.Memory.Facts(ctx, h.Thread)
	if err != nil || h.Issuer != f.Opener && h.Issuer != f.Other {
		return ThreadFacts{}, err
	}
	return f, nil
}
