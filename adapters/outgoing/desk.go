package outgoing

import (
	"fmt"
	"time"

	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/schemas"
)

// Catalogue knows the types, the codes and the content of blocks. The schemas package
// implements it.
type Catalogue interface {
	gateway.Catalogue
	// ValidateBlock checks the content of one block, as decoded by envelope.DecodeJSON.
	// What it refuses is a *gateway.Problem.
	ValidateBlock(codes, block string, v any) error
	// Deprecated lists the places in a block's content that hold a code which the release
	// is about to leave.
	Deprecated(codes, block string, v any) []schemas.Deprecated
	// Act is what the head's act says for these clear blocks of a type.
	Act(typ string, blocks map[string]any) []string
	// Release is the code-list release that new messages name.
	Release() string
}

// Policy decides what may leave, and explains it to an officer. The policy package
// implements it.
type Policy interface {
	gateway.Policy
	// Explain says a rule in plain words; empty for one that it does not know.
	Explain(rule string) string
	// Never lists the blocks and fields of the type that the role never gets.
	Never(t gateway.Type, role, purpose string) []string
	// Kept lists what the sending office keeps by itself, in plain words.
	Kept() []string
}

// Desk makes previews and envelopes for the parties of a country. Fields must be
// set but where they say otherwise. Safe for concurrent use.
type Desk struct {
	Directory gateway.Directory
	Catalogue Catalogue
	Policy    Policy
	Now       func() time.Time
	NewID     func() string // UUIDv7s, for messages and threads

	// Procedure holds a message against its conversation, as the gateway will. It may be
	// nil: then only the gateway does.
	Procedure gateway.Procedure
	// Earlier finds what was said in this country's conversations. known is false for what
	// was said before they were kept, which is then the gateway's to judge. Set where
	// Procedure is.
	Earlier func(id gateway.MessageID) (e gateway.Earlier, known bool, err error)
}

// Options of signing. The zero value is what an office wants.
type Options struct {
	// All leaves every decision of policy to the gateway: what policy withholds is
	// signed and sent, and a message that it refuses is signed. For showing that the
	// gateway enforces it; an office never needs it.
	All bool
}

// Signed is an envelope that can be submitted.
type Signed struct {
	Raw     []byte // the same bytes are to be sent again after a crash: store them first
	ID      gateway.MessageID
	Head    gateway.Head
	Preview Preview
}

// Sign seals, signs and checks a draft. What policy withholds is not in the result,
// unless the options keep it. What the gateway would refuse is refused here with the same
// *gateway.Problem, whose pointer points into the draft. So is a note that identifies
// somebody ("note-identifies"), whatever the options say: behind this desk nobody can read
// it. In the urgent lane the preview in the result says what was found, and the message
// leaves.
func (k Desk) Sign(d Draft, facts gateway.ThreadFacts, keys *certs.Keys, o Options) (Signed, error) {
	if keys.Party != d.From || keys.Message == nil {
		return Signed{}, gateway.Refuse(gateway.CodeCallerMismatch, "/from", "Sign with the message key of the sender.")
	}
	c, err := k.compose(d, facts)
	if err != nil {
		return Signed{}, err
	}
	if p := c.telling(); p != nil {
		return Signed{}, p
	}
	raw, err := c.sign(keys.Message, keys.Thumbprint[keys.Message.ID()], o.All)
	if err != nil {
		return Signed{}, err
	}
	if err := k.check(raw, c.head.IssuedAt, true); err != nil {
		return Signed{}, err
	}
	if c.refusal != nil && !o.All {
		return Signed{}, inDraft(c.refusal)
	}
	if !o.All {
		if raw, err = envelope.Drop(raw, c.leaves); err != nil {
			return Signed{}, fmt.Errorf("leaving out what policy withholds: %w", err)
		}
	}
	return Signed{Raw: raw, ID: c.head.MessageID(), Head: c.head, Preview: c.preview()}, nil
}

// Question is what policy would be asked about a draft if it were sent now. An error is a
// *gateway.Problem that points into a draft of which no message can be made.
func (k Desk) Question(d Draft, facts gateway.ThreadFacts) (gateway.Question, error) {
	c, err := k.compose(d, facts)
	if err != nil {
		return gateway.Question{}, err
	}
	return c.question, nil
}

// check is the gateway's own, over the bytes that it would get. Whether it will take the
// key is asked of envelopes that will be sent, so that one that has run out is noticed at
// the desk.
func (k Desk) check(raw []byte, at time.Time, sent bool) error {
	p, err := envelope.Codec{}.Decode(raw)
	if err != nil {
		return inDraft(err)
	}
	var key gateway.Key
	if sent {
		if key, err = gateway.Prove(p, envelope.Codec{}, k.Directory, at); err != nil {
			return inDraft(err)
		}
	}
	if _, err := gateway.Open(p, key, at, k.Catalogue, k.Directory); err != nil {
		return inDraft(err)
	}
	return nil
}
