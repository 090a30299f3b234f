package bench

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/queue"
)

// arrival is one POST at a national system. Its number is its place among all.
type arrival struct {
	role   string
	number int
}

// tally notes what becomes of the load. Safe for concurrent use.
type tally struct {
	load []*message
	byID map[gateway.MessageID]*message // never changes

	mu       sync.Mutex // guards what follows, and of each message what stands in its type
	arrived  int
	strange  int // arrivals and acknowledgements of messages that are not of the load
	waiting  int // messages of the part being sent that have no evidence yet
	finished chan struct{}
}

func newTally(load []*message) *tally {
	t := &tally{load: load, byID: make(map[gateway.MessageID]*message, len(load))}
	for _, m := range load {
		t.byID[m.head.MessageID()] = m
	}
	return t
}

// expect begins a part of the load; the channel is closed when all of it has evidence.
func (t *tally) expect(n int) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting, t.finished = n, make(chan struct{})
	return t.finished
}

// arrive notes that a national system has what a role may see. A message is delivered
// when the last of its roles has it.
func (t *tally) arrive(id gateway.MessageID, role string, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m, ok := t.byID[id]
	if !ok {
		t.strange++
		return
	}
	t.arrived++
	m.arrivals = append(m.arrivals, arrival{role, t.arrived})
	m.delivered = at
}

// acknowledge notes that the gateway has recorded the evidence of a delivery.
func (t *tally) acknowledge(id gateway.MessageID, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m, ok := t.byID[id]
	if !ok {
		t.strange++
		return
	}
	if m.acknowledged++; m.acknowledged > 1 {
		return // evidence may be sent twice; the first time counts
	}
	m.evidenced = at
	if t.waiting--; t.waiting == 0 {
		close(t.finished)
	}
}

// stranger notes what is not about the load.
func (t *tally) stranger() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.strange++
}

// missing says what a part of the load still waits for.
func (t *tally) missing() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return fmt.Errorf("%d messages have no evidence of their delivery; %d arrivals and acknowledgements were about something else", t.waiting, t.strange)
}

// watch reads the gateway's acknowledgements where the adapters read them, until ctx
// ends; wait returns when it has stopped. They are proven later: reading a signature here
// would take the processor from those who are measured.
func (t *tally) watch(ctx context.Context, g *region) (wait func()) {
	var readers sync.WaitGroup
	for _, c := range g.countries {
		acks := queue.Consumer{Client: g.redis.Dial(), Country: c, Name: "bench", Log: slog.New(slog.DiscardHandler)}
		readers.Go(func() {
			_ = acks.Acks(ctx, func(_ context.Context, ack string) error { // ends without an error when ctx does
				at := time.Now()
				s, _, err := envelope.Codec{}.Examine(ack)
				if err != nil || s.Event != gateway.EvidenceRecorded {
					t.stranger()
					return nil
				}
				t.acknowledge(s.Message, at)
				return nil
			})
		})
	}
	return readers.Wait
}
