package gateway_test

import (
	"slices"
	"testing"

	"example.org/trm/gateway"
)

// contacts is a directory that knows how parties are reached.
type contacts struct {
	gateway.Directory
	of map[gateway.Party]gateway.Institution
}

func (c contacts) Institution(p gateway.Party) (gateway.Institution, bool) {
	i, ok := c.of[p]
	return i, ok
}

func TestPartyThatNoMachineReachesIsNamedOnceWithItsTelephone(t *testing.T) {
	t.Parallel()
	d := contacts{of: map[gateway.Party]gateway.Institution{
		"rs/coordinator":      {Mailbox: "office@example.org", Duty: "+9990010001"},
		"rs/child-protection": {Duty: "+9990010002"},
		"rs/social-services":  {Mailbox: "social@example.org"},
	}}
	got := gateway.Unreachable(d, "rs/coordinator", "rs/child-protection", "rs/social-services", "rs/child-protection", "rs/prosecution")
	want := []gateway.Unreached{
		{Party: "rs/child-protection", Telephone: "+9990010002", Why: gateway.NoMailbox},
		{Party: "rs/social-services", Why: gateway.NoTelephone},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
