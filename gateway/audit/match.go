package audit

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"example.org/trm/gateway"
)

// Difference is what one bundle has and the other lacks, or has otherwise.
type Difference struct {
	Pair  gateway.PairNumber `json:"pair,omitzero"`
	Entry int64              `json:"entry"`
	Event gateway.Event      `json:"event,omitempty"`
	Has   string             `json:"has"` // "first", "second" or "both"
	Says  string             `json:"says"`
}

// Matching is two bundles held against each other.
type Matching struct {
	First       Contents     `json:"first"`
	Second      Contents     `json:"second"`
	From        int64        `json:"from"` // the entries that both are about
	To          int64        `json:"to"`
	Deliveries  int          `json:"deliveries"` // between the two countries, that were compared
	Differences []Difference `json:"differences"`
}

// Match compares what two auditors were given: whether both are of one log, and whether
// both know the same of every delivery that both may know of. It says nothing of whether
// either is true: [Verify] does. Its cost is linear in the size of both; it panics and
// waits for no input. The error names a bundle that is none.
func Match(ctx context.Context, first, second io.Reader) (*Matching, error) {
	a, err := readSide(ctx, first)
	if err != nil {
		return nil, fmt.Errorf("reading the first bundle: %w", err)
	}
	b, err := readSide(ctx, second)
	if err != nil {
		return nil, fmt.Errorf("reading the second bundle: %w", err)
	}
	m := &Matching{First: a.contents, Second: b.contents, Differences: []Difference{}}
	if a.contents.Origin != b.contents.Origin {
		m.say(Difference{Entry: whole, Has: "both", Says: fmt.Sprintf("they are of two logs, %s and %s", a.contents.Origin, b.contents.Origin)})
		return m, nil
	}
	m.From, m.To = max(a.contents.First, b.contents.First), min(a.contents.Size, b.contents.Size)
	if m.From >= m.To {
		m.say(Difference{Entry: whole, Has: "both", Says: "they have no entry in common"})
		return m, nil
	}
	m.logs(a, b)
	m.deliveries(a, b)
	slices.SortStableFunc(m.Differences, func(x, y Difference) int {
		return cmp.Or(cmp.Compare(x.Pair.From, y.Pair.From), cmp.Compare(x.Pair.To, y.Pair.To), cmp.Compare(x.Pair.N, y.Pair.N), cmp.Compare(x.Entry, y.Entry), cmp.Compare(x.Has, y.Has))
	})
	return m, nil
}

func (m *Matching) say(d Difference) {
	if len(m.Differences) < maxFindings {
		m.Differences = append(m.Differences, d)
	}
}

// logs compares the entries: where they differ, two were shown two histories.
func (m *Matching) logs(a, b *side) {
	if a.contents.Size == b.contents.Size && a.root != b.root {
		m.say(Difference{Entry: whole, Has: "both", Says: "the checkpoints are of one size and of two trees: the log showed two histories"})
	}
	for i := m.From; i < m.To; i++ {
		x, inA := a.entries[i]
		y, inB := b.entries[i]
		switch {
		case inA && inB && x.hash != y.hash:
			m.say(Difference{Pair: x.pair, Entry: i, Event: x.event, Has: "both", Says: "the entry is another in each: the log showed two histories, or one bundle was changed"})
		case inA && !inB:
			m.say(Difference{Pair: x.pair, Entry: i, Event: x.event, Has: "first", Says: "the second lacks the entry"})
		case inB && !inA:
			m.say(Difference{Pair: y.pair, Entry: i, Event: y.event, Has: "second", Says: "the first lacks the entry"})
		case !inA && i-m.From > int64(len(a.entries)+len(b.entries)):
			return // neither has anything from here on
		}
	}
}

// deliveries compares what opens the entries that both auditors may open.
func (m *Matching) deliveries(a, b *side) {
	mine, theirs := a.contents.Viewer.Country(), b.contents.Viewer.Country()
	both := func(n gateway.PairNumber) bool {
		return (n.From == mine || n.To == mine) && (n.From == theirs || n.To == theirs)
	}
	seen := map[gateway.PairNumber]bool{}
	for i, x := range a.entries {
		y, ok := b.entries[i]
		if i < m.From || i >= m.To || !both(x.pair) || !ok || x.hash != y.hash {
			continue
		}
		seen[x.pair] = true
		d := Difference{Pair: x.pair, Entry: i, Event: x.event}
		switch {
		case x.opened && !y.opened:
			d.Has, d.Says = "first", "the second lacks what opens it"+gone(y)
		case y.opened && !x.opened:
			d.Has, d.Says = "second", "the first lacks what opens it"+gone(x)
		case x.opening != y.opening:
			d.Has, d.Says = "both", "each was given something else to open it"
		case x.core != y.core:
			d.Has, d.Says = "both", "each was given another message, or another binding"
		default:
			continue
		}
		m.say(d)
	}
	m.Deliveries = len(seen)
}

func gone(s seen) string {
	if s.purge == nil {
		return ""
	}
	return fmt.Sprintf(": it is gone since purge %d", s.purge.Number)
}

// side is one bundle, as far as it is compared.
type side struct {
	contents Contents
	root     string
	entries  map[int64]seen
}

// seen is an entry as one auditor has it.
type seen struct {
	hash    hash
	event   gateway.Event
	pair    gateway.PairNumber
	opened  bool
	opening string // digests of what opens it
	core    string
	purge   *Purge
}

// readSide reads a bundle and judges nothing.
func readSide(ctx context.Context, in io.Reader) (*side, error) {
	s := &side{entries: map[int64]seen{}}
	p, err := readBundle(ctx, in, s.take)
	if c, err := readCheckpoint(p.checkpoint); err == nil {
		s.root = string(c.Root[:])
	}
	s.contents = p.contents
	return s, err
}

// readBundle reads a bundle to its end, and is an error where that is none.
func readBundle(ctx context.Context, in io.Reader, take func(piece)) (parts, error) {
	d := newReader(in, &Report{})
	p, ok := d.parts()
	for least := p.contents.begin() / chunk; ok; {
		if err := ctx.Err(); err != nil {
			return p, err
		}
		var next piece
		if next, ok = d.chunk(p.contents, least); ok {
			take(next)
			least = next.n + 1
		}
	}
	if err := d.broken(); err != nil {
		return p, err
	}
	if d.err != io.EOF {
		return p, ErrArchive
	}
	return p, nil
}

func (s *side) take(p piece) {
	for i, raw := range p.entries {
		e := seen{hash: leafHash(raw)}
		if entry, err := parseEntry(raw); err == nil {
			e.event, e.pair = entry.Event, entry.Pair
		}
		s.entries[p.n*chunk+int64(i)] = e
	}
	for _, o := range p.openings {
		e, ok := s.entries[o.Index]
		if !ok {
			continue
		}
		e.opened, e.purge = o.Purged == nil, o.Purged
		e.opening = gateway.DigestString(o.Nonce + o.Opening)
		if o.Core != nil {
			if raw, err := marshal(o.Core); err == nil {
				e.core = gateway.DigestString(string(raw))
			}
		}
		s.entries[o.Index] = e
	}
}
