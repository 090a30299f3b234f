package audit

import (
	"fmt"
	"time"

	"example.org/trm/gateway"
)

// aside is a message that set a rule aside, and what the log says of that.
type aside struct {
	leaf     *leaf
	received time.Time
	reason   string
	recorded bool
	settled  bool // approved, or said to be approved by nobody
}

// setAside notes a message that overrides rules. What the log says of it is opened to the
// sender's auditor alone.
func (v *verifier) setAside(l *leaf, h gateway.Head, received time.Time) {
	v.latest = later(v.latest, received)
	if h.Override == "" || l.Pair.From != v.parts.contents.Viewer.Country() || v.heldBefore(l.index) {
		return
	}
	a := v.aside(gateway.DigestString(string(h.Issuer) + " " + h.ID))
	a.leaf, a.received, a.reason = l, received, h.Override
}

// aside finds what is known of a message by the digest of its name, as a deed names it.
func (v *verifier) aside(digest string) *aside {
	a := v.asides[digest]
	if a == nil {
		a = &aside{}
		v.asides[digest] = a
	}
	return a
}

// overridden is a deed about a message that set a rule aside: that it did, or that a second
// person approved it.
func (v *verifier) overridden(d gateway.Deed) {
	a := v.aside(d.Digest)
	if d.Reason == approved {
		a.settled = true
	} else {
		a.recorded = true
	}
}

// approved is the reason of the deed that an approval makes.
const approved gateway.Code = "approved"

// unapproved is the gateway's statement that nobody approved an override in time.
func (v *verifier) unapproved(id gateway.MessageID) {
	v.aside(gateway.DigestString(string(id.Issuer) + " " + id.ID)).settled = true
}

// overrides asks, when everything was read, whether each stands in the log with what became
// of it. The log's next entries may lie behind the end of the bundle.
func (v *verifier) overrides() {
	for _, a := range v.asides {
		switch {
		case a.leaf == nil || v.parts.contents.Size-a.leaf.index <= chunk:
		case !a.recorded:
			v.at(a.leaf, OverrideKept, Violates, fmt.Sprintf("the message set a rule aside (%s), and the log does not say so", a.reason))
		case !a.settled && v.latest.Sub(a.received) > gateway.ApproveWithin+time.Hour:
			v.at(a.leaf, OverrideKept, Violates, fmt.Sprintf("the message set a rule aside (%s), and the log says neither that a second person approved it nor that nobody did", a.reason))
		default:
			v.report.conforms(OverrideKept)
		}
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
