package trust

import (
	"errors"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

var errNotYet = errors.New("trust: not yet")

// Pins are the coordinators' directory keys against which the first directory is checked.
type Pins struct {
	Notice string      `json:"notice,omitempty"`
	K      int         `json:"k"`
	Keys   []PinnedKey `json:"keys"`
}

func ParsePins(raw []byte) (Pins, error)                              { return Pins{}, errNotYet }
func Sign(doc Document, keys ...*envelope.Private) ([]byte, error)    { return nil, errNotYet }
func Cosign(signed []byte, keys ...*envelope.Private) ([]byte, error) { return nil, errNotYet }
func Read(signed []byte) (Document, error)                            { return Document{}, errNotYet }
func Open(signed []byte, pins Pins, now time.Time, seen int) (*Directory, error) {
	return nil, errNotYet
}

// Directory is one directory that k of n coordinators signed.
type Directory struct{}

var _ gateway.Directory = (*Directory)(nil)

func (d *Directory) Key(id string) (gateway.Key, bool) { return gateway.Key{}, false }
func (d *Directory) Keys(p gateway.Party, u gateway.Use, t time.Time) []gateway.Key {
	return nil
}
func (d *Directory) Institution(p gateway.Party) (gateway.Institution, bool) {
	return gateway.Institution{}, false
}
func (d *Directory) Pair(a, b gateway.Country) (gateway.Pair, bool) { return gateway.Pair{}, false }

// Caller finds the party whose assertion key has this certificate (x5t#S256).
func (d *Directory) Caller(thumbprint string) (gateway.Key, bool) { return gateway.Key{}, false }
func (d *Directory) Number() int                                  { return 0 }
func (d *Directory) Digest() string                               { return "" }
func (d *Directory) Expires() time.Time                           { return time.Time{} }
func (d *Directory) Development() bool                            { return false }
func (d *Directory) Parties() []gateway.Party                     { return nil }
func (d *Directory) Pairs() []gateway.Pair                        { return nil }
func (d *Directory) Document() Document                           { return Document{} }
func (d *Directory) Signed() []byte                               { return nil }

// Live holds the directory in force.
type Live struct{ d *Directory }

var _ gateway.Directory = (*Live)(nil)

func NewLive(d *Directory) *Live                  { return &Live{d} }
func (l *Live) Swap(d *Directory)                 {}
func (l *Live) Current() *Directory               { return l.d }
func (l *Live) Key(id string) (gateway.Key, bool) { return l.d.Key(id) }
func (l *Live) Keys(p gateway.Party, u gateway.Use, t time.Time) []gateway.Key {
	return l.d.Keys(p, u, t)
}
func (l *Live) Institution(p gateway.Party) (gateway.Institution, bool) { return l.d.Institution(p) }
func (l *Live) Pair(a, b gateway.Country) (gateway.Pair, bool)          { return l.d.Pair(a, b) }
func (l *Live) Caller(thumbprint string) (gateway.Key, bool)            { return l.d.Caller(thumbprint) }
