package harness

import (
	"maps"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"example.org/trm/gateway"
)

// Draft is what an officer's system writes, as the local API takes it.
type Draft map[string]any

// With returns a copy in which members are replaced.
func (d Draft) With(members map[string]any) Draft {
	c := maps.Clone(d)
	maps.Copy(c, members)
	return c
}

// NewThread is the name of a new conversation.
func NewThread() string { return uuid.Must(uuid.NewV7()).String() }

// Capacity asks whether a country could take a child on: nothing is sealed.
func Capacity(from, to gateway.Party) Draft {
	return Draft{
		"type": "capacity.request/1.0", "from": from, "to": to, "thread": NewThread(), "lane": "child",
		"purpose": "protection", "basis": "cets197-32", "answerBy": soon(),
		"blocks": map[string]any{
			"subject": map[string]any{"phase": 1, "victimStatus": "presumed", "decidedBy": "ngo", "effect": "informal", "child": "age-disputed"},
			"needs":   map[string]any{bird("n"): map[string]any{"code": "foster-care", "urgency": "soon"}},
			"asks":    map[string]any{bird("a"): map[string]any{"code": "place-available", "why": "to-find-a-place"}},
		},
	}
}

// Referral refers a child, with sealed parts for the coordinator and for child protection.
// Whatever in it can be a canary is one, of this referral alone.
func Referral(from, to gateway.Party) Draft {
	return Draft{
		"type": "referral.request/1.0", "from": from, "to": to, "thread": NewThread(), "lane": "child",
		"purpose": "protection", "basis": "cets197-32", "answerBy": soon(),
		"agreement": map[string]any{"state": "given", "by": "authority", "heard": true},
		"attests":   []string{"guardian-appointed", "protection-checked"},
		"blocks": map[string]any{
			"subject": map[string]any{"phase": 2, "victimStatus": "presumed", "decidedBy": "ngo", "effect": "informal", "child": "yes"},
			"needs": map[string]any{
				bird("n"): map[string]any{"code": "foster-care", "urgency": "now"},
				bird("n"): map[string]any{"code": "guardian", "urgency": "soon"},
			},
			"asks": map[string]any{bird("a"): map[string]any{"code": "accept-referral", "why": "to-find-a-place"}},
		},
		"sealed": map[string]any{
			"facts@coordinator": map[string]any{
				"ageBand": "9-17", "citizenships": []string{"rs"}, "exploitation": []string{"forced-begging"}, "sector": "other-services",
				"threads": []string{NewThread()},
			},
			"guardian@child-protection": map[string]any{
				"kind": "temporary", "given": "Canary " + letters(9), "family": "Canary " + letters(9), "office": "Canary " + letters(9),
				"phone": "+38200" + digits(9), "mail": "canary-" + bird("m") + "@example.org",
			},
			"health@child-protection": map[string]any{
				"urgency": "soon", "needs": []string{"regular-medication"}, "diagnoses": []string{letters(1) + digits(2) + "." + digits(2)},
				"medication": []any{map[string]any{"substance": letters(1) + digits(2) + letters(2) + digits(2), "milligrams": 1}},
			},
		},
	}
}

func soon() string {
	return time.Now().UTC().Add(20 * time.Hour).Truncate(time.Second).Format(time.RFC3339)
}

// bird is a local id that no other message has.
func bird(first string) string {
	const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
	return first + pick(alphabet, 11)
}

func letters(n int) string { return pick("ABCDEFGHIJKLMNOPQRSTUVWXYZ", n) }

func digits(n int) string { return pick("0123456789", n) }

func pick(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[rand.N(len(alphabet))]
	}
	return string(b)
}
