package gatewayrun

import (
	"context"
	"fmt"
	"os"
	"time"

	"example.org/trm/gateway/journal"
	"example.org/trm/gateway/ledger"
	"example.org/trm/gateway/ledger/quorum"
)

// shelf is the log of a configuration as a tool reaches it, beside a gateway that may be
// running.
type shelf struct {
	journal *journal.Journal
	signer  *ledger.Signer
	guard   *ledger.Guard
}

func (c Config) withLog(do func(shelf) error) error {
	return c.withJournal(func(j *journal.Journal) error {
		raw, err := os.ReadFile(c.Log.Key)
		if err != nil {
			return fmt.Errorf("reading the log's key: %w", err)
		}
		signer, err := ledger.ParseSigner(string(raw), nil)
		if err != nil {
			return fmt.Errorf("reading the log's key %s: %w", c.Log.Key, err)
		}
		guard, err := ledger.OpenGuard(c.Log.Guard)
		if err != nil {
			return err
		}
		return do(shelf{j, signer, guard})
	})
}

// Succeed begins a new origin of the log after a roll-back, which commits to the last
// checkpoint that was signed: the guard's, or the one given. A gateway that runs goes on in
// it within seconds. It returns the origin.
func Succeed(ctx context.Context, c Config, checkpoint []byte) (origin string, err error) {
	now := time.Now()
	err = c.orDefaults(now).withLog(func(s shelf) error {
		origin, err = ledger.Succeed(ctx, s.journal, s.signer.Key(), s.guard, checkpoint, now)
		return err
	})
	return origin, err
}

// Shown is what a log's files say of it, compared with each other.
type Shown struct {
	Origin    string `json:"origin"`    // in which the database goes on; empty where no log has begun
	Held      int64  `json:"held"`      // entries in the database
	Waiting   int    `json:"waiting"`   // entries without place
	Signed    int64  `json:"signed"`    // entries under the newest signed checkpoint
	Witnessed int64  `json:"witnessed"` // entries under the newest with the witnesses that it needs
	Wrong     string `json:"wrong,omitempty"`
}

// Show looks at the log of a configuration, whether a gateway runs or not, and changes
// nothing.
func Show(ctx context.Context, c Config) (out Shown, err error) {
	c = c.orDefaults(time.Now())
	err = c.withLog(func(s shelf) error {
		if logs, err := s.journal.Logs(ctx); err != nil || len(logs) == 0 {
			return err
		}
		l, err := ledger.New(ledger.Options{
			Origin: c.Origin, Store: s.journal, Signer: s.signer, Guard: s.guard, Policy: func() quorum.Policy { return quorum.Policy{} },
		})
		if err == nil {
			err = l.Check(ctx)
		}
		if err != nil {
			return err
		}
		at, err := l.Standing(ctx)
		if err != nil {
			return err
		}
		out = Shown{Origin: at.Origin, Held: at.Held, Waiting: at.Waiting, Signed: at.Signed}
		if at.Refused != nil || at.Unguarded {
			out.Wrong = at.String()
		}
		raw, _, err := s.journal.Checkpoint(ctx, at.Origin, 1<<40)
		if err != nil || raw == nil {
			return err
		}
		w, err := ledger.ParseCheckpoint(string(raw))
		out.Witnessed = w.Size
		return err
	})
	return out, err
}
