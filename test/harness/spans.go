package harness

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/protobuf/proto"
)

// Spans is the region's collector: it keeps what processes send over OTLP/HTTP.
type Spans struct {
	URL string

	t      testing.TB
	mu     sync.Mutex // guards bodies
	bodies [][]byte
}

// Span is one step of something, as a process exported it.
type Span struct {
	Trace, ID, Parent string // hexadecimal; Parent is empty at the root
	Service           string // "gatewayd", "adapterd rs"
	Name              string
	Kind, Status      string
	Attributes        []string // "key=value", sorted; those of events too
}

func newSpans(t testing.TB) *Spans {
	s := &Spans{t: t}
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
	return slices.Clone(s.bodies)
}

// All lists every span that was exported. Processes export the last ones when they stop.
func (s *Spans) All() []Span {
	s.t.Helper()
	var all []Span
	for _, raw := range s.Raw() {
		var export collector.ExportTraceServiceRequest
		if err := proto.Unmarshal(raw, &export); err != nil {
			s.t.Fatal("an export of spans cannot be read")
		}
		for _, of := range export.ResourceSpans {
			service := service(of.Resource.Attributes)
			for _, scope := range of.ScopeSpans {
				for _, x := range scope.Spans {
					span := Span{
						Trace: hex.EncodeToString(x.TraceId), ID: hex.EncodeToString(x.SpanId), Parent: hex.EncodeToString(x.ParentSpanId),
						Service: service, Name: x.Name, Kind: x.Kind.String(), Status: x.Status.GetCode().String() + " " + x.Status.GetMessage(),
						Attributes: pairs("", x.Attributes),
					}
					for _, e := range x.Events {
						span.Attributes = append(span.Attributes, pairs(e.Name+" ", e.Attributes)...)
					}
					all = append(all, span)
				}
			}
		}
	}
	return all
}

func service(attributes []*common.KeyValue) string {
	name, country := "", ""
	for _, a := range attributes {
		switch a.Key {
		case "service.name":
			name = a.Value.GetStringValue()
		case "trm.country":
			country = " " + a.Value.GetStringValue()
		}
	}
	return name + country
}

func pairs(prefix string, attributes []*common.KeyValue) []string {
	var out []string
	for _, a := range attributes {
		out = append(out, prefix+a.Key+"="+a.Value.String())
	}
	slices.Sort(out)
	return out
}
