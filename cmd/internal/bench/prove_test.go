package bench

import (
	"strings"
	"testing"
	"time"

	"example.org/trm/gateway"
)

// delivered is a load of two threads, each message at two roles, in order.
func delivered() *tally {
	var load []*message
	for i, id := range []string{"a", "b", "c", "d"} {
		load = append(load, &message{
			head:        gateway.Head{ID: id, Issuer: "me/coordinator", Audience: "rs/coordinator"},
			threadIndex: i % 2, position: i / 2,
		})
	}
	t := newTally(load)
	for _, m := range load {
		for _, role := range []string{"coordinator", "child-protection"} {
			t.arrive(m.head.MessageID(), role, time.Now())
		}
	}
	return t
}

func TestDeliveriesAreProvenOrWhatIsWrongIsSaid(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		spoil func(*tally)
		want  string // empty: proven
	}{
		{"as it should be", func(*tally) {}, ""},
		{"twice", func(x *tally) { x.arrive(x.load[2].head.MessageID(), "coordinator", time.Now()) }, "twice"},
		{"never", func(x *tally) { x.load[1].arrivals = nil }, "never came"},
		{"not to one role", func(x *tally) { x.load[3].arrivals = x.load[3].arrivals[:1] }, "came to 1 roles"},
		{"not to its addressee", func(x *tally) {
			for _, m := range x.load {
				m.arrivals = m.arrivals[1:]
			}
		}, "never came"},
		{"out of order", func(x *tally) { x.load[0].arrivals, x.load[2].arrivals = x.load[2].arrivals, x.load[0].arrivals }, "before the one before it"},
		{"a stranger's", func(x *tally) {
			x.arrive(gateway.MessageID{Issuer: "me/coordinator", ID: "z"}, "coordinator", time.Now())
		}, "something else"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := delivered()
			tt.spoil(x)
			var p Proven
			err := proveDeliveries(x, &p)
			switch {
			case tt.want == "" && (err != nil || p != Proven{Delivered: 4, Consignments: 8, Threads: 2}):
				t.Errorf("got %+v, %v", p, err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestAPartOfTheLoadIsFinishedWhenAllOfItHasEvidence(t *testing.T) {
	t.Parallel()
	x := delivered()
	all := x.expect(2)
	finished := func() bool {
		select {
		case <-all:
			return true
		default:
			return false
		}
	}
	a, b := x.load[0].head.MessageID(), x.load[1].head.MessageID()
	x.acknowledge(a, time.Now())
	x.acknowledge(a, time.Now()) // sent again
	if finished() {
		t.Error("finished without the second")
	}
	x.acknowledge(b, time.Now())
	if !finished() {
		t.Error("not finished with both")
	}
}

func TestPercentilesAreMeasuredValues(t *testing.T) {
	t.Parallel()
	var all []time.Duration
	for i := range 200 {
		all = append(all, time.Duration(200-i)*time.Millisecond)
	}
	if got, want := spread(all), (Spread{100, 180, 198, 200}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := spread(all[:1]), (Spread{1, 1, 1, 1}); got != want {
		t.Errorf("of one: got %v, want %v", got, want)
	}
}

func TestAConsignmentsMessageIsFoundWithoutTheRest(t *testing.T) {
	t.Parallel()
	want := gateway.MessageID{Issuer: "me/coordinator", ID: "x"}
	got, err := readHead(strings.NewReader(`{"delivery":"d","head":{"jti":"x","iss":"me/coordinator"},"blocks":{"jti":"y"}}` + "\n"))
	if err != nil || got != want {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{``, `{}`, `{"delivery":"d"}`, `{"head":{"jti":"x","iss":"me/coordinator"},"blocks":{`, `{"head":1}`} {
		if _, err := readHead(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
