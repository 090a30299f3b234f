package harness

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// Spans is the region's collector: it keeps what processes send over OTLP/HTTP.
type Spans struct {
	URL string

	mu     sync.Mutex // guards bodies
	bodies [][]byte
}

func newSpans(t testing.TB) *Spans {
	s := &Spans{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.bodies = append(s.bodies, b)
	}))
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// Raw is every export as it was received: a serialised ExportTraceServiceRequest of OTLP.
func (s *Spans) Raw() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([][]byte(nil), s.bodies...)
}
