package queue

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"example.org/trm/gateway"
)

// Acks gives the gateway's signed acknowledgements to handle until ctx ends, from the
// oldest that Redis still has: each at least once, and all of them again after a restart.
// An error of handle gives the same one again, after a pause.
func (c *Consumer) Acks(ctx context.Context, handle func(ctx context.Context, ack string) error) error {
	k, pause := &link{log: c.Log}, newBackoff()
	last := "0-0"
	for ctx.Err() == nil {
		next, err := c.acks(ctx, last, handle)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			k.down(err)
			pause.sleep(ctx)
		default:
			k.up()
			pause.reset()
		}
		last = next
	}
	return nil
}

// acks handles what came after last and returns how far it got.
func (c *Consumer) acks(ctx context.Context, last string, handle func(context.Context, string) error) (string, error) {
	answer, err := c.Client.XRead(ctx, &redis.XReadArgs{Streams: []string{acks(c.Country), last}, Count: 64, Block: block}).Result()
	if errors.Is(err, redis.Nil) {
		return c.rewound(ctx, last)
	}
	if err != nil {
		return last, err
	}
	for _, e := range answer[0].Messages {
		if ack, ok := field(e.Values, "ack", maxEvidence); ok {
			if err := handle(resume(ctx, traceOf(e.Values)), ack); err != nil {
				return last, err
			}
		}
		last = e.ID
	}
	return last, nil
}

// rewound notices that the stream was lost and begins anew with lower positions, as a
// clock that went back gives them: waiting for higher ones would wait for ever.
func (c *Consumer) rewound(ctx context.Context, last string) (string, error) {
	newest, err := c.Client.XRevRangeN(ctx, acks(c.Country), "+", "-", 1).Result()
	if err != nil {
		return last, err
	}
	if len(newest) == 1 && before(newest[0].ID, last) {
		return "0-0", nil
	}
	return last, nil
}

// before compares two positions as Redis writes them.
func before(a, b string) bool {
	x, y := positionOf(a), positionOf(b)
	return x.Generation < y.Generation || x.Generation == y.Generation && x.Sequence < y.Sequence
}

func positionOf(s string) (id gateway.StreamID) {
	ms, seq, _ := strings.Cut(s, "-")
	id.Generation, _ = strconv.ParseUint(ms, 10, 64)
	id.Sequence, _ = strconv.ParseUint(seq, 10, 64)
	return id
}
