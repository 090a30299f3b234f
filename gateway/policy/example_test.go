package policy_test

import (
	"fmt"

	"example.org/trm/gateway"
	"example.org/trm/gateway/policy"
	"example.org/trm/schemas"
)

// A name is in the first message of a referral. The referral was not accepted yet, so the
// name stays, and the sender learns by which rule.
func ExamplePolicy_Decide() {
	rules, err := policy.Default()
	if err != nil {
		panic(err)
	}
	catalogue, err := schemas.Open()
	if err != nil {
		panic(err)
	}
	kind, _ := catalogue.Type("referral.request/1.0")
	d := rules.Decide(gateway.Question{
		Head: gateway.Head{
			Type: kind.Name, Issuer: "ba/coordinator", Audience: "rs/coordinator", Purpose: "assistance", Basis: "cets197-32",
			Agreement: gateway.Agreement{State: "given", By: "person"}, Attests: []string{"protection-checked"},
		},
		Type:    kind,
		Units:   []string{"asks", "identity@coordinator", "needs", "subject"},
		Pair:    gateway.Pair{A: "ba", B: "rs", On: true, Purposes: []string{"assistance"}, Articles: []string{"cets197-32"}},
		Classes: map[string][]gateway.Class{"coordinator": {gateway.ClassC1, gateway.ClassC2, gateway.ClassP1}},
	})
	fmt.Println(d.Released)
	for _, w := range d.Withheld {
		fmt.Println(w.Unit, "stays:", rules.Explain(w.Rule))
	}
	// Output:
	// [asks needs subject]
	// identity@coordinator stays: Who the person is travels with a referral only after the other side has accepted it, and no longer when it has declined: the needs are enough to decide.
}
