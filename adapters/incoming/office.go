package incoming

import (
	"errors"
	"fmt"
	"log/slog"

	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/schemas"
)

// Catalogue knows the types and the content of blocks. The schemas package implements it.
type Catalogue interface {
	gateway.Catalogue
	// ValidateBlock checks the content of one block in a release of the code lists, as
	// decoded by envelope.DecodeJSON; anything surplus is refused, with a *gateway.Problem.
	ValidateBlock(codes, block string, v any) error
	// Published finds a release of the code lists, and whether it is here.
	Published(codes string) (schemas.Release, bool)
	// Strange lists the codes in a block's content that no release here has.
	Strange(block string, v any) []schemas.Strange
}

// Office opens deliveries to the parties of one country. All fields must be set. Safe for
// concurrent use if Keys is.
type Office struct {
	Country   gateway.Country
	Keys      func(gateway.Party) (*certs.Keys, bool) // of the country's parties, held apart
	Directory gateway.Directory
	Catalogue Catalogue
}

// Opened is a delivery whose origin, binding and content are proven.
type Opened struct {
	Message gateway.Message
	Binding gateway.Binding
	Head    gateway.Head
	Views   []View // one for each role that gets something, the recipient's first
	Raw     []byte // the reduced envelope with the gateway's signature: the proof to keep
}

// LogValue keeps what was opened out of every log: it is its delivery's id there.
func (o Opened) LogValue() slog.Value { return slog.StringValue(o.Binding.Delivery) }

// Format keeps it out of every error.
func (o Opened) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "delivery %s", o.Binding.Delivery) }

// Open proves a delivery and says what each role may see. The error is a *gateway.Problem
// where the delivery is at fault; the Opened beside it then holds what was proven of the
// head and the binding before, so that evidence can name the message, and no View.
func (o Office) Open(wrapped string) (Opened, error) {
	opened, parts, err := o.prove(wrapped)
	if err != nil {
		return opened, err
	}
	if opened.Views, err = o.views(parts, opened.Message); err != nil {
		opened.Views = nil
		return opened, err
	}
	return opened, nil
}

func (o Office) prove(wrapped string) (Opened, gateway.Parts, error) {
	var out Opened
	kid, delivery, err := envelope.WrapKeyID(wrapped)
	if err != nil {
		return out, gateway.Parts{}, fmt.Errorf("reading a delivery: %w", err)
	}
	key, err := o.key(kid)
	if err != nil {
		return out, gateway.Parts{}, err
	}
	if out.Raw, err = envelope.Unwrap(wrapped, key.private); err != nil {
		return out, gateway.Parts{}, fmt.Errorf("opening a delivery: %w", err)
	}
	// Unwrap has bounded the size: a submission, and what the gateway adds to it.
	codec := envelope.Codec{MaxBytes: len(out.Raw)}
	p, err := codec.Decode(out.Raw)
	if err != nil {
		return out, p, fmt.Errorf("opening a delivery: %w", err)
	}
	if p.Head.Audience != key.party {
		return out, p, gateway.Refuse(gateway.CodeBinding, "/aud", "").Because(errOtherReader)
	}
	if out.Binding, err = envelope.CheckBinding(p, o.Directory.Key, delivery); err != nil {
		return out, p, err
	}
	// As of the gateway's receipt: what was valid then does not become invalid on the way.
	origin, err := gateway.Prove(p, codec, o.Directory, out.Binding.IssuedAt)
	if err != nil {
		return out, p, fmt.Errorf("proving a delivery's origin: %w", err)
	}
	out.Head = p.Head
	if out.Message, err = gateway.OpenDelivered(p, origin, out.Binding.IssuedAt, o.Catalogue, o.Directory); err != nil {
		return out, p, fmt.Errorf("checking a delivery: %w", err)
	}
	return out, p, nil
}

var errOtherReader = errors.New("the delivery is closed for another party than its message names")

// held is a private key and the party of this country that holds it.
type held struct {
	party   gateway.Party
	private *envelope.Private
}

// key finds the private key that a delivery is closed for. The directory says whose it
// is, so that no other party's keys are touched.
func (o Office) key(kid string) (held, error) {
	listed, ok := o.Directory.Key(kid)
	if !ok || listed.Use != gateway.UseEncryption || listed.Party.Country() != o.Country {
		return held{}, gateway.Refuse(gateway.CodeDeliveryKey, "", "")
	}
	private, ok := o.private(listed.Party, kid)
	if !ok {
		return held{}, gateway.Refuse(gateway.CodeDeliveryKey, "", "")
	}
	return held{listed.Party, private}, nil
}

// private finds a party's encryption key by its id. Old ones are kept until everything
// that was closed for them has expired.
func (o Office) private(p gateway.Party, kid string) (*envelope.Private, bool) {
	keys, ok := o.Keys(p)
	if !ok {
		return nil, false
	}
	return encryptionKey(keys, kid)
}

func encryptionKey(keys *certs.Keys, kid string) (*envelope.Private, bool) {
	for _, k := range keys.Encryption {
		if k.ID() == kid {
			return k, true
		}
	}
	return nil, false
}
