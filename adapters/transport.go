package adapters

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"example.org/trm/adapters/incoming"
	"example.org/trm/gateway"
)

// Transport puts a consignment where the national system finds it. Implementations are
// safe for concurrent use.
type Transport interface {
	// Deliver returns nil once the national system has the consignment durably. The same
	// [Consignment.Key] again takes no second effect and returns nil too: after a crash or
	// a lost answer the adapter cannot know. It honours ctx's deadline, which is one
	// attempt.
	//
	// An error that [gateway.IsPermanent] finds ends the delivery. Every other error is
	// temporary, and ambiguous unless it was marked by [Unsent].
	Deliver(ctx context.Context, c Consignment) error
}

// Consignment is what one role at the destination is given of a delivery: the message as
// that role may see it. A delivery to a coordinator with a unit for child protection is
// two of them.
type Consignment struct {
	Delivery   string            // delivery id, a UUIDv7
	Message    gateway.MessageID // the message that it is
	Reader     gateway.Party     // whom this consignment is for
	Audience   gateway.Party     // the addressee; equal to Reader for its own
	Thread     string
	Lane       gateway.Lane
	ReceivedAt time.Time // by the gateway
	Expires    time.Time
	Repeat     bool // an earlier attempt may have taken effect
	Head       map[string]any
	Blocks     map[string]any  // clear blocks; the addressee's only
	Sealed     map[string]any  // opened: the units sealed to Reader
	SealedFor  []string        // units for other roles, which the addressee cannot open
	National   []Translated    // what their codes are called in the country
	Codes      *incoming.Codes // what of Blocks and Sealed cannot be looked up here; mostly nil
	Binding    gateway.Binding
	Concerns   []string // of a recall, correction or change of consent: the deliveries to Reader that it is about
	ChangedBy  []Mark   // changes to this message that came before it
	Envelope   []byte   // as delivered, with the gateway's binding; the addressee's only
}

// Key is the consignment's name for ever: the same in every attempt, different for each
// role. A national system that has seen it has the consignment.
func (c Consignment) Key() string { return c.Delivery + "." + c.Reader.Role() }

// LogValue keeps the content out of every log.
func (c Consignment) LogValue() slog.Value { return slog.StringValue(c.Key()) }

// Format keeps the content out of every error.
func (c Consignment) Format(f fmt.State, _ rune) { fmt.Fprint(f, "consignment "+c.Key()) }

// Document is the consignment as every transport writes it: one shape for a file, a
// request body and the inbox.
type Document struct {
	Delivery   string         `json:"delivery"`
	ReceivedBy gateway.Party  `json:"receivedBy"`
	ReceivedAt time.Time      `json:"receivedAt"`
	Head       map[string]any `json:"head"`
	Blocks     map[string]any `json:"blocks,omitempty"`
	Sealed     map[string]any `json:"sealed,omitempty"`
	SealedFor  []string       `json:"sealedFor,omitempty"`
	// Codes is there where the message names a release of the code lists that this adapter
	// does not have: what cannot be looked up, and what to do.
	Codes *incoming.Codes `json:"codes,omitempty"`
	// National is what the message's codes are called in the country, where it has codes of
	// its own: beside the message, which stays as it was signed.
	National []Translated `json:"national,omitempty"`
	Binding  Released     `json:"binding"`
	// Concerns are the deliveries that a recall, correction or change of consent is about,
	// of those that this reader was given.
	Concerns []string `json:"concerns,omitempty"`
	// ChangedBy says that this was recalled or corrected before it came.
	ChangedBy []Mark `json:"changedBy,omitempty"`
	// Envelope is the signed message as it was delivered: what the addressee needs to
	// prove later who sent it and what the gateway released. Absent for other roles.
	Envelope json.RawMessage `json:"envelope,omitempty"`
}

// Released is what the gateway signed about what it released, for the recipient's file.
type Released struct {
	Audience gateway.Party      `json:"audience"`
	Released []string           `json:"released,omitempty"` // the addressee's view only: names of units tell which there are
	Policy   string             `json:"policy"`
	Pair     gateway.PairNumber `json:"pair"`
	SDHash   string             `json:"sdHash"`
}

// Document is the consignment's content.
func (c Consignment) Document() Document {
	d := Document{
		Delivery: c.Delivery, ReceivedBy: c.Reader, ReceivedAt: c.ReceivedAt.UTC(), Head: c.Head,
		Blocks: c.Blocks, Sealed: c.Sealed, SealedFor: c.SealedFor, Codes: c.Codes, National: c.National, Concerns: c.Concerns, ChangedBy: c.ChangedBy,
		Binding: Released{Audience: c.Binding.Audience, Policy: c.Binding.Policy, Pair: c.Binding.Pair, SDHash: c.Binding.SDHash},
	}
	if c.Reader == c.Audience {
		d.Binding.Released, d.Envelope = c.Binding.Released, c.Envelope
	}
	return d
}

// JSON is the document in one line, ending in a line feed: for a program.
func (c Consignment) JSON() ([]byte, error) { return written(json.Marshal(c.Document())) }

// Page is the same, indented for the people who will open it.
func (c Consignment) Page() ([]byte, error) {
	return written(json.MarshalIndent(c.Document(), "", "  "))
}

// written ends a document. The encoder's error could quote what it could not write.
func written(b []byte, err error) ([]byte, error) {
	if err != nil {
		return nil, gateway.Permanent(errors.New("writing a consignment as JSON"))
	}
	return append(b, '\n'), nil
}

// unsent marks an error after which nothing can have arrived.
type unsent struct{ error }

func (u unsent) Unwrap() error { return u.error }

// Unsent marks err: the attempt ended before anything left, so that it certainly took no
// effect. It stays temporary.
func Unsent(err error) error { return unsent{err} }

// IsUnsent reports whether err or something it wraps was marked by [Unsent].
func IsUnsent(err error) bool {
	var u unsent
	return errors.As(err, &u)
}

// later carries a wait that the other side asked for.
type later struct {
	error
	wait time.Duration
}

func (l later) Unwrap() error { return l.error }

// Later marks a temporary error with the wait that the other side asked for.
func Later(err error, wait time.Duration) error { return later{err, wait} }

// WaitOf is the wait that err was marked with by [Later], or zero.
func WaitOf(err error) time.Duration {
	var l later
	if errors.As(err, &l) {
		return l.wait
	}
	return 0
}
