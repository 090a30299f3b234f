package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/trace"

	"example.org/trm/gateway"
)

// Streams puts deliveries into their destination's streams for the dispatcher. Client
// must be set. Safe for concurrent use.
type Streams struct {
	Client redis.UniversalClient
	Tracer trace.TracerProvider // default: the global one
}

var _ gateway.Streams = (*Streams)(nil)

// Put appends a delivery at its position. Redis refuses a position that is not larger
// than the stream's last, which keeps out a dispatcher whose time has passed; whether the
// refused position holds this very delivery, because an earlier answer was lost, is asked
// then.
func (s *Streams) Put(ctx context.Context, w gateway.Waiting) (err error) {
	ctx, end := begin(resume(ctx, w.Trace), s.Tracer, trace.SpanKindProducer, "dispatch", w.Country, w.ID)
	defer func() { end(err) }()
	key, at := streamOf(w.Country, w.Urgent), position(w.At)
	err = s.Client.XAdd(ctx, &redis.XAddArgs{
		Stream: key, ID: at, Values: []any{"id", w.ID, "d", w.Wrapped, "tp", parentOf(ctx)},
	}).Err()
	if err == nil {
		return nil
	}
	if !passed(err) {
		return fmt.Errorf("appending delivery: %w", err)
	}
	there, err := s.Client.XRange(ctx, key, at, at).Result()
	if err != nil {
		return fmt.Errorf("looking for delivery: %w", err)
	}
	if len(there) == 1 && there[0].Values["id"] == w.ID {
		return nil
	}
	return gateway.ErrPassed
}

// absent answers which of the positions do not hold the delivery that should be there.
// The comparison runs inside Redis, because XRANGE would send every payload back.
const absent = `
local gone = {}
for i = 1, #ARGV, 2 do
  local e = redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i])
  local id = false
  if e[1] then
    for f = 1, #e[1][2], 2 do
      if e[1][2][f] == 'id' then id = e[1][2][f + 1] end
    end
  end
  if id ~= ARGV[i + 1] then gone[#gone + 1] = (i - 1) / 2 end
end
return gone`

// Missing returns those of the placed deliveries that are not in their streams, in the
// order given.
func (s *Streams) Missing(ctx context.Context, c gateway.Country, placed []gateway.Waiting) ([]gateway.Waiting, error) {
	var out []gateway.Waiting
	for _, lane := range []bool{true, false} {
		ws := slices.DeleteFunc(slices.Clone(placed), func(w gateway.Waiting) bool { return w.Urgent != lane })
		for chunk := range slices.Chunk(ws, 128) { // a script holds up all of Redis: keep it short
			args := make([]any, 0, 2*len(chunk))
			for _, w := range chunk {
				args = append(args, position(w.At), w.ID)
			}
			gone, err := s.Client.Eval(ctx, absent, []string{streamOf(c, lane)}, args...).Int64Slice()
			if err != nil {
				return nil, fmt.Errorf("comparing streams: %w", err)
			}
			for _, i := range gone {
				if i < 0 || int(i) >= len(chunk) {
					return nil, errors.New("comparing streams: Redis answers about something else")
				}
				out = append(out, chunk[i])
			}
		}
	}
	return out, nil
}

// Remove deletes entries; one that is not there is no error. They are acknowledged too:
// final evidence has come for them, whether or not their consumer lived to say so.
func (s *Streams) Remove(ctx context.Context, c gateway.Country, ws []gateway.Waiting) error {
	at := map[string][]string{}
	for _, w := range ws {
		key := streamOf(c, w.Urgent)
		at[key] = append(at[key], position(w.At))
	}
	for key, ids := range at {
		pipe := s.Client.TxPipeline()
		pipe.XAck(ctx, key, adapters, ids...)
		pipe.XDel(ctx, key, ids...)
		if _, err := pipe.Exec(ctx); err != nil {
			return fmt.Errorf("removing deliveries: %w", err)
		}
	}
	return nil
}

func streamOf(c gateway.Country, overtakes bool) string {
	if overtakes {
		return urgent(c)
	}
	return deliveries(c)
}

func position(id gateway.StreamID) string {
	return strconv.FormatUint(id.Generation, 10) + "-" + strconv.FormatUint(id.Sequence, 10)
}

// passed recognises Redis's refusal of a position that is not larger than the last, which
// has no code of its own.
func passed(err error) bool {
	return strings.Contains(err.Error(), "equal or smaller than the target stream top item")
}
