package envelope

import (
	"errors"
	"fmt"
	"time"

	"example.org/trm/gateway"
)

// maxAssertion is the longest life of an assertion. Whoever receives one keeps its id as
// long, so that it is used once.
const maxAssertion = 5 * time.Minute

// Assertion says who calls (RFC 7523, Section 3): the party is issuer and subject.
type Assertion struct {
	Party             gateway.Party
	Audience, ID      string // whom it is for; jti, used once
	IssuedAt, Expires time.Time
	KeyID             string
}

// SignAssertion signs an assertion that lives five minutes at most.
func SignAssertion(a Assertion, k *Private) (string, error) {
	if !plausible(a) {
		return "", errors.New("signing an assertion: it lives five minutes at most")
	}
	payload, err := marshal(map[string]any{
		"iss": string(a.Party), "sub": string(a.Party), "aud": a.Audience, "jti": a.ID,
		"iat": numericDate(a.IssuedAt), "exp": numericDate(a.Expires),
	})
	if err != nil {
		return "", fmt.Errorf("signing an assertion: %w", err)
	}
	return SignCompact(typAssertion, payload, k)
}

func plausible(a Assertion) bool {
	life := a.Expires.Sub(a.IssuedAt)
	return life > 0 && life <= maxAssertion
}

// ReadAssertion reads an assertion strictly and proves nothing. That it is for us, not
// yet expired and not used before is the caller's to check, and that the key belongs to
// the party; [CheckAssertion] proves the signature.
func ReadAssertion(jwt string) (Assertion, error) {
	m, h, err := readClaims(typAssertion, jwt)
	if err != nil {
		return Assertion{}, unauthenticated(err)
	}
	c := &claims{m: m, code: gateway.CodeUnauthenticated}
	for _, name := range []string{"iss", "sub", "aud", "jti", "iat", "exp"} {
		c.need(name)
	}
	a := Assertion{
		Party: c.party("iss"), Audience: c.text("aud", isToken), ID: c.text("jti", isToken),
		IssuedAt: c.date("iat"), Expires: c.date("exp"), KeyID: h.KeyID,
	}
	if c.party("sub") != a.Party {
		c.fail("sub", "The subject is the issuer.")
	}
	if err := c.done(); err != nil {
		return Assertion{}, unauthenticated(err)
	}
	if !plausible(a) {
		return Assertion{}, gateway.Refuse(gateway.CodeUnauthenticated, "", "An assertion lives five minutes at most.")
	}
	return a, nil
}

// CheckAssertion proves that the key signed the assertion.
func CheckAssertion(jwt string, k gateway.Key) error {
	if k.Use != gateway.UseAssertion {
		return gateway.Refuse(gateway.CodeUnauthenticated, "", "Sign with a key of use assertion.")
	}
	if err := VerifyCompact(jwt, k); err != nil {
		return unauthenticated(err)
	}
	return nil
}

// unauthenticated hides from a caller who is not known what exactly was wrong with its
// assertion; the cause is for the operator.
func unauthenticated(err error) error {
	return gateway.Refuse(gateway.CodeUnauthenticated, "", "").Because(err)
}
