package api

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"example.org/trm/gateway"
)

// Limits bound what the door takes, before anything is parsed. The zero value of each is
// its default.
type Limits struct {
	Body        int64         // bytes of an envelope. Default 256 KiB
	Requests    int           // requests of every kind in progress. Default 1024
	Submissions int           // submissions in progress. Default 64
	Reserved    int           // of these, kept for callers that announce the urgent lane. Default 16
	Evidence    int           // pieces of evidence in progress. Default 32
	Rate        float64       // submissions of one party in a second, lasting; the urgent lane, evidence and previews have as many of their own. Default 200
	Burst       int           // of one party at once, above its rate. Default 400
	Patience    time.Duration // how long a submission waits for its turn before 503. Default 2 seconds
	Accept      time.Duration // how long receiving may take. Default 15 seconds
	Hold        time.Duration // how long a call for deliveries is held open when there are none. Default 20 seconds: adapters wait for 30
}

func (l Limits) orDefaults() Limits {
	l.Body = cmp.Or(l.Body, 256<<10)
	l.Requests = cmp.Or(l.Requests, 1024)
	l.Submissions = cmp.Or(l.Submissions, 64)
	l.Reserved = min(cmp.Or(l.Reserved, 16), l.Submissions)
	l.Evidence = cmp.Or(l.Evidence, 32)
	l.Rate = cmp.Or(l.Rate, 200)
	l.Burst = cmp.Or(l.Burst, 400)
	l.Patience = cmp.Or(l.Patience, 2*time.Second)
	l.Accept = cmp.Or(l.Accept, 15*time.Second)
	l.Hold = cmp.Or(l.Hold, 20*time.Second)
	return l
}

var errFull = errors.New("no place free")

// slots bound how much happens at once. The urgent lane has places that nobody else can
// take, and may take the others' too.
type slots struct {
	requests         chan struct{}
	ordinary, urgent chan struct{}
	testimonies      chan struct{}
	patience         time.Duration
}

func newSlots(l Limits) *slots {
	return &slots{
		requests: make(chan struct{}, l.Requests),
		ordinary: make(chan struct{}, l.Submissions-l.Reserved), urgent: make(chan struct{}, l.Reserved),
		testimonies: make(chan struct{}, l.Evidence), patience: l.Patience,
	}
}

// request takes a place for a request of any kind, without waiting.
func (s *slots) request() (release func(), err error) {
	select {
	case s.requests <- struct{}{}:
		return func() { <-s.requests }, nil
	default:
		return nil, gateway.Unavailable(gateway.CodeBusy, 2*time.Second, errFull)
	}
}

// submission takes a place for a submission, and waits for one as long as Patience says.
func (s *slots) submission(ctx context.Context, lane gateway.Lane) (release func(), err error) {
	reserve := s.urgent
	if lane != gateway.Urgent {
		reserve = nil // a nil channel is never ready
	}
	return s.place(ctx, s.ordinary, reserve)
}

// evidence takes a place for a piece of evidence, and waits as long.
func (s *slots) evidence(ctx context.Context) (release func(), err error) {
	return s.place(ctx, s.testimonies, nil)
}

// place takes the first that is free in one of two rows.
func (s *slots) place(ctx context.Context, row, reserve chan struct{}) (release func(), err error) {
	// A place that is free is taken whatever the clock says.
	select {
	case row <- struct{}{}:
		return func() { <-row }, nil
	case reserve <- struct{}{}:
		return func() { <-reserve }, nil
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	select {
	case row <- struct{}{}:
		return func() { <-row }, nil
	case reserve <- struct{}{}:
		return func() { <-reserve }, nil
	case <-ctx.Done():
		return nil, gateway.Unavailable(gateway.CodeBusy, 5*time.Second, errFull)
	}
}

// pullsAtOnce is how many calls for deliveries of one country are held open at once: those
// of its adapter, and of lives of it whose end was not noticed yet.
const pullsAtOnce = 4

// pulls bound how many calls each country has held open. The zero value holds none.
type pulls struct {
	mu   sync.Mutex // guards open, for the time of an addition
	open map[gateway.Country]int
}

// enter counts a call until it leaves.
func (p *pulls) enter(c gateway.Country) (leave func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		p.open = make(map[gateway.Country]int)
	}
	if p.open[c] >= pullsAtOnce {
		return nil, gateway.Unavailable(gateway.CodeRateLimited, 2*time.Second, errFull)
	}
	p.open[c]++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.open[c]--
	}, nil
}

// traffic is what a party is held to its rate in. Each kind has a rate of its own, so that
// a party which floods the one can still use the other.
type traffic int

const (
	ordinary traffic = iota
	urgent
	testifying
	previewing
)

// of is the traffic that a submission belongs to.
func of(l gateway.Lane) traffic {
	if l == gateway.Urgent {
		return urgent
	}
	return ordinary
}

// rates hold every party to its rates. Only parties of the directory get here, so there
// are never many.
type rates struct {
	rate, burst float64
	now         func() time.Time
	mu          sync.Mutex // guards buckets, for the time of an addition
	buckets     map[bucketKey]*bucket
}

type bucketKey struct {
	party gateway.Party
	in    traffic
}

type bucket struct {
	tokens float64
	at     time.Time
}

func newRates(l Limits, now func() time.Time) *rates {
	return &rates{rate: l.Rate, burst: float64(l.Burst), now: now, buckets: make(map[bucketKey]*bucket)}
}

// take counts one request, or refuses it and says when there is room again.
func (r *rates) take(p gateway.Party, in traffic) error {
	key := bucketKey{p, in}
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	b, ok := r.buckets[key]
	if !ok {
		b = &bucket{r.burst, now}
		r.buckets[key] = b
	}
	if passed := now.Sub(b.at).Seconds(); passed > 0 {
		b.tokens, b.at = min(r.burst, b.tokens+passed*r.rate), now
	}
	if b.tokens < 1 {
		return gateway.Unavailable(gateway.CodeRateLimited, time.Duration((1-b.tokens)/r.rate*float64(time.Second)), nil)
	}
	b.tokens--
	return nil
}
