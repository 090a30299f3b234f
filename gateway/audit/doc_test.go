package audit_test

import (
	"os"
	"strings"
	"testing"

	"example.org/trm/gateway/audit"
)

// TestTheAuditorsPageListsEveryRule in the order in which they are asked.
func TestTheAuditorsPageListsEveryRule(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../doc/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	rest := string(raw)
	for _, r := range audit.Rules() {
		_, after, ok := strings.Cut(rest, "| `"+string(r.Rule)+"` | "+r.Asks+" |\n")
		if !ok {
			t.Errorf("gateway/doc/audit.md does not say, or not there, that %s asks whether %s", r.Rule, r.Asks)
			continue
		}
		rest = after
	}
}
