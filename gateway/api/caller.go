package api

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// assertionSkew is how far ahead of ours the clock of an assertion's maker may be.
const assertionSkew = 30 * time.Second

// callers finds out who calls: by a signed assertion (RFC 7523) in the Authorization
// header, or else by the client certificate of the connection.
//
// An assertion lives five minutes at most and is used once. Its id is remembered until it expires, in this process only;
// one that was issued before the process started is refused, so that a restart forgets
// nothing that matters: what was used before it was also issued before it, to the second,
// unless its maker's clock runs ahead by less than the 30 seconds that are allowed.
//
// Safe for concurrent use.
type callers struct {
	directory Directory
	audience  string
	now       func() time.Time
	started   time.Time
	spent     spent
}

func newCallers(d Directory, audience string, now func() time.Time) *callers {
	return &callers{directory: d, audience: audience, now: now, started: now().Truncate(time.Second)}
}

// identify returns the party that calls, or a problem. An Authorization header, where
// there is one, decides alone: an adapter speaks for several roles over one connection.
func (c *callers) identify(r *http.Request) (gateway.Party, error) {
	switch values := r.Header.Values("Authorization"); {
	case len(values) > 1:
		return "", gateway.Refuse(gateway.CodeUnauthenticated, "", "Send one Authorization header.")
	case len(values) == 1:
		scheme, jwt, _ := strings.Cut(values[0], " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return "", gateway.Refuse(gateway.CodeUnauthenticated, "", "")
		}
		return c.byAssertion(jwt)
	case r.TLS != nil && len(r.TLS.PeerCertificates) > 0:
		return c.byCertificate(r.TLS.PeerCertificates[0].Raw)
	}
	return "", gateway.Refuse(gateway.CodeUnauthenticated, "", "")
}

// byAssertion proves an assertion: form, then reader and times, then the key as the
// directory has it, then the signature, and only then uses the id up.
func (c *callers) byAssertion(jwt string) (gateway.Party, error) {
	a, err := envelope.ReadAssertion(jwt)
	if err != nil {
		return "", err
	}
	now := c.now()
	switch {
	case a.Audience != c.audience:
		return "", gateway.Refuse(gateway.CodeAssertionUsed, "", "The assertion names another audience than this gateway: aud is its name, which its operator gives you, and no address.")
	case a.IssuedAt.After(now.Add(assertionSkew)):
		return "", gateway.Refuse(gateway.CodeAssertionUsed, "", "The assertion is dated in the future: check the clock.")
	case !now.Before(a.Expires):
		return "", gateway.Refuse(gateway.CodeAssertionUsed, "", "The assertion has expired: check the clock, and make one for each call.")
	case a.IssuedAt.Before(c.started):
		return "", gateway.Refuse(gateway.CodeAssertionUsed, "", "The assertion is older than the gateway's last start: make a new one.")
	}
	k, ok := c.directory.Key(a.KeyID)
	if !ok || k.Party != a.Party {
		return "", gateway.Refuse(gateway.CodeUnauthenticated, "", "")
	}
	if err := usable(k, now); err != nil {
		return "", err
	}
	if err := envelope.CheckAssertion(jwt, k); err != nil {
		return "", err
	}
	if err := c.spent.use(k.Party, a.ID, a.Expires, now); err != nil {
		return "", err
	}
	return k.Party, nil
}

// byCertificate looks the certificate up in the directory, which is what says that it is
// a party's: the handshake has proven possession of its key, and no authority beside the
// coordinators is believed.
func (c *callers) byCertificate(der []byte) (gateway.Party, error) {
	sum := sha256.Sum256(der)
	k, ok := c.directory.Caller(base64.RawURLEncoding.EncodeToString(sum[:]))
	if !ok {
		return "", gateway.Refuse(gateway.CodeUnauthenticated, "", "")
	}
	return k.Party, usable(k, c.now())
}

func usable(k gateway.Key, now time.Time) error {
	if k.Use != gateway.UseAssertion || !k.ValidAt(now) {
		return gateway.Refuse(gateway.CodeUnauthenticated, "", "Call with a key of use assertion that the directory lists as valid.")
	}
	return nil
}

// maxSpent bounds how many ids are remembered, about 20 MB. Only proven assertions are,
// so that a stranger cannot fill it.
const maxSpent = 200_000

// spent remembers which assertions were used. The zero value remembers none.
type spent struct {
	mu    sync.Mutex // guards the two below, for the time of a map operation or a sweep
	until map[spentID]time.Time
	sweep time.Time
}

type spentID struct {
	party gateway.Party
	id    [32]byte
}

// use remembers the id until it expires, and refuses one that is remembered already.
func (s *spent) use(p gateway.Party, id string, expires, now time.Time) error {
	key := spentID{p, sha256.Sum256([]byte(id))}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.until == nil {
		s.until = make(map[spentID]time.Time)
	}
	if now.After(s.sweep) || len(s.until) >= maxSpent {
		for k, t := range s.until {
			if !now.Before(t) {
				delete(s.until, k)
			}
		}
		s.sweep = now.Add(time.Minute)
	}
	if _, used := s.until[key]; used {
		return gateway.Refuse(gateway.CodeAssertionUsed, "", "This assertion was used before: make one for each call.")
	}
	if len(s.until) >= maxSpent {
		return gateway.Unavailable(gateway.CodeBusy, time.Minute, nil)
	}
	s.until[key] = expires
	return nil
}
