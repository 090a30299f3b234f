package envelope

import (
	"errors"
	"fmt"

	"example.org/trm/gateway"
)

// decisionBytes is the plaintext length of every concealed decision.
const decisionBytes = 4 << 10

// errDecision says that the types allow more units, or the policy longer rule names, than
// a concealed decision holds. That is a fault of tables that ship with the gateway: a
// longer decision for one message would tell that much was withheld from it.
var errDecision = errors.New("concealing: the decision is longer than 4 KiB")

type decision struct {
	Message  messageID          `json:"message"`
	Withheld []gateway.Withheld `json:"withheld"`
}

type messageID struct {
	Iss gateway.Party `json:"iss"`
	Jti string        `json:"jti"`
}

// Conceal closes the list of what was withheld from a message for one reader. The result
// has the same length for every list, the empty one too: that a diagnosis was withheld is
// itself a diagnosis.
func (Binder) Conceal(list []gateway.Withheld, id gateway.MessageID, reader gateway.Key) (string, error) {
	if list == nil {
		list = []gateway.Withheld{}
	}
	plain, err := marshal(decision{messageID{id.Issuer, id.ID}, list})
	if err != nil {
		return "", fmt.Errorf("concealing: %w", err)
	}
	if len(plain) > decisionBytes {
		return "", errDecision
	}
	s, err := encrypt(pad(plain, decisionBytes), reader, typDecision, nil)
	if err != nil {
		return "", fmt.Errorf("concealing: %w", err)
	}
	return s, nil
}

// Reveal opens a concealed decision about the message id: what was withheld from it, and
// by which rule. The gateway's receipt holds the digest of jwe, and proves it.
func Reveal(jwe string, k *Private, id gateway.MessageID) ([]gateway.Withheld, error) {
	c, err := readJWE(jwe, typDecision, gateway.CodeMalformed)
	if err != nil {
		return nil, err
	}
	if err := c.done(); err != nil {
		return nil, err
	}
	plain, err := decrypt(jwe, c, k)
	if err != nil {
		return nil, fmt.Errorf("revealing: %w", err)
	}
	m, err := decodeObject(plain)
	if err != nil {
		return nil, fmt.Errorf("revealing: %w", err)
	}
	r := &claims{m: m, code: gateway.CodeMalformed}
	r.need("message")
	msg := r.object("message")
	got := gateway.MessageID{Issuer: msg.party("iss"), ID: msg.uuid("jti")}
	r.close(msg)
	list := r.withheld()
	if err := r.done(); err != nil {
		return nil, fmt.Errorf("revealing: %w", err)
	}
	if got != id {
		return nil, errors.New("revealing: the decision is about another message")
	}
	return list, nil
}

func (c *claims) withheld() []gateway.Withheld {
	c.need("withheld")
	v, _ := c.take("withheld")
	a, ok := v.([]any)
	if !ok {
		c.fail("withheld", "The member is a list.")
	}
	list := make([]gateway.Withheld, 0, len(a))
	for _, e := range a {
		m, _ := e.(map[string]any)
		in := &claims{m: m, at: "/withheld", code: c.code}
		in.need("unit")
		in.need("rule")
		list = append(list, gateway.Withheld{Unit: in.text("unit", isReleased), Rule: in.text("rule", isToken)})
		c.close(in)
	}
	return list
}
