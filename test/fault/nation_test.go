package fault

import (
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/test/harness"
	"example.org/trm/test/nation"
)

// TestADeliveryComesOnceHoweverASystemFails, before its effect and after it; and what the
// system says about it stays nowhere.
func TestADeliveryComesOnceHoweverASystemFails(t *testing.T) {
	t.Parallel()
	faults := map[string]nation.Fault{
		"answers 500":                       nation.Answer(500),
		"takes effect and answers 500":      nation.Taken(500),
		"asks for later":                    nation.Later(1),
		"cuts the connection":               nation.Cut,
		"takes effect and cuts":             nation.Lost,
		"says nothing":                      nation.Silent,
		"takes effect and says nothing":     nation.Mute,
		"is slow":                           nation.Slow(500 * time.Millisecond),
		"redirects to a stranger":           nation.Elsewhere("http://192.0.2.1/cases"),
		"quotes the person in an error":     nation.Echo(500),
		"answers without end":               nation.Flood,
		"answers something that is no HTTP": nation.Garbage,
	}
	system := nation.New(t)
	r := harness.New(t, harness.Options{Systems: map[gateway.Country]*nation.System{"rs": system}})
	for what, f := range faults {
		before := system.Requests()
		system.Next(f)
		r.Send(harness.Referral("me/coordinator", "rs/coordinator"))
		r.Settle()
		if got := system.Requests() - before; got < 2 {
			t.Errorf("%s: %d requests for two readers: the fault was not met", what, got)
		}
	}
	r.Check()
}

// TestForgetfulSystemIsAskedFirst: it takes effect for every request, so that the adapter
// asks before it repeats one whose outcome it does not know.
func TestForgetfulSystemIsAskedFirst(t *testing.T) {
	t.Parallel()
	system := nation.New(t)
	system.Forgetful = true
	r := harness.New(t, harness.Options{Systems: map[gateway.Country]*nation.System{"rs": system}})
	system.Next(nation.Lost, nation.Served, nation.Mute, nation.Taken(503))
	for range 3 {
		r.Send(harness.Capacity("me/coordinator", "rs/coordinator"))
		r.Settle()
	}
	r.Check()
}

// TestAdapterDiesBetweenEffectAndEvidence: the system has the consignment, and nobody
// knows.
func TestAdapterDiesBetweenEffectAndEvidence(t *testing.T) {
	t.Parallel()
	system := nation.New(t)
	r := harness.New(t, harness.Options{Systems: map[gateway.Country]*nation.System{"rs": system}})
	system.Next(nation.Mute)
	r.Send(harness.Capacity("me/coordinator", "rs/coordinator"))
	r.Until("the system to have it", func() bool { return len(system.Keys()) == 1 })
	r.Adapters["rs"].Restart()
	r.Check()
	if got := system.Requests(); got < 2 {
		t.Errorf("%d requests: the adapter did not die in the middle of one", got)
	}
}

// TestSystemRefusesForEver: the sender learns that it failed, signed, with a code and no
// word of what the system said.
func TestSystemRefusesForEver(t *testing.T) {
	t.Parallel()
	system := nation.New(t)
	system.Always(nation.Echo(422))
	r := harness.New(t, harness.Options{
		Systems: map[gateway.Country]*nation.System{"rs": system},
		Alarms:  []string{`"kind":"delivery-failed"`},
	})
	s := r.Send(harness.Referral("me/coordinator", "rs/coordinator"))
	r.Settle()
	st, err := r.Status(s)
	if err != nil || st.Gateway != gateway.StateFailed {
		t.Fatalf("state %q, want failed: %v", st.Gateway, err)
	}
	last := st.Evidence[len(st.Evidence)-1]
	if last.Event != gateway.ContentConsignmentFailure || last.Code != gateway.CodeDestinationRefused {
		t.Errorf("last evidence is %s %s, want %s %s", last.Event, last.Code, gateway.ContentConsignmentFailure, gateway.CodeDestinationRefused)
	}
}

// TestOneSystemThatIsAwayHoldsNobodyElse.
func TestOneSystemThatIsAwayHoldsNobodyElse(t *testing.T) {
	t.Parallel()
	away := nation.New(t)
	r := harness.New(t, harness.Options{
		Countries: []gateway.Country{"me", "rs", "ba"},
		Systems:   map[gateway.Country]*nation.System{"rs": away},
	})
	away.Leave()
	held := r.Send(harness.Capacity("me/coordinator", "rs/coordinator"))
	free := r.Send(harness.Capacity("me/coordinator", "ba/coordinator"))
	r.Await(free, gateway.StateDelivered)
	if st, err := r.Status(held); err != nil || st.Gateway == gateway.StateDelivered {
		t.Errorf("the held message is %q: %v", st.Gateway, err)
	}
	away.Return()
	r.Check()
}
