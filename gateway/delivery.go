package gateway

import (
	"slices"
	"strings"
	"time"
)

// PairNumber numbers the deliveries from one country to another without gaps, from 1 in
// each origin, so that an omission shows at both ends. It is in the receipt, in the
// binding and in the log.
type PairNumber struct {
	From   Country `json:"from"`
	To     Country `json:"to"`
	Origin string  `json:"origin"` // the log origin of the year
	N      int64   `json:"n"`
}

// Delivery is a message after minimising: what may leave, and nothing else. Only
// [Minimise] makes one, and only a Delivery can be bound, recorded and queued.
type Delivery struct {
	message  Message
	decision Decision
	units    []Unit
}

// Minimise asks the policy and keeps what it names. A unit that the type must carry is
// never withheld: the message is refused. The second result is the decision, for the
// sender alone.
func Minimise(m Message, p Policy, q Question) (Delivery, Decision, error) {
	d, err := settle(m.kind, p, q)
	if err != nil {
		return Delivery{}, d, err
	}
	del := Delivery{message: m, decision: d}
	for _, u := range m.parts.Units {
		if d.lets(u.Name) {
			del.units = append(del.units, u)
		}
	}
	return del, d, nil
}

// settle asks the policy, and refuses what it leaves of a message that is less than its
// type must carry.
func settle(t Type, p Policy, q Question) (Decision, error) {
	d := p.Decide(q)
	if d.Refusal != nil {
		return d, d.Refusal
	}
	for _, w := range d.Withheld {
		if slices.Contains(t.Must, w.Unit) {
			r := Refuse(CodeRequiredWithheld, "/"+w.Unit, "")
			r.Rule = w.Rule
			return d, r
		}
	}
	return d, nil
}

// lets reports whether a unit leaves: a field travels inside its block.
func (d Decision) lets(unit string) bool {
	block, _, field := SplitUnit(unit)
	_, named := slices.BinarySearch(d.Released, unit)
	if named && field != "" {
		_, named = slices.BinarySearch(d.Released, block)
	}
	return named
}

// Units are the units that leave, sorted by name.
func (d Delivery) Units() []Unit { return d.units }

// Released are the names of the units that leave, sorted: what the binding says.
func (d Delivery) Released() []string {
	names := make([]string, len(d.units))
	for i, u := range d.units {
		names[i] = u.Name
	}
	return names
}

// Binding is what the gateway signs over a delivery, as the key-binding JWT of RFC 9901,
// Section 4.3.
type Binding struct {
	KeyID      string // the gateway's key that signs: the one that the message names in cnf
	Delivery   string // nonce: the delivery's id
	Audience   Party
	IssuedAt   time.Time // the time of receipt, as of which everyone verifies
	Released   []string
	Policy     string
	Pair       PairNumber
	SDHash     string
	Serialized string // the JWT
}

// Bound is a delivery that the gateway signed and closed: ready to be recorded.
type Bound struct {
	Binding Binding
	Wrapped string // compact JWE to the recipient's encryption key
	KeyID   string // of that key
}

// Binder signs and wraps. The envelope package implements it over the gateway's keys.
type Binder interface {
	// Bind signs what is released and wraps the reduced envelope for the recipient.
	Bind(core Core, units []Unit, b Binding, recipient Key) (Bound, error)
	// Conceal closes the list of what was withheld for its one reader, in a JWE of
	// constant length, also when the list is empty.
	Conceal(list []Withheld, id MessageID, reader Key) (string, error)
}

// Overtakes reports whether the delivery travels on the urgent stream, past those that
// wait for their turn in a thread.
func (d Delivery) Overtakes() bool {
	h := d.message.parts.Head
	return h.Lane == Urgent || slices.Contains([]string{"recall", "correction", "consent"}, h.Topic())
}

// order is the key within which at most one delivery is unfinished at a time.
func (d Delivery) order() string {
	h := d.message.parts.Head
	return strings.Join([]string{string(h.Issuer), string(h.Audience), h.Thread}, " ")
}
