package bench

import (
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"

	"example.org/trm/gateway"
)

// Report is what was measured.
type Report struct {
	Machine   Machine       `json:"machine"`
	Load      Load          `json:"load"`
	Receive   Spread        `json:"receive"`   // from when it was due until the sender has the receipt
	Deliver   Spread        `json:"deliver"`   // … until the national system has what each role may see
	Evidence  Spread        `json:"evidence"`  // … until the gateway has recorded the evidence, and its answer waits for the adapter
	Published Spread        `json:"published"` // from the receipt until a signed checkpoint of the log covers it
	Received  float64       `json:"receivedPerSecond"`
	Delivered float64       `json:"deliveredPerSecond"`
	Processes []ProcessCost `json:"processes"`
	Others    float64       `json:"othersShare"` // of the machine, taken meanwhile by what is not measured; -1: not known
	Bare      Bare          `json:"bare"`
	Proven    Proven        `json:"proven"`
}

// Machine is where it was measured.
type Machine struct {
	Processors int    `json:"processors"`
	System     string `json:"system"`
	Go         string `json:"go"`
}

// Load is what was sent.
type Load struct {
	Type     string            `json:"type"`
	Messages int               `json:"messages"`
	Warmup   int               `json:"warmup"`
	Bytes    int               `json:"bytes"` // of one envelope
	Threads  int               `json:"threads"`
	Pairs    []Pair            `json:"pairs"`
	Rate     float64           `json:"rate"` // 0: closed loop
	Senders  int               `json:"senders"`
	Adapters []gateway.Country `json:"adapters"`
	Redis    string            `json:"redis"`
}

// ProcessCost is what one process used for a message, and what it held at the end.
type ProcessCost struct {
	Name   string  `json:"name"`
	User   float64 `json:"userMicros"`
	System float64 `json:"systemMicros"`
	RSS    int64   `json:"rssBytes,omitempty"` // 0 where the system does not say
	PSS    int64   `json:"pssBytes,omitempty"`
}

// CPU is the processor time of a message, in microseconds.
func (c ProcessCost) CPU() float64 { return c.User + c.System }

// Spread is how long something took, in milliseconds.
type Spread struct {
	P50 float64 `json:"p50Millis"`
	P90 float64 `json:"p90Millis"`
	P99 float64 `json:"p99Millis"`
	Max float64 `json:"maxMillis"`
}

// spread sorts its argument. A percentile is the smallest value that as many are not
// above.
func spread(all []time.Duration) Spread {
	slices.Sort(all)
	at := func(percent int) float64 {
		return micros(all[max(0, (len(all)*percent+99)/100-1)]) / 1000
	}
	return Spread{at(50), at(90), at(99), at(100)}
}

func newReport(o Options, g *region, t *tally, load []*message) Report {
	t.mu.Lock() // for what it guards of a message
	defer t.mu.Unlock()
	r := Report{
		Machine: Machine{runtime.NumCPU(), runtime.GOOS + "/" + runtime.GOARCH, runtime.Version()},
		Load: Load{
			Type: load[0].head.Type, Messages: len(load), Warmup: o.Warmup, Bytes: len(load[0].raw), Threads: o.Threads, Pairs: o.Pairs,
			Rate: o.Rate, Senders: o.Senders, Adapters: g.countries, Redis: "redis-server, appendfsync " + o.Fsync,
		},
	}
	if g.redis.PID == 0 {
		r.Load.Redis = "in the sending process; it keeps nothing"
	}
	var receive, deliver, evidence []time.Duration
	first, received, delivered := load[0].due, time.Time{}, time.Time{}
	for _, m := range load {
		receive = append(receive, m.received.Sub(m.due))
		deliver = append(deliver, m.delivered.Sub(m.due))
		evidence = append(evidence, m.evidenced.Sub(m.due))
		first, received, delivered = earlier(first, m.due), later(received, m.received), later(delivered, m.delivered)
	}
	r.Receive, r.Deliver, r.Evidence = spread(receive), spread(deliver), spread(evidence)
	n := float64(len(load))
	r.Received, r.Delivered = n/received.Sub(first).Seconds(), n/delivered.Sub(first).Seconds()
	return r
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// costs is what each process used between two states, for each of n messages. The
// adapters are one: a message has one.
func costs(before, after snapshot, n int) []ProcessCost {
	by := map[string]*ProcessCost{}
	for name, b := range after.states {
		a := before.states[name]
		label := name
		if strings.HasPrefix(name, "adapter-") {
			label = "adapters"
		}
		c, ok := by[label]
		if !ok {
			c = &ProcessCost{Name: label}
			by[label] = c
		}
		c.User += micros(b.User-a.User) / float64(n)
		c.System += micros(b.System-a.System) / float64(n)
		c.RSS += b.resident
		c.PSS += b.proportional
	}
	var out []ProcessCost
	for _, name := range slices.Sorted(maps.Keys(by)) {
		out = append(out, *by[name])
	}
	return out
}
