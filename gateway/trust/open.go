package trust

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"example.org/trm/gateway"
)

// Open makes a directory of a signed document: at least pins.K coordinators of different
// countries signed exactly these bytes, the content has no fault, the number is not lower
// than the highest seen (0 where none was), and it is in force at now. Number 1 is in
// force at once, every later one after [Delay].
//
// The same number with other bytes is for whoever remembers digests to notice: a
// [Register] does. The error names every fault; [Faults] lists them. A document's content
// is looked at only after its signatures were found good.
func Open(raw []byte, pins Pins, now time.Time, seen int) (*Directory, error) {
	d, err := verify(raw, pins)
	if err != nil {
		return nil, fmt.Errorf("opening a directory: %w", err)
	}
	if d.Number() < seen {
		return nil, fmt.Errorf("opening a directory: %w", fault(RolledBack, fmt.Sprintf("%d < %d", d.Number(), seen)))
	}
	if err := d.inForce(now); err != nil {
		return nil, fmt.Errorf("opening a directory: %w", err)
	}
	return d, nil
}

// verify does what can be done without a clock.
func verify(raw []byte, pins Pins) (*Directory, error) {
	keys, err := pins.keys()
	if err != nil {
		return nil, err
	}
	s, payload, err := parseSigned(raw)
	if err != nil {
		return nil, err
	}
	by, err := s.quorum(keys, pins.K)
	if err != nil {
		return nil, err
	}
	doc, err := ParseDocument(payload)
	if err != nil {
		return nil, err
	}
	if err := doc.Check(); err != nil {
		return nil, err
	}
	d := &Directory{doc: doc, signed: raw, digest: DocumentDigest(payload), by: by, pins: pins}
	return d, d.index()
}

// inForce compares the dates with the clock, whose error may be as large as a sender's.
func (d *Directory) inForce(now time.Time) error {
	late := now.Add(gateway.Skew)
	switch {
	case d.doc.Issued.After(late):
		return fault(FromTheFuture, "")
	case d.doc.Activates.After(late):
		return fault(NotYetInForce, d.doc.Activates.Format(time.RFC3339))
	case !now.Before(d.doc.Expires):
		return fault(NoLongerInForce, d.doc.Expires.Format(time.RFC3339))
	}
	return nil
}

// succeeds refuses what no majority can do to one country. The quorum was verified with
// the keys that the last directory lists.
func (d *Directory) succeeds(last *Directory) error {
	var faults []error
	if d.Number() < last.Number() {
		faults = append(faults, fault(RolledBack, ""))
	}
	if d.Number() == last.Number() && d.digest != last.digest {
		faults = append(faults, fault(NumberReused, ""))
	}
	if d.Development() != last.Development() {
		faults = append(faults, fault(TurnedReal, ""))
	}
	faults = append(faults, d.againstTheirWill(last)...)
	return errors.Join(append(faults, d.unrevoked(last)...)...)
}

// againstTheirWill finds what was taken from a country that did not sign. Nobody removes a
// country by vote: neither its hand under the next directory, nor its parties, nor a key
// that still works. What two countries agreed they change together.
func (d *Directory) againstTheirWill(last *Directory) (faults []error) {
	willing := map[gateway.Country]bool{"": true} // the gateway and SELEC are everybody's
	for _, c := range d.by {
		willing[c] = true
	}
	for i, k := range last.doc.Coordinators {
		if d.doc.Coordinators[i].ID != k.ID && !willing[k.Country] {
			faults = append(faults, fault(CoordinatorReplaced, string(k.Country)))
		}
	}
	for _, e := range last.doc.Parties {
		if willing[e.Party.Country()] {
			continue
		}
		if d.doc.Entry(e.Party) == nil {
			faults = append(faults, fault(PartyRemoved, string(e.Party)))
		} else if d.takesKey(last, e) {
			faults = append(faults, fault(KeyTaken, string(e.Party)))
		}
	}
	for i, p := range last.doc.Pairs {
		if p.On && !d.doc.Pairs[i].On && !willing[p.A] && !willing[p.B] {
			faults = append(faults, fault(SwitchedOff, string(p.A)+"-"+string(p.B)))
		}
		if !slices.Equal(p.Terms, d.doc.Pairs[i].Terms) && !(willing[p.A] && willing[p.B]) {
			faults = append(faults, fault(TermsChanged, string(p.A)+"-"+string(p.B)))
		}
	}
	return faults
}

func (d *Directory) takesKey(last *Directory, e Entry) bool {
	for _, k := range e.Keys {
		was, is := last.keys[k.ID], d.keys[k.ID]
		if !was.ValidAt(d.doc.Activates) {
			continue
		}
		if is.Party != was.Party || is.Use != was.Use || is.Thumbprint != was.Thumbprint ||
			!is.NotBefore.Equal(was.NotBefore) || !is.NotAfter.Equal(was.NotAfter) || !is.Revoked.Equal(was.Revoked) {
			return true
		}
	}
	return false
}

// unrevoked finds keys that were revoked and no longer are.
func (d *Directory) unrevoked(last *Directory) (faults []error) {
	for id, was := range last.keys {
		is, listed := d.keys[id]
		if listed && !was.Revoked.IsZero() && (is.Revoked.IsZero() || is.Revoked.After(was.Revoked)) {
			faults = append(faults, fault(Unrevoked, id))
		}
	}
	return faults
}
