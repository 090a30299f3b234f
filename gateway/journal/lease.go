package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"example.org/trm/gateway/journal/sqlite"
)

// Lease gives name to holder for term, or extends it if holder has it: on disk when it
// returns. It is not given while another's term runs. The fence rises with every change
// of holder and never falls, so that what was written under an older one can be told. A
// term of 0 gives the lease back.
func (j *Journal) Lease(ctx context.Context, name, holder string, term time.Duration) (fence int64, held bool, err error) {
	err = j.writer.Do(ctx, func(tx *sqlite.Tx) error {
		now := j.o.Now()
		err := tx.Row(`INSERT INTO leases (name, holder, fence, until) VALUES (?1, ?2, 1, ?3)
			ON CONFLICT DO UPDATE SET holder = ?2, until = ?3, fence = fence + (holder <> ?2)
			WHERE holder = ?2 OR until <= ?4 RETURNING fence`,
			name, holder, now.Add(term).UnixMilli(), now.UnixMilli()).Scan(&fence)
		held = err == nil
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return 0, false, fmt.Errorf("leasing %s: %w", name, err)
	}
	return fence, held && term > 0, nil
}

// Alone runs what one process at a time may do, such as dispatching to a country: it
// waits for the lease, renews it three times a term, and ends the context of run when it
// could not be renewed for a whole term, before another process can have it. It returns
// what run returns when ctx ends or run does.
func (j *Journal) Alone(ctx context.Context, name, holder string, term time.Duration, run func(context.Context) error) error {
	for ctx.Err() == nil {
		begun := time.Now()
		_, held, err := j.Lease(ctx, name, holder, term)
		if err == nil && held {
			over, err := j.whileHeld(ctx, name, holder, term, begun, run)
			if over {
				return err
			}
			j.o.Log.Warn("lost a lease", "lease", name, "err", err)
		}
		wait(ctx, term/3)
	}
	return nil
}

// whileHeld runs until run ends or the lease is lost; over says that there is nothing
// left to do.
func (j *Journal) whileHeld(ctx context.Context, name, holder string, term time.Duration, renewed time.Time, run func(context.Context) error) (over bool, err error) {
	held, lose := context.WithCancel(ctx)
	defer lose()
	done := make(chan error, 1)
	go func() { done <- run(held) }()
	for {
		t := time.NewTimer(term / 3)
		select {
		case err := <-done:
			t.Stop()
			if held.Err() == nil || ctx.Err() != nil {
				// Given back, so that another need not wait; if that fails, it waits.
				_, _, _ = j.Lease(context.WithoutCancel(ctx), name, holder, 0)
				return true, err
			}
			return false, err
		case <-t.C:
		}
		now := time.Now()
		_, ok, err := j.Lease(held, name, holder, term)
		switch {
		case err == nil && ok:
			renewed = now
		case err == nil || time.Since(renewed) > 2*term/3:
			lose() // and wait for run to end
		}
	}
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
