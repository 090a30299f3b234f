// Package queue is what is waiting: Redis Streams between the gateway and each country.
//
// Redis is trusted with what is waiting, never with what happened: losing all of it
// loses time and nothing else. The gateway's dispatcher alone writes and deletes
// deliveries; a country's adapter takes and acknowledges them, and appends evidence; the
// gateway answers with signed acknowledgements.
//
//	trm:{rs}:deliveries   fields id, d, tp   gateway → adapter, order kept within a thread
//	trm:{rs}:urgent       fields id, d, tp   gateway → adapter, may overtake
//	trm:{rs}:evidence     fields jws, tp     adapter → gateway, the newest many thousand
//	trm:{rs}:acks         fields ack, tp     gateway → adapter, the newest few thousand
//
// id is the delivery's id, d the wrapped delivery (a compact JWE), jws and ack are signed
// evidence, tp is a W3C traceparent. The braces keep a country's streams in one slot of a
// Redis Cluster. Redis 7 or later.
package queue

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"example.org/trm/gateway"
)

// The bounds of an entry. Whoever may append to a stream may append anything.
const (
	maxFields   = 8
	maxWrapped  = 1 << 20
	maxEvidence = 16 << 10
	maxID       = 64
	maxTrace    = 64
)

// acksKept is how many acknowledgements stay in a country's stream. An adapter that was
// away for longer sends its evidence again and gets them anew. evidenceKept bounds what
// waits for a gateway that is away; the oldest goes, and is sent again until it has been
// acknowledged.
const (
	acksKept     = 4096
	evidenceKept = 16384
)

// The consumer groups: of a country's adapters on its deliveries, and of the gateway on
// the evidence.
const (
	adapters = "adapter"
	gateways = "gateway"
)

// The names of a country's streams.
func deliveries(c gateway.Country) string { return "trm:{" + string(c) + "}:deliveries" }
func urgent(c gateway.Country) string     { return "trm:{" + string(c) + "}:urgent" }
func evidence(c gateway.Country) string   { return "trm:{" + string(c) + "}:evidence" }
func acks(c gateway.Country) string       { return "trm:{" + string(c) + "}:acks" }

// field reads a field of an entry; one that is missing or longer than most is not well
// formed.
func field(values map[string]any, name string, most int) (string, bool) {
	s, ok := values[name].(string)
	return s, ok && s != "" && len(s) <= most
}

// traceOf reads the optional traceparent of an entry.
func traceOf(values map[string]any) string {
	tp, _ := field(values, "tp", maxTrace)
	if len(tp) > maxTrace {
		return ""
	}
	return tp
}

// lost recognises that a group is gone, with or without its stream.
func lost(err error) bool {
	return strings.HasPrefix(err.Error(), "NOGROUP") || strings.HasPrefix(err.Error(), "UNBLOCKED")
}

// group makes a consumer group, and its stream, where they are not: from the beginning,
// because what is in a stream is what is waiting.
func group(ctx context.Context, rdb redis.UniversalClient, key, name string) error {
	err := rdb.XGroupCreateMkStream(ctx, key, name, "0").Err()
	if err != nil && !strings.HasPrefix(err.Error(), "BUSYGROUP") {
		return fmt.Errorf("making a consumer group: %w", err)
	}
	return nil
}
