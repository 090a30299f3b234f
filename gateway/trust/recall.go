package trust

import (
	"fmt"
	"time"

	"example.org/trm/gateway"
)

// recall reads a folder and writes nothing.
func recall(s state, pins Pins, first []byte, now time.Time) (*Register, error) {
	r := &Register{state: s, changed: make(chan struct{})}
	kept, err := s.directories()
	if err != nil {
		return nil, err
	}
	if len(kept) == 0 {
		kept = []numbered{{raw: first}}
	}
	for _, k := range kept {
		if err := r.append(k.raw, pins); err != nil {
			return nil, err
		}
	}
	if err := r.know(first); err != nil {
		return nil, err
	}
	if err := r.recallStatements(); err != nil {
		return nil, err
	}
	d := r.due(now)
	if d == nil {
		return nil, r.taken[0].inForce(now)
	}
	if err := d.inForce(now); err != nil {
		return nil, err
	}
	r.live = NewLive(d)
	if r.confirmation, err = s.confirmation(); err != nil {
		return nil, err
	}
	return r, nil
}

// append verifies the next directory of the chain and lists it.
func (r *Register) append(raw []byte, pins Pins) error {
	if len(r.taken) == 0 {
		d, err := verify(raw, pins)
		if err == nil {
			r.taken = append(r.taken, d)
		}
		return err
	}
	last := r.taken[len(r.taken)-1]
	d, err := verify(raw, last.Pins())
	if err != nil {
		return err
	}
	if d, err = d.over(last.told); err != nil {
		return err
	}
	if err := d.succeeds(last); err != nil {
		return err
	}
	if d.Number() > last.Number() {
		r.taken = append(r.taken, d)
	}
	return nil
}

// know asks whether the directory that the process was installed with is one that was
// taken, or may be taken now. It may be a later one than the pins are of.
func (r *Register) know(first []byte) error {
	_, payload, err := parseSigned(first)
	if err != nil {
		return err
	}
	doc, err := ParseDocument(payload)
	if err != nil {
		return err
	}
	for _, d := range r.taken {
		switch {
		case d.Number() != doc.Number:
		case d.digest != DocumentDigest(payload):
			return fault(NumberReused, fmt.Sprint(doc.Number))
		default:
			return nil
		}
	}
	return r.append(first, Pins{})
}

// recallStatements proves what was told again, each with the directory of its time: the
// one in force now may list other keys.
func (r *Register) recallStatements() error {
	kept, err := r.state.statements()
	if err != nil {
		return err
	}
	t := told{}.clone()
	for _, jws := range kept {
		s, err := prove(jws, r.keyAt, r.anyKey)
		if err != nil {
			return err
		}
		t.merge(jws, s)
	}
	return r.tell(t)
}

// tell puts every directory under what was told.
func (r *Register) tell(t told) error {
	over := make([]*Directory, len(r.taken))
	for i, d := range r.taken {
		var err error
		if over[i], err = d.over(t); err != nil {
			return err
		}
	}
	r.taken, r.told = over, t
	return nil
}

// anyKey finds a key in any directory that was taken, the newest first.
func (r *Register) anyKey(id string) (gateway.Key, bool) {
	for i := len(r.taken) - 1; i >= 0; i-- {
		if k, ok := r.taken[i].Key(id); ok {
			return k, true
		}
	}
	return gateway.Key{}, false
}

// keyAt finds a key as the directory in force at t lists it: one that was removed since
// says nothing more.
func (r *Register) keyAt(id string, t time.Time) (gateway.Key, bool) {
	if d := r.due(t); d != nil {
		return d.Key(id)
	}
	return r.taken[0].Key(id)
}
