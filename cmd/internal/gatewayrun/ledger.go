package gatewayrun

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"example.org/trm/cmd/internal/telemetry"
	"example.org/trm/gateway"
	"example.org/trm/gateway/api"
	"example.org/trm/gateway/journal"
	"example.org/trm/gateway/ledger"
	"example.org/trm/gateway/ledger/quorum"
	"example.org/trm/gateway/trust"
)

// openLog opens the log that the directory lists, nil where it lists none, and compares the
// journal with what was signed: a gateway that was rolled back knows it before it receives.
func (g *Gateway) openLog(ctx context.Context, tel *telemetry.Telemetry) (*ledger.Log, error) {
	listed, ok := g.directory.Current().Log()
	if !ok {
		g.log.Warn("the directory lists no log: nothing can be proven to auditors")
		return nil, nil
	}
	raw, err := os.ReadFile(g.config.Log.Key)
	if err != nil {
		return nil, fmt.Errorf("reading the log's key: %w", err)
	}
	signer, err := ledger.ParseSigner(string(raw), nil)
	if err != nil {
		return nil, fmt.Errorf("reading the log's key %s: %w", g.config.Log.Key, err)
	}
	if signer.Key().String() != listed.Key {
		return nil, fmt.Errorf("the log's key %s is not the one that the directory lists", g.config.Log.Key)
	}
	guard, err := ledger.OpenGuard(g.config.Log.Guard)
	if err != nil {
		return nil, err
	}
	l, err := ledger.New(ledger.Options{
		Origin: g.config.Origin, Store: g.journal, Signer: signer, Guard: guard, Policy: (&rule{of: g.directory}).now,
		Addresses: g.config.Log.Witnesses, Renumber: g.journal.Number, Log: g.log, Now: g.now, Meter: tel.Meter,
	})
	if err != nil {
		return nil, err
	}
	return l, l.Check(ctx)
}

// rule is the policy of the directory in force, read once for each that there is.
type rule struct {
	of     *directory
	mu     sync.Mutex // guards what follows
	text   string
	policy quorum.Policy
}

func (r *rule) now() quorum.Policy {
	l, _ := r.of.Current().Log()
	r.mu.Lock()
	defer r.mu.Unlock()
	if l.Policy != r.text {
		// The directory was checked with the same reader; the zero policy is satisfied by
		// nothing.
		r.policy, _ = quorum.Parse(l.Policy)
		r.text = l.Policy
	}
	return r.policy
}

// enter writes what is in force into the log whenever it changes.
func (g *Gateway) enter(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := g.enterInForce(ctx); err != nil && ctx.Err() == nil {
			g.log.Error("failed", "at", "entering what is in force", "err", err)
		}
	}
}

// enterInForce writes into the log what came into force since it was called last, once it
// is on the shelf. It is called before the door opens, so that every message stands behind
// the policy that decided about it. A log that follows another is told everything anew. Not
// for concurrent use.
func (g *Gateway) enterInForce(ctx context.Context) error {
	logs, err := g.journal.Logs(ctx)
	if err != nil {
		return err
	}
	if n := len(logs); n > 0 && logs[n-1].Origin != g.enteredIn {
		g.enteredIn = logs[n-1].Origin
		clear(g.entered)
		clear(g.told)
	}
	for _, d := range g.inForce() {
		if g.entered[d.Event] == d.Digest {
			continue
		}
		if err := g.keep(); err != nil {
			return err
		}
		d.At = g.now()
		if err := g.journal.InForce(ctx, d); err != nil {
			return err
		}
		g.entered[d.Event] = d.Digest
	}
	return g.enterTold(ctx)
}

// enterTold writes into the log each statement that was taken over the directory, so that
// none can be left out of what an auditor is given.
func (g *Gateway) enterTold(ctx context.Context) error {
	for _, jws := range g.directory.Current().Statements() {
		id := trust.StatementID(jws)
		if g.told[id] {
			continue
		}
		s, err := trust.ReadStatement(jws)
		if err != nil {
			return err
		}
		if err := g.journal.EnterOnce(ctx, gateway.Deed{Event: gateway.StatementTaken, At: g.now(), Digest: id, By: s.By}); err != nil {
			return err
		}
		g.told[id] = true
	}
	return nil
}

// sequence runs the log where this process is the one that does.
func (g *Gateway) sequence(ctx context.Context) error {
	if g.ledger == nil {
		<-ctx.Done()
		return nil
	}
	return g.journal.Alone(ctx, "log", g.config.Name, leaseTerm, g.ledger.Run)
}

// details are what readiness tells beside its checks. Anybody may ask: how many entries
// there are is in the operator's metrics and log.
func (g *Gateway) details() []api.Detail {
	if g.ledger == nil {
		return nil
	}
	return []api.Detail{{Name: "log", Say: func(ctx context.Context) string {
		s, err := g.ledger.Standing(ctx)
		switch {
		case err != nil:
			return "not to be read"
		case s.Refused != nil:
			return "nothing is signed, the gateway's own log says why"
		case !s.Leads:
			return "signed by another process"
		case s.Behind.IsZero():
			return "witnessed"
		}
		return fmt.Sprintf("signed, and not witnessed for %s", g.now().Sub(s.Behind).Round(time.Second))
	}}}
}

// records is the log as the door sees it.
type records struct {
	log     *ledger.Log // nil: none
	journal *journal.Journal
}

// Checkpoint is the newest signed checkpoint of a log, or of the running one.
func (r records) Checkpoint(ctx context.Context, origin string) ([]byte, error) {
	if r.log == nil {
		return nil, gateway.Refuse(gateway.CodeNotFound, "", "")
	}
	if origin == "" {
		s, err := r.log.Standing(ctx)
		if err != nil {
			return nil, err
		}
		origin = s.Origin
	}
	raw, err := r.log.Checkpoint(ctx, origin)
	return raw, plain(err)
}

// Daily is the last checkpoint that was witnessed before today.
func (r records) Daily(ctx context.Context, now time.Time) ([]byte, error) {
	if r.log == nil {
		return nil, gateway.Refuse(gateway.CodeNotFound, "", "")
	}
	raw, err := r.log.Daily(ctx, now)
	return raw, plain(err)
}

// Tile is a tile of hashes or an entry bundle.
func (r records) Tile(ctx context.Context, origin, name string) ([]byte, error) {
	if r.log == nil {
		return nil, gateway.Refuse(gateway.CodeNotFound, "", "")
	}
	raw, err := r.log.Tile(ctx, origin, name)
	return raw, plain(err)
}

// Proofs are the entries about a message, each with its proof once that is witnessed.
func (r records) Proofs(ctx context.Context, id gateway.MessageID) ([]api.Proven, error) {
	list, err := r.journal.Entries(ctx, id)
	if err != nil {
		return nil, err
	}
	out := make([]api.Proven, len(list))
	for i, e := range list {
		out[i].LogEntry = e
		if r.log == nil || e.Leaf == nil {
			continue
		}
		p, err := r.log.Prove(ctx, e.Origin, e.Index)
		switch {
		case err == nil:
			out[i].Proof = p.Marshal()
		case !errors.Is(err, ledger.ErrPending):
			return nil, err
		}
	}
	return out, nil
}

// plain is what a caller is told of what is not there.
func plain(err error) error {
	if errors.Is(err, ledger.ErrUnknown) {
		return gateway.Refuse(gateway.CodeNotFound, "", "")
	}
	return err
}
