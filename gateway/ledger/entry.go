package ledger

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"regexp"

	"example.org/trm/gateway"
	"example.org/trm/gateway/ledger/quorum"
)

// Entry is what one leaf of the log says, and all that witnesses, auditors of other
// countries and whoever steals the log can read: that something of a kind happened to the
// n-th delivery of a pair, and commitments to the rest.
type Entry struct {
	Event gateway.Event
	// Pair is zero where the event is not about a delivery, and on rejections.
	Pair gateway.PairNumber
	// Commitment is HMAC-SHA-256 of the opening under its nonce, see [Commit].
	Commitment []byte
	// Withheld is the same of the concealed opening. Every acceptance has it, whether
	// something was withheld or not, and nothing else does.
	Withheld []byte
}

// leaf is the form of an entry on disk and in the tree. The order of its members is fixed.
type leaf struct {
	Event      gateway.Event   `json:"event"`
	From       gateway.Country `json:"from,omitempty"`
	To         gateway.Country `json:"to,omitempty"`
	Origin     string          `json:"origin,omitempty"`
	N          int64           `json:"n,omitempty"`
	Commitment string          `json:"commitment"`
	Withheld   string          `json:"withheld,omitempty"`
}

// ErrEntry says that bytes are no entry in its one form.
var ErrEntry = errors.New("not an entry of the log")

// Bytes are the leaf: JSON without white space, members in a fixed order, empty ones left
// out, commitments in base64url. [ParseEntry] reads them.
func (e Entry) Bytes() []byte {
	// Neither countries nor events nor base64 hold what JSON would escape; ParseEntry
	// refuses an origin that does.
	b, err := json.Marshal(leaf{
		e.Event, e.Pair.From, e.Pair.To, e.Pair.Origin, e.Pair.N,
		base64.RawURLEncoding.EncodeToString(e.Commitment), base64.RawURLEncoding.EncodeToString(e.Withheld),
	})
	if err != nil {
		return nil // strings and numbers always marshal
	}
	return b
}

var (
	eventForm   = regexp.MustCompile(`^[A-Z][A-Za-z]{2,39}$`)
	countryForm = regexp.MustCompile(`^[a-z]{2}$`)
)

// ParseEntry reads a leaf strictly: whoever accepts it knows that nobody reads other words
// in the same bytes.
func ParseEntry(b []byte) (Entry, error) {
	var l leaf
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return Entry{}, ErrEntry
	}
	e := Entry{Event: l.Event, Pair: gateway.PairNumber{From: l.From, To: l.To, Origin: l.Origin, N: l.N}}
	var err error
	if e.Commitment, err = base64.RawURLEncoding.DecodeString(l.Commitment); err != nil {
		return Entry{}, ErrEntry
	}
	if l.Withheld != "" {
		if e.Withheld, err = base64.RawURLEncoding.DecodeString(l.Withheld); err != nil {
			return Entry{}, ErrEntry
		}
	}
	if !e.whole() || !bytes.Equal(e.Bytes(), b) {
		return Entry{}, ErrEntry
	}
	return e, nil
}

// whole reports whether the entry says what its event must say and no more.
func (e Entry) whole() bool {
	p, none := e.Pair, gateway.PairNumber{}
	pair := countryForm.MatchString(string(p.From)) && countryForm.MatchString(string(p.To)) && quorum.ValidName(p.Origin) && p.N > 0
	switch {
	case !eventForm.MatchString(string(e.Event)) || len(e.Commitment) != sha256.Size || p != none && !pair:
		return false
	case e.Event == gateway.SubmissionAcceptance:
		return pair && len(e.Withheld) == sha256.Size
	case e.Event == gateway.SubmissionRejection:
		return p == none && e.Withheld == nil
	}
	return e.Withheld == nil
}

// Commit hides an opening from everyone who has not its nonce: ids and types are few enough
// to be guessed under a plain digest.
func Commit(nonce, opening []byte) []byte {
	m := hmac.New(sha256.New, nonce)
	m.Write(opening)
	return m.Sum(nil)
}
