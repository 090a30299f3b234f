package envelope

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"example.org/trm/gateway"
)

// Binder signs what the gateway releases and closes it for its one reader. It holds every
// binding key that a message may name in cnf: while a new key and an old one overlap there
// are two. Keys is read only: safe for concurrent use.
type Binder struct {
	Keys []*Private
}

var _ gateway.Binder = Binder{}

// errNotHeld says nothing against the message: another process may hold the key, or this
// one after it has read its keys again.
var errNotHeld = errors.New("binding: the key that the message names is not here")

// maxBound leaves room around a submission of 256 KiB for what the gateway adds.
const maxBound = defaultBytes + maxCompact + 1<<10

// Bind signs the key-binding JWT (RFC 9901, Section 4.3) with the key that the binding
// names, which must be the one in the message's cnf: over the reduced message, its
// disclosures in the order of the units, and encrypts both to the recipient's key. The
// delivery's id stands in the JWE's header, so that a recipient whose key is gone can
// still say which delivery it cannot open.
func (b Binder) Bind(core gateway.Core, units []gateway.Unit, bd gateway.Binding, recipient gateway.Key) (gateway.Bound, error) {
	names := make([]string, len(units))
	w := wire{core: core, disclosures: make([]string, len(units))}
	for i, u := range units {
		names[i], w.disclosures[i] = u.Name, u.Disclosure
	}
	if !slices.Equal(names, bd.Released) || !slices.IsSorted(names) {
		return gateway.Bound{}, errors.New("binding: released does not name the units")
	}
	i := slices.IndexFunc(b.Keys, func(k *Private) bool { return k.id == bd.KeyID })
	if i < 0 {
		return gateway.Bound{}, errNotHeld
	}
	bd.SDHash = digest(core, w.disclosures).String()
	payload, err := marshal(bindingClaims(bd))
	if err != nil {
		return gateway.Bound{}, fmt.Errorf("binding: %w", err)
	}
	if bd.Serialized, err = SignCompact(typBinding, payload, b.Keys[i]); err != nil {
		return gateway.Bound{}, fmt.Errorf("binding: %w", err)
	}
	w.bound = bd.Serialized
	wrapped, err := encrypt(w.bytes(), recipient, typDelivery, map[string]string{"jti": bd.Delivery})
	if err != nil {
		return gateway.Bound{}, fmt.Errorf("wrapping: %w", err)
	}
	return gateway.Bound{Binding: bd, Wrapped: wrapped, KeyID: recipient.ID}, nil
}

// bindingClaims: iat, aud, nonce and sd_hash are RFC 9901's; the others are ours, so that
// the recipient can prove what was released, by which policy, as which delivery of the pair.
func bindingClaims(b gateway.Binding) map[string]any {
	m := map[string]any{
		"iat": numericDate(b.IssuedAt), "aud": string(b.Audience), "nonce": b.Delivery, "sd_hash": b.SDHash, "policy": b.Policy,
		"pair": pairClaims(b.Pair),
	}
	if len(b.Released) > 0 {
		m["released"] = b.Released
	}
	return m
}

func pairClaims(n gateway.PairNumber) map[string]any {
	return map[string]any{"from": string(n.From), "to": string(n.To), "origin": n.Origin, "n": json.Number(strconv.FormatInt(n.N, 10))}
}

// pair reads a pair number; absent is zero.
func (c *claims) pair(name string) gateway.PairNumber {
	if _, ok := c.m[name]; !ok {
		return gateway.PairNumber{}
	}
	p := c.object(name)
	for _, m := range []string{"from", "to", "origin", "n"} {
		p.need(m)
	}
	isCountry := func(s string) bool { return gateway.Country(s).Valid() }
	n := gateway.PairNumber{
		From: gateway.Country(p.text("from", isCountry)), To: gateway.Country(p.text("to", isCountry)),
		Origin: p.text("origin", isToken), N: p.integer("n", 1),
	}
	c.close(p)
	return n
}

// CheckBinding proves that the gateway released exactly what is here, to this recipient,
// as this delivery: typ and algorithm, that the key is the one that the origin named in
// cnf and is the gateway's for binding, the signature, aud, nonce, sd_hash, and that
// released names the units that are present. A message without kb_jwt is refused: whether
// binding is required never depends on whether one came (RFC 9901, Section 7.3).
//
// The origin's signature over the parts is proven apart, by [Codec.Verify]. The error is
// a *gateway.Problem.
func CheckBinding(p gateway.Parts, lookup func(kid string) (gateway.Key, bool), delivery string) (gateway.Binding, error) {
	b, err := readBinding(p.Bound)
	if err != nil {
		return gateway.Binding{}, refuseBinding(err)
	}
	k, ok := lookup(b.KeyID)
	switch {
	case !ok || b.KeyID != p.Head.Confirmation || k.Party != gateway.TheGateway || !k.ValidAt(b.IssuedAt):
		return gateway.Binding{}, refuseBinding(errors.New("the key is not the one of cnf"))
	case b.Audience != p.Head.Audience:
		return gateway.Binding{}, refuseBinding(errors.New("another recipient"))
	case b.Delivery != delivery:
		return gateway.Binding{}, refuseBinding(errors.New("another delivery"))
	case b.SDHash != p.Digest.String():
		return gateway.Binding{}, refuseBinding(errors.New("sd_hash is of other disclosures"))
	case b.Pair.From != p.Head.Issuer.Country() || b.Pair.To != p.Head.Audience.Country():
		return gateway.Binding{}, refuseBinding(errors.New("the number is of another pair"))
	case !slices.EqualFunc(b.Released, p.Units, func(name string, u gateway.Unit) bool { return name == u.Name }):
		return gateway.Binding{}, refuseBinding(errors.New("released is not what is here"))
	}
	if err := VerifyCompact(p.Bound, k); err != nil {
		return gateway.Binding{}, refuseBinding(err)
	}
	return b, nil
}

// ReadBinding reads what the gateway's binding says and proves nothing: for those who hold
// a delivered message and do not know its delivery's id, which [CheckBinding] asks for.
func ReadBinding(p gateway.Parts) (gateway.Binding, error) {
	b, err := readBinding(p.Bound)
	if err != nil {
		return gateway.Binding{}, refuseBinding(err)
	}
	return b, nil
}

func refuseBinding(err error) error {
	return gateway.Refuse(gateway.CodeBinding, "", "").Because(fmt.Errorf("checking the binding: %w", err))
}

func readBinding(token string) (gateway.Binding, error) {
	m, h, err := readClaims(typBinding, token)
	if err != nil {
		return gateway.Binding{}, err
	}
	c := &claims{m: m, code: gateway.CodeBinding}
	for _, name := range []string{"iat", "aud", "nonce", "sd_hash", "policy", "pair"} {
		c.need(name)
	}
	b := gateway.Binding{
		KeyID: h.KeyID, IssuedAt: c.date("iat"), Audience: c.party("aud"), Delivery: c.text("nonce", isToken), SDHash: c.text("sd_hash", isSum),
		Released: c.list("released", isReleased), Policy: c.text("policy", isToken), Pair: c.pair("pair"), Serialized: token,
	}
	return b, c.done()
}

// isReleased reports whether s is the name of a unit, or of a field that is one.
func isReleased(s string) bool {
	block, _, field := gateway.SplitUnit(s)
	if field != "" {
		return isBlock(block) && isBlock(field)
	}
	return isUnit(s)
}
