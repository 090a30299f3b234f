package envelope

import (
	"fmt"
	"slices"

	"example.org/trm/gateway"
)

var _ gateway.ApprovalExaminer = Codec{}

// SignApproval signs an approval, or a review, with the approval key of the sender's party.
func SignApproval(a gateway.Approval, k *Private) (string, error) {
	m := map[string]any{
		"jti": a.ID, "iss": string(a.By), "iat": numericDate(a.At), "envelope": a.Envelope, "reason": a.Reason,
		"message": map[string]any{"iss": string(a.Message.Issuer), "jti": a.Message.ID},
	}
	if len(a.Rules) > 0 {
		m["rules"] = a.Rules
	}
	put(m, "finding", a.Finding)
	payload, err := marshal(m)
	if err != nil {
		return "", fmt.Errorf("signing an approval: %w", err)
	}
	return SignCompact(typApproval, payload, k)
}

// ExamineApproval reads an approval strictly and proves nothing: every member known, of its
// form, and none that could hold a text about a person. What a party's second person says
// to the directory has the same typ and other members: neither can be read as the other.
// The error is a *gateway.Problem.
func (Codec) ExamineApproval(jws string) (gateway.Approval, string, error) {
	m, h, err := readClaims(typApproval, jws)
	if err != nil {
		return gateway.Approval{}, "", err
	}
	c := &claims{m: m, code: gateway.CodeApproval}
	for _, name := range []string{"jti", "iss", "iat", "message", "envelope", "reason"} {
		c.need(name)
	}
	a := gateway.Approval{
		ID: c.text("jti", isUUID7), By: c.party("iss"), At: c.date("iat"), Envelope: c.text("envelope", isSum),
		Reason: c.text("reason", isReason), Rules: c.list("rules", isCode), Finding: c.text("finding", isFinding),
	}
	id := c.object("message")
	if id.m != nil {
		id.need("iss")
		id.need("jti")
	}
	a.Message = gateway.MessageID{Issuer: id.party("iss"), ID: id.text("jti", isUUID7)}
	c.close(id)
	if len(a.Rules) > maxRules {
		c.fail("rules", "No message needs so many rules set aside.")
	}
	if err := c.done(); err != nil {
		return gateway.Approval{}, "", err
	}
	return a, h.KeyID, nil
}

// maxRules bounds what one approval names.
const maxRules = 32

func isReason(s string) bool { return slices.Contains(gateway.OverrideReasons[:], s) }

func isFinding(s string) bool { return slices.Contains(gateway.Findings[:], s) }

// CheckApproval proves that the key signed the approval.
func (Codec) CheckApproval(jws string, k gateway.Key) error {
	if k.Use != gateway.UseApproval {
		return gateway.Refuse(gateway.CodeApproval, "", "Sign with a key of use approval: a second person holds it.")
	}
	return VerifyCompact(jws, k)
}
