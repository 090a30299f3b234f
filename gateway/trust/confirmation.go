package trust

import (
	"fmt"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// Confirmation says that a directory is still the newest, and these the statements over
// it: so that nobody can keep a revocation from somebody by keeping quiet. Any two
// coordinators sign one every day.
//
// Without one, nothing stops: a missed signature must not stop a region. What happens
// instead is stated at [Standing].
type Confirmation struct {
	Kind       string    `json:"kind"` // "confirmation"
	Directory  int       `json:"directory"`
	Digest     string    `json:"digest"`
	Statements string    `json:"statements"` // digest of those issued until AsOf
	AsOf       time.Time `json:"asOf"`
	Issued     time.Time `json:"issued"`
	Expires    time.Time `json:"expires"`
}

const kindConfirmation = "confirmation"

// Freshness is how long a confirmation holds.
const Freshness = 24 * time.Hour

// settled is how far behind the clock a confirmation speaks about statements: one that
// was published in the last minutes may not have reached everybody.
const settled = Prompt + gateway.Skew

// Confirm makes a confirmation of a directory with its statements. One coordinator alone
// may sign; another then adds a hand with [Countersign].
func Confirm(d *Directory, now time.Time, keys ...*envelope.Private) ([]byte, error) {
	now = now.UTC().Truncate(time.Second)
	c := Confirmation{
		Kind: kindConfirmation, Directory: d.Number(), Digest: d.Digest(), AsOf: now.Add(-settled),
		Issued: now, Expires: now.Add(Freshness),
	}
	c.Statements = d.told.digest(c.AsOf)
	payload, err := canonical(c)
	if err != nil {
		return nil, fmt.Errorf("confirming a directory: %w", err)
	}
	var s signed
	return s.sign(payload, keys)
}

// Countersign adds hands to a confirmation.
func Countersign(raw []byte, keys ...*envelope.Private) ([]byte, error) {
	s, payload, err := parseSigned(raw)
	if err != nil {
		return nil, fmt.Errorf("countersigning: %w", err)
	}
	return s.sign(payload, keys)
}

// Confirmed proves that two coordinators of this directory signed the confirmation, that
// it is about this directory with these statements, and of today. Where it is about
// another one the error is [OtherDocument]: somebody has a directory or a statement that
// this process was not given.
func (d *Directory) Confirmed(raw []byte, now time.Time) (Confirmation, error) {
	c, err := d.confirmed(raw, now)
	if err != nil {
		return c, fmt.Errorf("reading a confirmation: %w", err)
	}
	return c, nil
}

func (d *Directory) confirmed(raw []byte, now time.Time) (Confirmation, error) {
	s, payload, err := parseSigned(raw)
	if err != nil {
		return Confirmation{}, err
	}
	keys, err := d.Pins().keys()
	if err != nil {
		return Confirmation{}, err
	}
	if _, err := s.quorum(keys, Freshers); err != nil {
		return Confirmation{}, err
	}
	var c Confirmation
	if err := decode(payload, &c); err != nil {
		return Confirmation{}, err
	}
	switch {
	case c.Kind != kindConfirmation:
		return Confirmation{}, fault(UnknownKind, "")
	case !wholeUTC(c.Issued) || !wholeUTC(c.Expires) || !wholeUTC(c.AsOf) || c.AsOf.After(c.Issued):
		return c, fault(BadDates, "")
	case !c.Issued.Before(c.Expires) || c.Expires.Sub(c.Issued) > Freshness:
		return c, fault(BadDates, "")
	case c.Issued.After(now.Add(gateway.Skew)):
		return c, fault(FromTheFuture, "")
	case !now.Before(c.Expires):
		return c, fault(TooOld, "")
	case c.Directory != d.Number() || c.Digest != d.Digest() || c.Statements != d.told.digest(c.AsOf):
		return c, fault(OtherDocument, "")
	}
	return c, nil
}

// Standing is how well a process knows that its directory is the newest.
//
// The degraded mode, when the last confirmation has lapsed or is about another directory:
// messages of every lane are received and delivered as before, revocations and switches
// are taken up as before; readiness says degraded, the console and every inbox show since
// when, and officers are asked to telephone before they send what identifies a person.
// What ends everything is the directory's own expiry, months later.
type Standing struct {
	Confirmed bool      // two coordinators confirmed it within a day
	Until     time.Time // of the newest confirmation; zero where there was none
	Behind    bool      // the newest confirmation is about another directory or other statements
	Expired   bool      // the directory itself is in force no longer
}

// String is the standing in words, for readiness and logs.
func (s Standing) String() string {
	switch {
	case s.Expired:
		return "expired"
	case s.Behind:
		return "degraded: others have a newer directory or statement"
	case s.Confirmed:
		return "confirmed"
	case s.Until.IsZero():
		return "degraded: never confirmed"
	}
	return "degraded: not confirmed since " + s.Until.UTC().Format(time.RFC3339)
}
