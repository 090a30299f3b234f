package incoming

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/schemas"
)

// View is what one role may see of a message. The recipient's has everything clear; that
// of another role has the head and what is sealed to it, and nothing else.
type View struct {
	Party  gateway.Party  `json:"party"`
	Head   map[string]any `json:"head"`
	Clear  map[string]any `json:"clear,omitempty"`
	Sealed map[string]any `json:"sealed,omitempty"` // by unit
	// SealedFor names the parts for other roles, sorted, in the recipient's view only. It
	// is the same whether there is something in them or not.
	SealedFor []string `json:"sealedFor,omitempty"`
	// Codes is there where the message names a release of the code lists that is not here.
	Codes *Codes `json:"codes,omitempty"`
}

// Codes says what a reader cannot look up: the message is shown as it is, with the codes
// themselves where there is no text for them.
type Codes struct {
	Release string            `json:"release"` // that the message names
	Says    string            `json:"says"`
	Strange []schemas.Strange `json:"strange"` // in the parts that this view shows; each pointer begins with the unit's name
}

// newerCodes is what a reader is told, who should know that nothing is wrong with the
// message.
const newerCodes = "This message names a release of the code lists that this adapter does not have. It is shown as it came; codes that are listed as strange are not in the lists here. Take the release: trm codes --releases."

// LogValue keeps what a role sees out of every log: a view is its party there.
func (v View) LogValue() slog.Value { return slog.StringValue(string(v.Party)) }

// Format keeps it out of every error.
func (v View) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "view of %s", v.Party) }

// ViewAs is what one party may see of an envelope, with its own keys. It proves nothing:
// who signed it and what was released is to be checked before. The view of a role to which
// nothing is said has a head and nothing else.
func ViewAs(raw []byte, reader gateway.Party, keys *certs.Keys, c Catalogue) (View, error) {
	p, err := envelope.Codec{MaxBytes: len(raw)}.Decode(raw)
	if err != nil {
		return View{}, fmt.Errorf("reading a message: %w", err)
	}
	v := newView(p, reader, c)
	for _, u := range p.Units {
		if u.Seal == nil || p.Head.Audience.In(u.Seal.Role) != reader {
			continue
		}
		k, ok := encryptionKey(keys, u.Seal.KeyID)
		if !ok {
			return View{}, gateway.Refuse(gateway.CodeDeliveryKey, "/"+u.Name, "")
		}
		if err := v.unseal(p, u, k, c); err != nil {
			return View{}, err
		}
	}
	return v, nil
}

// views opens every sealed unit for its role. A role to which nothing is said gets no
// view; the recipient always does.
func (o Office) views(p gateway.Parts, m gateway.Message) ([]View, error) {
	views := []View{newView(p, m.Head().Audience, o.Catalogue)}
	for _, u := range p.Units {
		if u.Seal == nil {
			continue
		}
		reader := m.Head().Audience.In(u.Seal.Role)
		i := slices.IndexFunc(views, func(v View) bool { return v.Party == reader })
		if i < 0 {
			i = len(views)
			views = append(views, newView(p, reader, o.Catalogue))
		}
		k, ok := o.private(reader, u.Seal.KeyID)
		if !ok {
			return nil, gateway.Refuse(gateway.CodeDeliveryKey, "/"+u.Name, "")
		}
		if err := views[i].unseal(p, u, k, o.Catalogue); err != nil {
			return nil, err
		}
	}
	others := slices.DeleteFunc(views[1:], func(v View) bool { return len(v.Sealed) == 0 })
	return views[:1+len(others)], nil
}

// newView is what a party sees before anything is unsealed for it.
func newView(p gateway.Parts, reader gateway.Party, c Catalogue) View {
	v := View{Party: reader, Head: map[string]any{}, Sealed: map[string]any{}}
	units := make(map[string]bool, len(p.Units))
	for _, u := range p.Units {
		units[u.Name] = true
	}
	for name, value := range p.Document {
		if !units[name] {
			v.Head[name] = value
		}
	}
	if _, here := c.Published(p.Head.Codes); !here {
		v.Codes = &Codes{Release: p.Head.Codes, Says: newerCodes, Strange: []schemas.Strange{}}
	}
	if reader != p.Head.Audience {
		return v
	}
	v.Clear = map[string]any{}
	for _, u := range p.Units {
		_, role, field := gateway.SplitUnit(u.Name)
		switch {
		case role == "" && field == "":
			v.Clear[u.Name] = p.Document[u.Name]
			v.strange(c, u.Name, u.Name, p.Document[u.Name])
		case role != "" && p.Head.Audience.In(role) != reader:
			v.SealedFor = append(v.SealedFor, u.Name)
		}
	}
	return v
}

// unseal opens a unit for the view's party and checks what is in it. Nobody on the way
// could: what is not as the schema says is refused whole and shown to nobody.
func (v *View) unseal(p gateway.Parts, u gateway.Unit, k *envelope.Private, c Catalogue) error {
	at := "/" + u.Name
	jwe, ok := p.Document[u.Name].(string)
	if !ok {
		return gateway.Refuse(gateway.CodeUnitNotSealed, at, "")
	}
	plain, err := envelope.Unseal(jwe, k, envelope.Place{Issuer: p.Head.Issuer, ID: p.Head.ID, Role: u.Seal.Role, Pointer: at})
	if err != nil {
		return broken(at, err)
	}
	content, err := envelope.DecodeJSON(plain)
	if err != nil {
		return broken(at, err)
	}
	if m, ok := content.(map[string]any); ok && len(m) == 0 {
		return nil // the sender had nothing to say
	}
	block, _, _ := gateway.SplitUnit(u.Name)
	if err := c.ValidateBlock(p.Head.Codes, block, content); err != nil {
		return broken(at, err)
	}
	v.Sealed[u.Name] = content
	v.strange(c, u.Name, block, content)
	return nil
}

// strange notes what of a part cannot be looked up.
func (v *View) strange(c Catalogue, unit, block string, content any) {
	if v.Codes == nil {
		return
	}
	for _, s := range c.Strange(block, content) {
		s.Pointer = "/" + unit + strings.TrimPrefix(s.Pointer, "/"+block)
		v.Codes.Strange = append(v.Codes.Strange, s)
	}
}

// broken is the one answer for every fault inside a seal. Where exactly it is would be
// told to people who may not look inside; so is whether it opened at all.
func broken(at string, err error) error {
	var p *gateway.Problem
	if !errors.As(err, &p) {
		return fmt.Errorf("opening a sealed unit: %w", err)
	}
	return gateway.Refuse(gateway.CodeSealBroken, at, "").Because(errors.New(string(p.Code)))
}
