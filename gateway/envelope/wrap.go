package envelope

import (
	"fmt"

	"example.org/trm/gateway"
)

// WrapKeyID reads from the outside of a wrapped delivery which key opens it and which
// delivery it claims to be. Neither is proven before [Unwrap] and [CheckBinding].
func WrapKeyID(wrapped string) (kid, delivery string, err error) {
	c, delivery, err := readWrap(wrapped)
	return c.kid, delivery, err
}

func readWrap(wrapped string) (closed, string, error) {
	c, err := readJWE(wrapped, typDelivery, gateway.CodeMalformed)
	if err != nil {
		return closed{}, "", err
	}
	c.more.need("jti")
	delivery := c.more.text("jti", isToken)
	if err := c.done(); err != nil {
		return closed{}, "", err
	}
	if c.size > maxBound {
		return closed{}, "", gateway.Refuse(gateway.CodeTooLarge, "", "")
	}
	return c, delivery, nil
}

// Unwrap opens a wrapped delivery: raw is the reduced envelope with kb_jwt, of which
// nothing is proven. A key that is not the one named gives the problem "key".
func Unwrap(wrapped string, k *Private) (raw []byte, err error) {
	c, _, err := readWrap(wrapped)
	if err != nil {
		return nil, err
	}
	raw, err = decrypt(wrapped, c, k)
	if err != nil {
		return nil, fmt.Errorf("unwrapping: %w", err)
	}
	return raw, nil
}
