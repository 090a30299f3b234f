package audit

import (
	"fmt"
	"slices"
	"time"

	"example.org/trm/gateway"
)

// pairKey is what deliveries are numbered within.
type pairKey struct {
	from, to gateway.Country
	origin   string
}

// numbering is how far a pair's numbers have come.
type numbering struct {
	last  int64 // 0 where none was seen
	known bool  // whether what came before the bundle is known
}

// story is what the log says became of one delivery.
type story struct {
	accepted  int64 // entry, or -1 where it came before the bundle
	consigned int64 // the first, or -1
	failed    int64
	person    int64 // the first entry that says that a person had it, or -1
	events    []happened

	// What its acceptance says, where that was opened.
	audience gateway.Party
	delivery string
	sdHash   string
	received time.Time
}

// happened is a statement about a delivery that was opened and proven.
type happened struct {
	entry  int64
	event  gateway.Event
	signer gateway.Party
	code   gateway.Code
	at     time.Time
}

// number asks what entries alone can answer, of every pair, also those whose openings this
// auditor may not have: gap-free numbers, and nothing before its acceptance.
func (v *verifier) number(l *leaf) {
	if l.Pair == (gateway.PairNumber{}) || v.heldBefore(l.index) {
		return
	}
	key := pairKey{l.Pair.From, l.Pair.To, l.Pair.Origin}
	n := v.numbers[key]
	if n == nil {
		// A log can begin with numbers that were given while another was running.
		n = &numbering{known: v.complete() && key.origin == v.origin}
		v.numbers[key] = n
	}
	if l.Event == gateway.SubmissionAcceptance {
		v.accepted(l, n)
		return
	}
	s := v.stories[l.Pair]
	if s == nil {
		if (n.known || n.last > 0 && l.Pair.N > n.last) && v.unknown == 0 {
			v.at(l, EvidenceOrder, Violates, fmt.Sprintf("%s, but no entry before it says that the delivery was accepted", l.Event))
		}
		s = &story{accepted: -1, consigned: -1, failed: -1, person: -1}
		v.stories[l.Pair] = s
	} else {
		v.report.conforms(EvidenceOrder)
	}
	first := func(i *int64) {
		if *i < 0 {
			*i = l.index
		}
	}
	switch l.Event {
	case gateway.ContentConsignment:
		first(&s.consigned)
	case gateway.ContentConsignmentFailure:
		first(&s.failed)
	case gateway.ContentHandover, gateway.TakenOn:
		first(&s.person)
	}
}

// complete reports whether the bundle, with the earlier one, goes back to where its log
// began, so that what is not in it never was.
func (v *verifier) complete() bool {
	if m := v.old(); m != nil && m.complete && m.Size >= v.parts.contents.First {
		return true
	}
	return v.parts.contents.First == 0
}

// remembers reports whether everything is known that was ever said in a thread: also what
// was said in the log that this one follows.
func (v *verifier) remembers() bool {
	if m := v.old(); m != nil {
		return m.remembers && m.Size >= v.parts.contents.First
	}
	return v.parts.contents.First == 0 && (!v.succeeds || v.inherits)
}

// heldBefore reports whether the entry was in the earlier bundle too, and counted there.
func (v *verifier) heldBefore(index int64) bool {
	m := v.old()
	return m != nil && index < m.Size
}

func (v *verifier) accepted(l *leaf, n *numbering) {
	if s := v.stories[l.Pair]; s != nil {
		if s.accepted >= 0 {
			v.at(l, NumbersGapFree, Violates, fmt.Sprintf("the number was given at entry %d already", s.accepted))
			return
		}
		s.accepted = l.index
	} else {
		v.stories[l.Pair] = &story{accepted: l.index, consigned: -1, failed: -1, person: -1}
	}
	want := n.last + 1
	switch got := l.Pair.N; {
	case n.last == 0 && !n.known, got == want:
		v.report.conforms(NumbersGapFree)
	case got > want && got-want <= v.unknown:
		v.unknown -= got - want
		v.at(l, NumbersGapFree, NotCheckable, fmt.Sprintf("number %d comes after %d: an entry that is missing or cannot be read may be the one between", got, n.last))
	case got == want+1:
		v.at(l, NumbersGapFree, Violates, fmt.Sprintf("number %d is here and %d never was: a delivery was left out", got, want))
	case got > want:
		v.at(l, NumbersGapFree, Violates, fmt.Sprintf("number %d is here and %d to %d never were: deliveries were left out", got, want, got-1))
	default:
		v.at(l, NumbersGapFree, Violates, fmt.Sprintf("number %d comes after %d", got, n.last))
	}
	n.last = max(n.last, l.Pair.N)
}

// at notes a finding about an entry of a pair.
func (v *verifier) at(l *leaf, rule Rule, verdict Verdict, says string) {
	v.report.find(Finding{Entry: l.index, Rule: rule, Verdict: verdict, Says: says, Pair: l.Pair})
}

// endings asks, when everything was read, what can only be asked then.
func (v *verifier) endings() {
	for pair, s := range v.stories {
		l := &leaf{index: s.person}
		l.Pair = pair
		if s.person >= 0 && s.consigned < 0 && s.accepted >= 0 {
			v.at(l, EvidenceOrder, Violates, "a person had the message, and no entry says that it was delivered")
		}
		v.contradictions(pair, s)
		v.order(pair, s)
	}
}

// contradictions looks for a delivery that is said to have been made and to have failed.
// That the gateway knew of no evidence when the time ran out contradicts no evidence that
// is dated before.
func (v *verifier) contradictions(pair gateway.PairNumber, s *story) {
	for _, made := range s.events {
		if made.event != gateway.ContentConsignment {
			continue
		}
		for _, lost := range s.events {
			if lost.event != gateway.ContentConsignmentFailure || lost.signer == gateway.TheGateway && lost.code == gateway.CodeExpired && !made.at.After(lost.at) {
				continue
			}
			l := &leaf{index: max(made.entry, lost.entry)}
			l.Pair = pair
			who := fmt.Sprintf("%s says that it was delivered and %s that it failed", made.signer, lost.signer)
			if made.signer == lost.signer {
				who = fmt.Sprintf("%s contradicts itself: it says that the message was delivered, and that it failed", made.signer)
			}
			v.at(l, NoContradiction, Violates, who)
		}
	}
	if len(s.events) > 0 {
		v.report.conforms(NoContradiction)
	}
}

// order compares the dates that one country's signers gave: by its clock a person cannot
// have a message before it was delivered.
func (v *verifier) order(pair gateway.PairNumber, s *story) {
	i := slices.IndexFunc(s.events, func(h happened) bool { return h.event == gateway.ContentConsignment })
	if i < 0 {
		return
	}
	for _, h := range s.events {
		if (h.event == gateway.ContentHandover || h.event == gateway.TakenOn) && h.at.Add(gateway.Skew).Before(s.events[i].at) {
			l := &leaf{index: h.entry}
			l.Pair = pair
			v.at(l, EvidenceOrder, Violates, fmt.Sprintf("%s is dated %s, before the delivery at %s", h.event, h.at.Format(time.RFC3339), s.events[i].at.Format(time.RFC3339)))
		}
	}
}
