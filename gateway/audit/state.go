package audit

import "example.org/trm/gateway"

// Mark is where a bundle ended: what the next one must continue. [Report.Mark] makes it.
type Mark struct {
	Origin   string
	Size     int64
	Findings int // that the bundle had itself

	root      hash
	complete  bool // it goes back to where its log began
	remembers bool // and to what was said before
	numbers   map[pairKey]numbering
	stories   map[gateway.PairNumber]story
	messages  map[gateway.MessageID]int64
	threads   map[string]thread
}

// Mark is where the bundle ended.
func (r *Report) Mark() *Mark { return r.mark }

func (v *verifier) leave() *Mark {
	m := &Mark{
		Origin: v.origin, Size: v.parts.contents.Size, Findings: len(v.report.Findings) + v.report.More, root: v.root, complete: v.complete(), remembers: v.remembers(),
		numbers: map[pairKey]numbering{}, stories: map[gateway.PairNumber]story{}, messages: v.messages, threads: map[string]thread{},
	}
	for k, n := range v.numbers {
		m.numbers[k] = *n
	}
	for k, s := range v.stories {
		m.stories[k] = *s
	}
	for k, t := range v.threads {
		m.threads[k] = *t
	}
	return m
}

// into lets a verifier begin where the earlier bundle ended.
func (m *Mark) into(v *verifier) {
	if m.Findings > 0 {
		v.find(whole, LogConsistency, NotCheckable, "the earlier bundle has findings of its own: verify it by itself")
	}
	if m.Origin != v.origin || m.Size < v.parts.contents.First || m.Size > v.parts.contents.Size {
		return // another log, or something between that nobody has
	}
	v.recall(m)
	for k, n := range m.numbers {
		v.numbers[k] = &n
	}
	for k, s := range m.stories {
		v.stories[k] = &s
	}
}

// inherit lets a log go on where the one before it ended: threads do, numbers and places
// begin anew.
func (v *verifier) inherit(m *Mark) {
	v.inherits = m.remembers
	v.recall(m)
}

// recall takes up what was said.
func (v *verifier) recall(m *Mark) {
	for k, t := range m.threads {
		v.threads[k] = &t
	}
	for k, at := range m.messages {
		if m.Origin != v.origin {
			at = elsewhere
		}
		v.messages[k] = at
	}
}

// elsewhere is the place of an entry of another log.
const elsewhere = int64(-2)
