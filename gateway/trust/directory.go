package trust

import (
	"crypto"
	"maps"
	"slices"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// Directory is one directory that k of n coordinators signed, with the statements that
// were merged over it. [Open], [Directory.With] and a [Register] make one. It never changes:
// safe for concurrent use, and its look-ups are those of a map and allocate nothing.
//
// What it returns is shared. Read it only.
type Directory struct {
	doc    Document
	signed []byte
	digest string
	by     []gateway.Country
	pins   Pins

	keys    map[string]gateway.Key
	held    map[holder][]gateway.Key // newest first
	offices map[gateway.Party]gateway.Institution
	pairs   map[[2]gateway.Country]gateway.Pair
	callers map[string]string // certificate of an assertion key -> key id
	told    told              // by statements
}

type holder struct {
	party gateway.Party
	use   gateway.Use
}

var _ gateway.Directory = (*Directory)(nil)

// Key finds a key by its id, also one that is no longer valid or not yet.
func (d *Directory) Key(id string) (gateway.Key, bool) {
	k, ok := d.keys[id]
	return k, ok
}

// Keys lists a party's keys of one use that are valid at t, the newest first.
func (d *Directory) Keys(p gateway.Party, u gateway.Use, t time.Time) []gateway.Key {
	all := d.held[holder{p, u}]
	first := slices.IndexFunc(all, func(k gateway.Key) bool { return k.ValidAt(t) })
	if first < 0 {
		return nil
	}
	last := first + 1
	for last < len(all) && all[last].ValidAt(t) {
		last++
	}
	run := all[first:last:last]
	for _, k := range all[last:] { // behind a gap, which a revocation leaves
		if k.ValidAt(t) {
			run = append(run, k)
		}
	}
	return run
}

// Institution finds a party.
func (d *Directory) Institution(p gateway.Party) (gateway.Institution, bool) {
	i, ok := d.offices[p]
	return i, ok
}

// Pair finds what two countries agreed; their order does not matter. Institutions of one
// country exchange nothing here: a country is no pair with itself.
func (d *Directory) Pair(a, b gateway.Country) (gateway.Pair, bool) {
	if b < a {
		a, b = b, a
	}
	p, ok := d.pairs[[2]gateway.Country{a, b}]
	return p, ok
}

// Caller finds the assertion key whose certificate has this x5t#S256: who is at the other
// end of a TLS connection (RFC 8705, Section 2.2, with the directory instead of names in
// certificates). Whether the key may still be used is for the caller to ask.
func (d *Directory) Caller(thumbprint string) (gateway.Key, bool) {
	return d.Key(d.callers[thumbprint])
}

// Number is the directory's number, from 1.
func (d *Directory) Number() int { return d.doc.Number }

// Digest names the directory's exact bytes (SHA-256 of what was signed, base64url).
// Statements do not change it.
func (d *Directory) Digest() string { return d.digest }

// Activates is when it comes into force.
func (d *Directory) Activates() time.Time { return d.doc.Activates }

// Expires is when it is in force no longer.
func (d *Directory) Expires() time.Time { return d.doc.Expires }

// Development reports whether its keys are for testing. A process that serves real
// people does not start with such a directory.
func (d *Directory) Development() bool { return d.doc.Development }

// SignedBy lists the countries whose coordinators signed, sorted.
func (d *Directory) SignedBy() []gateway.Country { return slices.Clone(d.by) }

// Signed is the signed form, as it was opened: what others are given.
func (d *Directory) Signed() []byte { return slices.Clone(d.signed) }

// Document is a copy of what was signed, without statements: where the next directory
// begins.
func (d *Directory) Document() Document { return d.doc.Clone() }

// Pins are the directory keys that the next directory is verified with, which are those
// that this one lists. How many are needed no directory can change.
func (d *Directory) Pins() Pins { return Pins{K: d.pins.K, Keys: slices.Clone(d.doc.Coordinators)} }

// Log is the region's log, false where it has none.
func (d *Directory) Log() (Log, bool) {
	if d.doc.Log == nil {
		return Log{}, false
	}
	return *d.doc.Log, true
}

// Parties lists all parties, sorted.
func (d *Directory) Parties() []gateway.Party { return slices.Sorted(maps.Keys(d.offices)) }

// Pairs lists all pairs, sorted.
func (d *Directory) Pairs() []gateway.Pair {
	out := make([]gateway.Pair, 0, len(d.doc.Pairs))
	for _, p := range d.doc.Pairs {
		out = append(out, d.pairs[[2]gateway.Country{p.A, p.B}])
	}
	return out
}

// index fills the maps from a checked document and what was told since.
func (d *Directory) index() error {
	d.keys = make(map[string]gateway.Key, 8*len(d.doc.Parties))
	d.held = make(map[holder][]gateway.Key, 8*len(d.doc.Parties))
	d.offices = make(map[gateway.Party]gateway.Institution, len(d.doc.Parties))
	d.pairs = make(map[[2]gateway.Country]gateway.Pair, len(d.doc.Pairs))
	d.callers = make(map[string]string, len(d.doc.Parties))
	for _, pin := range d.doc.Coordinators {
		k, err := pin.public()
		if err != nil {
			return err
		}
		k.NotBefore, k.NotAfter = d.doc.Activates, d.doc.Expires
		d.hold(k)
	}
	for _, e := range d.doc.Parties {
		d.offices[e.Party] = d.told.institution(e)
		for _, k := range e.Keys {
			pub, _, alg, err := envelope.ParsePublic(k.JWK)
			if err != nil {
				return fault(BadKey, string(e.Party))
			}
			key := k.entry(e.Party, pub, alg)
			key.Revoked = d.told.revoked(key)
			d.hold(key)
			if k.Use == gateway.UseAssertion {
				d.callers[k.Thumbprint] = k.ID
			}
		}
	}
	for _, p := range d.doc.Pairs {
		d.pairs[[2]gateway.Country{p.A, p.B}] = gateway.Pair{
			A: p.A, B: p.B, On: p.On && !d.told.off(p.A, p.B), Instrument: p.Instrument,
			Articles: p.Articles, Purposes: p.Purposes, Trace: p.Trace, Terms: p.Terms,
		}
	}
	return nil
}

// hold lists a key. Entries are sorted newest first within a use, and so stay.
func (d *Directory) hold(k gateway.Key) {
	d.keys[k.ID] = k
	h := holder{k.Party, k.Use}
	d.held[h] = append(d.held[h], k)
}

// entry is the key as the rest of the program knows it.
func (k Key) entry(p gateway.Party, pub crypto.PublicKey, alg string) gateway.Key {
	return gateway.Key{
		ID: k.ID, Party: p, Use: k.Use, Alg: alg, Public: pub, Thumbprint: k.Thumbprint,
		NotBefore: k.NotBefore, NotAfter: k.NotAfter, Revoked: k.Revoked,
	}
}
