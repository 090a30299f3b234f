package trust

import (
	"fmt"
	"slices"
	"time"

	"example.org/trm/gateway"
)

// History is who might speak at times that are past: directories as they followed each
// other and what was told over them, for whoever judges later what was signed then. It
// proves what it is given and asks no clock. Not safe for concurrent use.
type History struct {
	pins  Pins
	taken []*Directory
	told  []heard // in the order of their dates
	last  struct {
		index, told int
		directory   *Directory
	}
}

type heard struct {
	jws string
	Statement
}

// NewHistory begins with the pins that the first directory is verified with.
func NewHistory(pins Pins) *History { return &History{pins: pins} }

// Take takes up the next directory: signed by the quorum of the last one taken, or of the
// pins, and higher in number. Numbers may be left out, as long as the coordinators' keys
// stayed the same in between: what a vote may not do was refused when it was new.
func (h *History) Take(raw []byte) (*Directory, error) {
	pins, least := h.pins, 1
	if n := len(h.taken); n > 0 {
		pins, least = h.taken[n-1].Pins(), h.taken[n-1].Number()+1
	}
	d, err := verify(raw, pins)
	if err != nil {
		return nil, fmt.Errorf("taking a past directory: %w", err)
	}
	if d.Number() < least {
		return nil, fmt.Errorf("taking a past directory: %w", fault(RolledBack, fmt.Sprint(d.Number())))
	}
	h.taken = append(h.taken, d)
	h.last.directory = nil
	return d, nil
}

// Hear takes up a statement, proven with the directory of its time. All directories come
// before the first statement.
func (h *History) Hear(jws string) (Statement, error) {
	s, err := prove(jws, h.keyAt, h.Key)
	if err != nil {
		return Statement{}, fmt.Errorf("hearing a past statement: %w", err)
	}
	at, _ := slices.BinarySearchFunc(h.told, s.Issued, func(t heard, at time.Time) int {
		if t.Issued.After(at) {
			return 1
		}
		return -1 // after those of the same second
	})
	h.told = slices.Insert(h.told, at, heard{jws, s})
	h.last.directory = nil
	return s, nil
}

// At is the directory that was in force at t under what had been told by then, false where
// none was. Keys know also of revocations that came later, which bear their dates.
func (h *History) At(t time.Time) (*Directory, bool) {
	i := h.due(t)
	if i < 0 {
		return nil, false
	}
	n, _ := slices.BinarySearchFunc(h.told, t, func(s heard, at time.Time) int {
		if s.Issued.After(at) {
			return 1
		}
		return -1
	})
	if l := h.last; l.directory != nil && l.index == i && l.told == n {
		return l.directory, true
	}
	said := told{}.clone()
	for k, s := range h.told {
		if k < n || s.Kind == Revocation {
			said.merge(s.jws, s.Statement)
		}
	}
	d, err := h.taken[i].over(said)
	if err != nil {
		return nil, false // the same document was indexed when it was taken
	}
	h.last.index, h.last.told, h.last.directory = i, n, d
	return d, true
}

// Key finds a key in any of the directories, the newest first, with its revocation. Whether
// it might be used at a time is for the caller to ask.
func (h *History) Key(id string) (gateway.Key, bool) {
	for i := len(h.taken) - 1; i >= 0; i-- {
		k, ok := h.taken[i].Key(id)
		if !ok {
			continue
		}
		for _, s := range h.told {
			if s.Kind == Revocation && s.Statement.Key == id && (k.Revoked.IsZero() || s.Issued.Before(k.Revoked)) {
				k.Revoked = s.Issued
			}
		}
		return k, true
	}
	return gateway.Key{}, false
}

// Directories are those that were taken, the first first.
func (h *History) Directories() []*Directory { return slices.Clone(h.taken) }

func (h *History) due(t time.Time) int {
	for i := len(h.taken) - 1; i >= 0; i-- {
		if !h.taken[i].Activates().After(t) || i == 0 && !h.taken[i].Activates().After(t.Add(gateway.Skew)) {
			return i
		}
	}
	return -1
}

func (h *History) keyAt(id string, t time.Time) (gateway.Key, bool) {
	i := max(h.due(t), 0)
	if len(h.taken) == 0 {
		return gateway.Key{}, false
	}
	return h.taken[i].Key(id)
}

// Taken lists every directory that was taken, the first first, whether it is in force, was,
// or will be.
func (r *Register) Taken() []*Directory {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.taken)
}

// LookBack is [OpenFolder] for whoever asks about the past: every directory that the folder
// has taken, the first first. The last one lists what was told over them
// ([Directory.Statements]).
func LookBack(folder string, now time.Time) ([]*Directory, error) {
	pins, first, err := ReadFolder(folder)
	if err != nil {
		return nil, err
	}
	r, err := recall(state(folder), pins, first, now)
	if err != nil {
		return nil, fmt.Errorf("opening the directories: %w", err)
	}
	return r.Taken(), nil
}

// StatementID names a statement: the SHA-256 of what was signed, base64url, without the
// signature, of which ES256 has two.
func StatementID(jws string) string { return statementID(jws) }
