package trust

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"time"

	"example.org/trm/gateway/envelope"
)

// Codes is the manifest of a release of the code lists: which lists it has, byte for byte,
// and when it holds. The quorum of coordinators signs it as it signs a directory, so that
// neither the gateway that hands it out nor one country decides what words mean.
type Codes struct {
	Kind       string            `json:"kind"`       // "codes"
	Release    string            `json:"release"`    // year and month, "2027-03"
	Supersedes string            `json:"supersedes"` // the release before
	Published  time.Time         `json:"published"`
	Activates  time.Time         `json:"activates"` // new messages name it from then on
	Overlaps   time.Time         `json:"overlaps"`  // until then the release before is accepted as well
	Digests    map[string]string `json:"digests"`   // SHA-256 of each part, base64url, by its name
}

const kindCodes = "codes"

var (
	releaseForm = regexp.MustCompile(`^[0-9]{4}-(0[1-9]|1[0-2])$`)
	partForm    = regexp.MustCompile(`^[a-z][A-Za-z]{0,39}(/[A-Za-z-]{2,8})?$`)
)

func (c Codes) check() error {
	switch {
	case c.Kind != kindCodes:
		return fault(UnknownKind, "")
	case !releaseForm.MatchString(c.Release) || !releaseForm.MatchString(c.Supersedes) || c.Supersedes >= c.Release:
		return fault(BadStatement, "release")
	case !wholeUTC(c.Published) || !wholeUTC(c.Activates) || !wholeUTC(c.Overlaps) || c.Activates.Before(c.Published) || c.Overlaps.Before(c.Activates):
		return fault(BadDates, "")
	case len(c.Digests) == 0:
		return fault(BadStatement, "digests")
	}
	for part, d := range c.Digests {
		raw, err := base64.RawURLEncoding.Strict().DecodeString(d)
		if err != nil || len(raw) != 32 || !partForm.MatchString(part) {
			return fault(BadStatement, "digests")
		}
	}
	return nil
}

// SignCodes puts the hands of coordinators under a manifest. Fewer than the quorum are
// allowed: the others sign with [CosignCodes], each in its own office.
func SignCodes(c Codes, keys ...*envelope.Private) ([]byte, error) {
	c.Kind = kindCodes
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("signing a release of the code lists: %w", err)
	}
	payload, err := canonical(c)
	if err != nil {
		return nil, fmt.Errorf("signing a release of the code lists: %w", err)
	}
	var s signed
	return s.sign(payload, keys)
}

// CosignCodes adds hands to a manifest that others have signed.
func CosignCodes(raw []byte, keys ...*envelope.Private) ([]byte, error) {
	s, payload, err := parseSigned(raw)
	if err != nil {
		return nil, fmt.Errorf("cosigning a release of the code lists: %w", err)
	}
	if _, err := readCodes(payload); err != nil {
		return nil, fmt.Errorf("cosigning a release of the code lists: %w", err)
	}
	return s.sign(payload, keys)
}

// ReadCodes shows what a manifest says, having proven nothing.
func ReadCodes(raw []byte) (Codes, error) {
	_, payload, err := parseSigned(raw)
	if err != nil {
		return Codes{}, fmt.Errorf("reading a release of the code lists: %w", err)
	}
	c, err := readCodes(payload)
	if err != nil {
		return Codes{}, fmt.Errorf("reading a release of the code lists: %w", err)
	}
	return c, nil
}

func readCodes(payload []byte) (Codes, error) {
	var c Codes
	if err := decode(payload, &c); err != nil {
		return Codes{}, err
	}
	return c, c.check()
}

// Codes proves that the quorum of this directory's coordinators signed the manifest.
func (d *Directory) Codes(raw []byte) (Codes, error) {
	c, err := d.codes(raw)
	if err != nil {
		return Codes{}, fmt.Errorf("proving a release of the code lists: %w", err)
	}
	return c, nil
}

func (d *Directory) codes(raw []byte) (Codes, error) {
	s, payload, err := parseSigned(raw)
	if err != nil {
		return Codes{}, err
	}
	pins := d.Pins()
	keys, err := pins.keys()
	if err != nil {
		return Codes{}, err
	}
	if _, err := s.quorum(keys, pins.K); err != nil {
		return Codes{}, err
	}
	return readCodes(payload)
}

// Codes proves a manifest with the directory that was in force when the release was
// published, so that one which was taken years ago is still proven after coordinators have
// other keys.
func (r *Register) Codes(raw []byte) (Codes, error) {
	c, err := ReadCodes(raw)
	if err != nil {
		return Codes{}, err
	}
	r.mu.Lock()
	d := r.due(c.Published)
	if d == nil {
		d = r.taken[0]
	}
	r.mu.Unlock()
	return d.Codes(raw)
}
