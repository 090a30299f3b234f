package schemas_test

import (
	"fmt"

	"example.org/trm/gateway"
	"example.org/trm/schemas"
)

// A sender checks what it is about to seal. The refusal says where and what to change,
// and repeats nothing of what was written.
func ExampleSet_ValidateBlock() {
	s, err := schemas.Open()
	if err != nil {
		fmt.Println(err)
		return
	}
	err = s.ValidateBlock(s.Release(), "health", map[string]any{"urgency": "as soon as you can"})
	p := gateway.AsProblem(err)
	fmt.Println(p.Code, p.Pointer)
	fmt.Println(p.Hint)
	// Output:
	// schema /urgency
	// Use one of: now, soon, planned. List urgency, release 2026-11; accepted releases: 2026-11.
}
