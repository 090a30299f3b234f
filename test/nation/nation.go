// Package nation is a national case system for tests: an HTTP server that takes what an
// adapter delivers, and misbehaves on request.
//
// Its faults come in pairs, because only the system knows on which side of its effect it
// failed: the same silence may mean that nothing happened, or that everything did.
package nation

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Case is one consignment that took effect.
type Case struct {
	Key    string // the Idempotency-Key
	Role   string // whom it was delivered for, from the path
	Body   []byte
	Effect int // how often it took effect; more than once is the adapter's mistake
}

// Document is the consignment's content.
func (c Case) Document() (map[string]any, error) {
	var d map[string]any
	err := json.Unmarshal(c.Body, &d)
	return d, err
}

// System is a national case system. It recognises a key that it has seen and takes effect
// once, unless it is Forgetful. Safe for concurrent use.
type System struct {
	Forgetful bool // set before the first request: every request takes effect, whatever its key

	server *httptest.Server

	mu       sync.Mutex // guards what follows
	away     bool
	faults   []Fault // of the next requests, one each
	usual    Fault   // of the others; nil for none
	order    []string
	cases    map[string]*Case
	requests int
}

// New starts a system that ends with the test.
func New(t testing.TB) *System {
	t.Helper()
	s := &System{cases: map[string]*Case{}}
	s.server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(func() {
		s.server.CloseClientConnections() // of those who still wait for a silent one
		s.server.Close()
	})
	return s
}

// URL is the address that a rest transport posts to.
func (s *System) URL() string { return s.server.URL + "/cases/{role}" }

// Query is the address at which it can be asked whether it has a key.
func (s *System) Query() string { return s.server.URL + "/cases/{role}/{key}" }

// Next makes the next requests fail, one each, in this order. Further ones are served.
func (s *System) Next(f ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f...)
}

// Always makes every request fail that no [System.Next] speaks of; nil ends it.
func (s *System) Always(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.usual = f
}

// Leave makes the system unreachable: connections are cut before a request is read.
func (s *System) Leave() { s.setAway(true) }

// Return ends Leave.
func (s *System) Return() { s.setAway(false) }

func (s *System) setAway(away bool) {
	s.mu.Lock()
	s.away = away
	s.mu.Unlock()
	if away {
		s.server.CloseClientConnections()
	}
}

// Cases are the consignments that took effect, in the order in which they did.
func (s *System) Cases() []Case {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Case, len(s.order))
	for i, k := range s.order {
		all[i] = *s.cases[k]
	}
	return all
}

// Requests is how many were made, whatever became of them.
func (s *System) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// Keys are the keys that it has, sorted.
func (s *System) Keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.cases))
}

func (s *System) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	away := s.away
	s.mu.Unlock()
	if away {
		cut(w)
		return
	}
	role, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/cases/"), "/")
	if r.Method == http.MethodGet {
		s.mu.Lock()
		_, has := s.cases[key]
		s.mu.Unlock()
		if !has {
			http.NotFound(w, r)
		}
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil || r.Method != http.MethodPost || r.Header.Get("Idempotency-Key") == "" {
		http.Error(w, "not a consignment", http.StatusBadRequest)
		return
	}
	take := func() { s.take(Case{Key: r.Header.Get("Idempotency-Key"), Role: role, Body: body}) }
	if f := s.fault(); f != nil {
		f(w, r, body, take)
		return
	}
	take()
	w.WriteHeader(http.StatusCreated)
}

// fault is what this request is to suffer, or nil.
func (s *System) fault() Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if len(s.faults) == 0 {
		return s.usual
	}
	f := s.faults[0]
	s.faults = s.faults[1:]
	return f
}

func (s *System) take(c Case) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.cases[c.Key]; ok {
		if s.Forgetful {
			known.Effect++
		}
		return
	}
	c.Effect = 1
	s.cases[c.Key] = &c
	s.order = append(s.order, c.Key)
}
