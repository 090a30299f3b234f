package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"example.org/trm/gateway"
)

// Receiver takes submissions; it is [gateway.Receiver] in production. Safe for concurrent
// use. An Answer without error is durable, and the same bytes get the same one.
type Receiver interface {
	Accept(ctx context.Context, caller gateway.Party, announced gateway.Lane, e gateway.Envelope, trace string) (gateway.Answer, error)
}

// Server is the door. The fields are set before [Server.Handler] and not changed after.
type Server struct {
	Receiver Receiver
	Log      *slog.Logger
	Now      func() time.Time
	Tracer   trace.TracerProvider // nil: no spans
	Meter    metric.MeterProvider // nil: no metrics
}

// Handler is the whole door as one handler, safe for concurrent use.
func (s *Server) Handler() (http.Handler, error) {
	return http.NotFoundHandler(), nil
}
