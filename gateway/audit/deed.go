package audit

import (
	"fmt"

	"example.org/trm/gateway"
	"example.org/trm/gateway/ledger"
	"example.org/trm/gateway/trust"
)

// private reports whether only one country's auditor may read what a deed was: the others
// come with every bundle.
func private(e gateway.Event) bool {
	switch e {
	case gateway.Overridden, gateway.Redriven, gateway.Held, gateway.Released:
		return true
	}
	return false
}

// deed is an entry about the gateway itself: what came into force, what was purged, which
// log this one follows.
func (v *verifier) deed(l *leaf, o Opened, opened bool) {
	switch {
	case !opened && private(l.Event):
		return
	case !opened:
		v.at(l, OpeningPresent, Violates, "what this entry commits to is missing, and every auditor may have it")
		return
	case !l.altered && !opens(o.Nonce, o.Opening, l.Commitment):
		v.at(l, OpeningOpens, Violates, "what is here is not what the entry commits to")
		return
	}
	v.report.conforms(OpeningOpens)
	d, err := readDeed(o.Opening)
	if err != nil {
		v.at(l, OpeningAgrees, Violates, "what the entry commits to cannot be read: "+err.Error())
		return
	}
	v.report.conforms(OpeningPresent)
	v.hold(l, OpeningAgrees, d.Event == l.Event, "it is about a %s", d.Event)
	switch l.Event {
	case gateway.DirectoryInForce:
		v.hold(l, EditionKnown, v.listed(d.Digest), "directory %d, which came into force, is not here", d.Number)
	case gateway.PolicyInForce:
		v.policyNow = d.Digest
		_, ok := v.policies[d.Digest]
		v.hold(l, EditionKnown, ok, "the policy that came into force, %s, is not here", d.Digest)
	case gateway.SchemasInForce:
		v.edition = d.Digest
		v.hold(l, EditionKnown, v.knows(d.Digest), "the schemas that came into force, %s, are not here", d.Digest)
	case gateway.StatementTaken:
		said, ok := v.told[d.Digest]
		v.hold(l, StatementProven, ok, "what %s said over the directory, and the gateway took, is not here", d.By)
		if ok && said.Kind == trust.Revocation {
			v.revoked[said.Key] = true
		}
	case gateway.Overridden:
		v.overridden(d)
	case gateway.Purged:
		v.purges[l.index] = d.Number
	case gateway.OriginSucceeded:
		v.succeeds = true
		v.hold(l, LogConsistency, l.index == 0, "a log says in the middle that it follows another")
		v.succession(l, d)
	}
}

// succession holds the log's first entry against the earlier bundle, where that is of the
// log which ended: the entry commits to its last checkpoint.
func (v *verifier) succession(l *leaf, d gateway.Deed) {
	m := v.options.Since
	if m == nil || m.Origin == v.origin || !v.hold(l, LogConsistency, m.Origin == d.Of, "it follows the log %s, and the earlier bundle is of %s", shown(d.Of), m.Origin) {
		return
	}
	log, _, ok := v.log()
	if !ok {
		return // found already
	}
	c, _, err := ledger.OpenCheckpoint([]byte(d.Checkpoint), log.Named(d.Of))
	switch {
	case err != nil:
		v.at(l, LogConsistency, Violates, "it names no checkpoint that the log before it signed")
	case c.Size != m.Size:
		v.at(l, LogConsistency, NotCheckable, fmt.Sprintf("the log before it ended with %d entries, and the earlier bundle with %d", c.Size, m.Size))
	default:
		if v.hold(l, LogConsistency, hash(c.Root) == m.root, "the log before it ended otherwise than the earlier bundle") {
			v.inherit(m)
		}
	}
	v.followed = true
}

// listed reports whether a directory with the digest was proven.
func (v *verifier) listed(digest string) bool {
	for _, d := range v.history.Directories() {
		if d.Digest() == digest {
			return true
		}
	}
	return false
}

// knows reports whether an edition of the schemas is here, or in this program.
func (v *verifier) knows(digest string) bool {
	if v.options.Types != nil {
		if _, ok := v.options.Types(digest); ok {
			return true
		}
	}
	_, ok := v.editions[digest]
	return ok
}
