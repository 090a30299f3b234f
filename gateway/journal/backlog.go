package journal

import (
	"context"
	"fmt"
	"time"

	"example.org/trm/gateway"
)

// Backlog is what is unfinished for one country, on both its streams together: more would
// tell the lane.
type Backlog struct {
	Country gateway.Country
	Waiting int       // recorded, not yet in Redis: held by their thread, or Redis is away
	Placed  int       // in Redis, without final evidence
	Oldest  time.Time // the receipt of the oldest
}

// Backlogs returns the countries for which something is unfinished, in alphabetical order.
func (j *Journal) Backlogs(ctx context.Context) ([]Backlog, error) {
	var out []Backlog
	err := j.reader.Query(ctx, func(scan func(...any) error) error {
		var b Backlog
		var oldest int64
		err := scan(&b.Country, &b.Waiting, &b.Placed, &oldest)
		b.Oldest = fromSeconds(oldest)
		out = append(out, b)
		return err
	}, `SELECT d.country, sum(d.generation = 0), sum(d.generation > 0), min(m.received_at)
		FROM deliveries d JOIN messages m ON m.seq = d.message
		WHERE d.final = '' GROUP BY d.country ORDER BY d.country`)
	if err != nil {
		return nil, fmt.Errorf("reading backlogs: %w", err)
	}
	return out, nil
}
