package ledger

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Standing is what an operator asks of the log.
type Standing struct {
	Leads     bool      // this process signs; the others wait for its lease
	Origin    string    // of the running log
	Held      int64     // entries that have their places
	Signed    int64     // entries under the newest signed checkpoint
	Witnessed int64     // entries under the newest that has the witnesses that it needs
	Waiting   int       // entries without place
	Behind    time.Time // since when something signed is not witnessed; zero where all is
	Unguarded bool      // the guard is lost: nothing is signed before witnesses have confirmed what the database holds
	Refused   error     // why nothing is signed
}

// Standing says how the log stands.
func (l *Log) Standing(ctx context.Context) (Standing, error) {
	s := l.now()
	n, err := l.o.Store.Waiting(ctx)
	return Standing{s.leads, s.origin, s.held.size, s.signed.size, s.witnessed, n, s.behind, s.unproven, cmpOr(s.refused, s.blocked)}, err
}

// String is the standing in one line.
func (s Standing) String() string {
	switch {
	case s.Refused != nil:
		return s.Refused.Error()
	case s.Unguarded:
		return fmt.Sprintf("the guard file is lost, and witnesses are asked whether the %d entries of %s are all", s.Held, s.Origin)
	case !s.Leads:
		return "another process signs"
	case s.Signed > s.Witnessed:
		return fmt.Sprintf("%d entries of %s are published, %d of them witnessed", s.Signed, s.Origin, s.Witnessed)
	}
	return fmt.Sprintf("%d entries of %s are published and witnessed", s.Signed, s.Origin)
}

const scope = "example.org/trm/gateway/ledger"

// observe shows how the log stands whenever somebody collects metrics. The only label is a
// witness' name in the policy.
func (l *Log) observe(p metric.MeterProvider) error {
	if p == nil {
		return nil
	}
	m := p.Meter(scope)
	gauge := func(name, what string) (g metric.Int64ObservableGauge, err error) {
		return m.Int64ObservableGauge(name, metric.WithDescription(what))
	}
	size, err := gauge("trm.log.size", "Entries under the newest signed checkpoint.")
	if err != nil {
		return fmt.Errorf("making metrics: %w", err)
	}
	lag, err := gauge("trm.log.published.lag", "Entries that are recorded and under no signed checkpoint yet.")
	if err != nil {
		return fmt.Errorf("making metrics: %w", err)
	}
	refused, err := gauge("trm.log.refused", "1 while the log signs nothing, because the database does not hold what was signed.")
	if err != nil {
		return fmt.Errorf("making metrics: %w", err)
	}
	pending, err := gauge("trm.log.pending", "Entries under a signed checkpoint that too few witnesses have cosigned: their receipts are pending.")
	if err != nil {
		return fmt.Errorf("making metrics: %w", err)
	}
	age, err := m.Float64ObservableGauge("trm.log.pending.age", metric.WithUnit("s"), metric.WithDescription("How long something has been published and not witnessed."))
	if err != nil {
		return fmt.Errorf("making metrics: %w", err)
	}
	witness, err := gauge("trm.witness.lag", "Entries that are published and that the witness has not cosigned.")
	if err != nil {
		return fmt.Errorf("making metrics: %w", err)
	}
	_, err = m.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		s, err := l.Standing(ctx)
		if err != nil || !s.Leads {
			return err
		}
		o.ObserveInt64(size, s.Signed)
		o.ObserveInt64(lag, max(0, s.Held-s.Signed)+int64(s.Waiting))
		o.ObserveInt64(pending, max(0, s.Signed-s.Witnessed))
		old, stopped := 0.0, int64(0)
		if !s.Behind.IsZero() {
			old = max(0, l.o.Now().Sub(s.Behind).Seconds())
		}
		if s.Refused != nil {
			stopped = 1
		}
		o.ObserveFloat64(age, old)
		o.ObserveInt64(refused, stopped)
		for _, w := range l.o.Policy().Witnesses {
			a := l.askers.of(w.Key)
			a.mu.Lock()
			o.ObserveInt64(witness, max(0, s.Signed-a.last), metric.WithAttributes(attribute.String("witness", w.Name)))
			a.mu.Unlock()
		}
		return nil
	}, size, lag, refused, pending, age, witness)
	if err != nil {
		return fmt.Errorf("making metrics: %w", err)
	}
	return nil
}
