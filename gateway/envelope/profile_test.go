package envelope

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// What other implementations are told is what this one does.
func TestTheProfilesPageHasTheLimitsOfTheCode(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../doc/profile.md")
	if err != nil {
		t.Fatal(err)
	}
	page := strings.Join(strings.Fields(string(raw)), " ")
	for _, want := range []string{
		fmt.Sprintf("not counted | %d KiB", defaultBytes>>10),
		fmt.Sprintf("together | %d,%03d", maxEnvelope/1000, maxEnvelope%1000),
		fmt.Sprintf("in base64url | %d KiB", maxProtected>>10),
		fmt.Sprintf("one `_sd` | %d", maxDisclosures),
		fmt.Sprintf("assertion | %d KiB", maxCompact>>10),
		fmt.Sprintf("at most %d levels", maxDepth),
		fmt.Sprintf("up to %d digits", maxFraction),
		fmt.Sprintf("up to %d certificates", maxChain),
		fmt.Sprintf("%d to %d random bytes", minSalt, maxSalt),
		fmt.Sprintf("%d, %d or %d bytes", sizes[0], sizes[1], sizes[2]),
		fmt.Sprintf("lives %d minutes at most", int(maxAssertion.Minutes())),
		`"alg":"` + algKeyWrap + `","enc":"` + encContent + `"`,
		`"typ":"` + typUnit + `"`, "`" + typDelivery + "`", "`" + typBinding + "`",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}
