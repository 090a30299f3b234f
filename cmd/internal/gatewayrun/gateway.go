// Package gatewayrun wires the gateway's parts into one process. It decides nothing:
// gatewayd runs it from a file, the demo beside seven adapters.
package gatewayrun

import (
	"context"
	"errors"
	"log/slog"
	"net"

	"github.com/redis/go-redis/v9"

	"example.org/trm/cmd/internal/telemetry"
)

// Environment is what a configuration file cannot hold.
type Environment struct {
	Log       *slog.Logger
	Telemetry *telemetry.Telemetry  // nil: none
	Redis     redis.UniversalClient // nil: opened from Config.Redis
}

// Gateway is a gateway that listens but does not yet serve.
type Gateway struct{ listener net.Listener }

// New opens everything: keys, directory, schemas, policy, journal, queue, listener.
func New(ctx context.Context, c Config, env Environment) (*Gateway, error) {
	return nil, errors.New("opening the gateway: no parts")
}

// Addr is where the door listens.
func (g *Gateway) Addr() net.Addr { return g.listener.Addr() }

// Run serves until ctx ends, then stops in order: the door, the dispatchers and inflows,
// the journal.
func (g *Gateway) Run(ctx context.Context) error { return nil }
