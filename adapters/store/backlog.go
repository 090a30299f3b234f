package store

import (
	"context"
	"fmt"
	"time"
)

// Owed is how much of one kind is unfinished, and since when.
type Owed struct {
	Count  int
	Oldest time.Time // zero where nothing is
}

// Backlog is what this journal still owes somebody.
type Backlog struct {
	Outbox   Owed // envelopes to which the gateway has given no answer
	Taken    Owed // deliveries that have not ended, from when they were taken
	Evidence Owed // evidence that the gateway has not acknowledged
	Notices  Owed // people who are still to be told that a message waits
}

// Backlog counts what is unfinished.
func (s *Store) Backlog(ctx context.Context) (Backlog, error) {
	var b Backlog
	for _, q := range []struct {
		into  *Owed
		query string
	}{
		{&b.Outbox, `SELECT count(*), ifnull(min(stored_at), 0) FROM outbox WHERE state = 'stored'`},
		{&b.Taken, `SELECT count(*), ifnull(min(taken_at), 0) FROM delivery WHERE state = 'taken'`},
		{&b.Evidence, `SELECT count(*), ifnull(min(made_at), 0) FROM evidence WHERE state = 'untold'`},
		{&b.Notices, `SELECT count(*), ifnull(min(due_at), 0) FROM ring WHERE state = 'pending'`},
	} {
		var oldest int64
		if err := s.reading(ctx).Row(q.query).Scan(&q.into.Count, &oldest); err != nil {
			return Backlog{}, fmt.Errorf("counting what is unfinished: %w", err)
		}
		q.into.Oldest = fromMillis(oldest)
	}
	return b, nil
}
