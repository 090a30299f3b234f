package policy

import (
	"slices"
	"strings"

	"example.org/trm/gateway"
)

// condition is a When whose lists are expanded and whose patterns are cut.
type condition struct {
	When
	types     []typePattern
	units     []unitPattern
	agreement []agreementPattern
}

type typePattern struct{ topic, frame, code string } // "*" is any; code "" is none needed

type unitPattern struct {
	kind               string // "clear", "sealed", or empty
	block, role, field string
}

type agreementPattern struct{ state, reason string } // reason "" is any

func compile(w When) condition {
	c := condition{When: w}
	for _, s := range w.Types {
		name, code, _ := strings.Cut(s, "#")
		topic, frame, _ := strings.Cut(name, ".")
		c.types = append(c.types, typePattern{topic, frame, code})
	}
	for _, s := range w.Units {
		if s == "clear" || s == "sealed" {
			c.units = append(c.units, unitPattern{kind: s})
			continue
		}
		block, role, field := gateway.SplitUnit(s)
		c.units = append(c.units, unitPattern{block: block, role: role, field: field})
	}
	for _, s := range w.Agreement {
		state, reason, _ := strings.Cut(s, ":")
		c.agreement = append(c.agreement, agreementPattern{state, reason})
	}
	return c
}

// asksUnit reports whether the condition speaks of a unit, not only of the message.
func (w When) asksUnit() bool {
	return len(w.Units)+len(w.Readers)+len(w.Classes) > 0 || slices.Contains(w.Found, ClassOutsideRole)
}

// message is the part of a question that all units share.
type message struct {
	gateway.Question
	from, to string // role kinds
}

func about(q gateway.Question) message {
	return message{q, q.Head.Issuer.Kind(), q.Head.Audience.Kind()}
}

// holdsFor reports whether the part of the condition that speaks of the message holds.
func (c *condition) holdsFor(m *message) bool {
	h := &m.Head
	return c.ofType(m) &&
		anyOf(c.From, m.from) && anyOf(c.To, m.to) &&
		anyOf(c.Lanes, h.Lane) && anyOf(c.Purposes, h.Purpose) && anyOf(c.Bases, h.Basis) &&
		anyOf(c.Decided, h.Agreement.By) &&
		(c.Heard == nil || *c.Heard == h.Agreement.Heard) &&
		c.agreed(h) && c.lacking(h.Attests) &&
		some(c.Thread, func(f Fact) bool { return f.holds(m.Facts) }) &&
		some(c.Found, func(f Fault) bool { return f.holds(m) })
}

func anyOf[T comparable](list []T, v T) bool { return len(list) == 0 || slices.Contains(list, v) }

func some[T any](list []T, holds func(T) bool) bool {
	return len(list) == 0 || slices.ContainsFunc(list, holds)
}

func (c *condition) ofType(m *message) bool {
	if len(c.types) == 0 {
		return true
	}
	for i := range c.types {
		p := &c.types[i]
		if p.names(m.Type) && (p.code == "" || slices.Contains(m.Head.Act, p.code)) {
			return true
		}
	}
	return false
}

func (p *typePattern) names(t gateway.Type) bool {
	return (p.topic == "*" || p.topic == t.Topic) && (p.frame == "*" || p.frame == t.Frame)
}

func (c *condition) agreed(h *gateway.Head) bool {
	a := &h.Agreement
	return some(c.agreement, func(p agreementPattern) bool {
		if p.state == "override" {
			return h.Override != "" && (p.reason == "" || p.reason == h.Override)
		}
		return (p.state == a.State || p.state == "unsaid" && a.State == "") && (p.reason == "" || p.reason == a.Reason)
	})
}

func (c *condition) lacking(attests []string) bool {
	return some(c.Lacks, func(s string) bool { return !slices.Contains(attests, s) })
}

func (f Fact) holds(t gateway.ThreadFacts) bool {
	switch f {
	case New:
		return !t.Known()
	case Begun:
		return t.Known()
	case Accepted:
		return t.Accepted
	case NotAccepted:
		return !t.Accepted
	case Declined:
		return t.Declined
	case Closed:
		return t.Closed
	case Withdrawn:
		return t.Withdrawn
	case OfAge:
		return t.OfAge
	}
	return false
}

func (f Fault) holds(m *message) bool {
	h, t := &m.Head, &m.Type
	switch f {
	case PurposeOutsidePair:
		return !slices.Contains(m.Pair.Purposes, h.Purpose)
	case BasisOutsidePair:
		if h.Basis == "" {
			return slices.Contains(t.Bases, "basis")
		}
		return !slices.Contains(m.Pair.Articles, h.Basis)
	case AgreementUnsaid:
		said := h.Agreement.State != "" && (h.Agreement.By != "" || h.Agreement.State == "not-asked")
		return !said && slices.Contains(t.Bases, "agreement")
	case SenderOutsideType:
		return !slices.Contains(t.Senders, m.from)
	case ReceiverOutsideType:
		return !slices.Contains(t.Receivers, m.to)
	case ClassOutsideRole:
		return true // asked of each unit
	}
	return false
}

// unit is one part of a message, as far as its name and type tell.
type unit struct {
	block, role, field string
	class              gateway.Class
	reader             string // role kind
	own                bool   // the recipient itself reads it
	granted            bool   // the directory lets the reader receive the class
}

// describe says what is known of a unit, and whether the type carries it. What it does
// not carry no rule can allow, but one may say why it is withheld.
func (m *message) describe(name string) (u unit, carried bool) {
	u = unit{reader: m.to, own: true, granted: true}
	u.block, u.role, u.field = gateway.SplitUnit(name)
	role := m.Head.Audience.Role()
	if u.role == "" {
		u.class = gateway.ClassC1
		carried = (slices.Contains(m.Type.Must, u.block) || slices.Contains(m.Type.May, u.block)) &&
			(u.field == "" || slices.Contains(m.Type.Fields[u.block], u.field))
	} else {
		u.own = u.role == role
		u.reader = gateway.RoleKind(u.role)
		for i := range m.Type.Sealed {
			sb := &m.Type.Sealed[i]
			if sb.Block == u.block && (sb.Role == u.role || sb.Role == "aud" && u.own) {
				u.class, carried = sb.Class, true
				break
			}
		}
		role = u.role
	}
	if carried {
		u.granted = slices.Contains(m.Classes[role], u.class)
	}
	return u, carried
}

// holdsForUnit reports whether the part of the condition that speaks of a unit holds.
func (c *condition) holdsForUnit(u *unit) bool {
	if len(c.Found) > 0 && c.Found[0] == ClassOutsideRole && u.granted {
		return false
	}
	return anyOf(c.Classes, u.class) && anyOf(c.Readers, u.reader) &&
		some(c.units, func(p unitPattern) bool { return p.names(u) })
}

func (p unitPattern) names(u *unit) bool {
	switch p.kind {
	case "clear":
		return u.role == ""
	case "sealed":
		return u.role != ""
	}
	if p.block != "*" && p.block != u.block || p.field != u.field {
		return false
	}
	switch p.role {
	case "":
		return u.role == ""
	case "*":
		return u.role != ""
	case "aud":
		return u.role != "" && u.own
	}
	return u.role != "" && p.role == u.reader
}
