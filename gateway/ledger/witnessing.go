package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"example.org/trm/gateway/ledger/quorum"
)

// ErrContradicted says that witnesses know another history than the database.
var ErrContradicted = errors.New("witnesses have cosigned another history")

// target is a checkpoint that is to be witnessed.
type target struct {
	origin string
	tree   tree
	note   []byte
}

// greeting is how long a new log waits for its witnesses before it begins without them.
const greeting = 3 * time.Second

// greet shows the witnesses that a log is new. Its empty tree is the beginning of every
// history, and a witness that knows more says so: then it is the database that is new, and
// not the log. Those that are away are not waited for.
func (l *Log) greet(ctx context.Context) {
	p, origin := l.o.Policy(), l.now().origin
	root, err := tlog.TreeHash(0, nil)
	if err != nil {
		return
	}
	signed, err := l.sign(origin, tree{root: root})
	if err != nil {
		return // what is wrong with the key shows again when there is something to sign
	}
	ctx, cancel := context.WithTimeout(ctx, greeting)
	defer cancel()
	answers, contradict := l.askers.ask(ctx, p, target{origin, tree{root: root}, signed}), map[string]error{}
	var errs []error
	for range p.Witnesses {
		if a := <-answers; errors.Is(a.err, ErrContradicted) {
			contradict[a.name] = a.err
			errs = append(errs, fmt.Errorf("%s: %w", a.name, a.err))
		}
	}
	_ = l.unsatisfied(ctx, p, contradict, errors.Join(errs...)) // refuses, or has said what it heard
}

// recall finds out how far each log was witnessed before this process began.
func (l *Log) recall(ctx context.Context) error {
	s := l.now()
	raw, _, err := l.o.Store.Checkpoint(ctx, s.origin, 1<<40)
	if err != nil || raw == nil {
		return err
	}
	c, err := ParseCheckpoint(string(raw))
	if err != nil {
		return fmt.Errorf("reading the last witnessed checkpoint: %w", err)
	}
	l.change(func(s *state) {
		s.witnessed = c.Size
		if s.signed.size > c.Size {
			s.behind = l.o.Now()
		}
	})
	return nil
}

// witness has the newest checkpoint cosigned, round after round, until ctx ends. One round
// is one checkpoint: cosignatures of different ones make no quorum. What is published
// meanwhile waits for the next round, which covers all of it.
func (l *Log) witness(ctx context.Context) {
	for failed := 0; ctx.Err() == nil; {
		t, ok := l.target()
		if !ok {
			select {
			case <-ctx.Done():
			case <-l.published:
			}
			continue
		}
		begun := time.Now()
		if err := l.round(ctx, t); err != nil {
			if failed == 0 && ctx.Err() == nil {
				l.o.Log.Warn("a checkpoint is not witnessed yet, and receipts stay pending until one is", "origin", t.origin, "size", t.tree.size, "err", err)
			}
			failed++
			rest(ctx, backOff(failed))
			continue
		}
		if failed > 0 {
			l.o.Log.Info("checkpoints are witnessed again", "origin", t.origin, "size", t.tree.size)
		}
		failed = 0
		rest(ctx, l.o.Pace-time.Since(begun))
	}
}

// finish has the last checkpoint of a log that was succeeded witnessed, where it was not:
// without haste, and without being in the way of the running log.
func (l *Log) finish(ctx context.Context) {
	for failed := 0; ctx.Err() == nil; {
		t, ok, err := l.ended(ctx)
		if err == nil && ok {
			err = l.round(ctx, t)
		}
		if err == nil {
			failed = 0
			select {
			case <-ctx.Done():
			case <-l.turned:
			}
			continue
		}
		if failed == 0 && ctx.Err() == nil {
			l.o.Log.Warn("the last checkpoint of a log that has ended is not witnessed", "origin", t.origin, "size", t.tree.size, "err", err)
		}
		failed++
		rest(ctx, 4*backOff(failed))
	}
}

// backOff is how long to wait after so many rounds in vain: at most 15 seconds, and never
// for everybody the same.
func backOff(failed int) time.Duration {
	d := min(15*time.Second, 250*time.Millisecond<<min(failed, 8))
	return d/2 + rand.N(d/2)
}

func rest(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// target is the running log's newest checkpoint, where that is not witnessed.
func (l *Log) target() (target, bool) {
	switch s := l.now(); {
	case s.refused != nil:
	case s.draft != nil:
		return target{s.origin, s.held, s.draft}, true
	case s.signed.size > s.witnessed:
		return target{s.origin, s.signed, s.note}, true
	}
	return target{}, false
}

// ended is the last checkpoint of the log that the running one succeeded, where it lacks its
// witnesses and the database still holds it.
func (l *Log) ended(ctx context.Context) (t target, ok bool, err error) {
	of, err := Began(ctx, l.o.Store, l.now().origin)
	if err != nil || of.Of == "" {
		return t, false, err
	}
	last := []byte(of.Checkpoint)
	c, err := signedBy(l.key, last)
	if err != nil {
		return t, false, err
	}
	logs, err := l.o.Store.Logs(ctx)
	if err != nil {
		return t, false, err
	}
	kept, _, err := l.o.Store.Checkpoint(ctx, of.Of, 1<<40)
	if err != nil || kept != nil && !newer(last, kept) {
		return t, false, err
	}
	err = holds(ctx, l.o.Store, logs, c, "")
	if errors.Is(err, ErrRolledBack) || errors.Is(err, ErrRewritten) {
		return t, false, nil // what was lost with a database can be proven to nobody
	}
	return target{c.Origin, tree{c.Size, c.Root}, last}, true, err
}

// round asks every witness for a cosignature of one checkpoint and ends when there are
// enough, or no more to come.
func (l *Log) round(ctx context.Context, t target) error {
	p := l.o.Policy()
	key := l.key.Named(t.origin)
	answers := l.askers.ask(ctx, p, t)
	lines, contradict := map[string]string{}, map[string]error{}
	var errs []error
	for n := 0; !p.Satisfied(func(name string) bool { return lines[name] != "" }); n++ {
		if n == len(p.Witnesses) {
			return l.unsatisfied(ctx, p, contradict, errors.Join(errs...))
		}
		a := <-answers
		switch {
		case a.err == nil:
			lines[a.name] = a.line
		case errors.Is(a.err, ErrContradicted):
			contradict[a.name] = a.err
			fallthrough
		default:
			errs = append(errs, fmt.Errorf("%s: %w", a.name, a.err))
		}
	}
	whole := bytes.Clone(t.note)
	for _, w := range p.Witnesses {
		whole = append(whole, lines[w.Name]...)
	}
	if _, n, err := OpenCheckpoint(whole, key, WitnessKeys(p)...); err != nil || !Satisfied(p, n) {
		return fmt.Errorf("putting cosignatures together: %w", cmpOr(err, ErrUnwitnessed))
	}
	return l.seen(ctx, t, whole)
}

func cmpOr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// unsatisfied ends signing where so many witnesses know another history that no quorum can
// be had without them. Fewer may be wrong themselves: they are reported.
func (l *Log) unsatisfied(ctx context.Context, p quorum.Policy, contradict map[string]error, err error) error {
	if len(contradict) == 0 {
		return err
	}
	l.o.Log.Error("a witness knows another history of the log", "err", err)
	if p.Satisfied(func(name string) bool { return contradict[name] == nil }) {
		return err
	}
	l.refuse(ctx, fmt.Errorf("%w: %w. %s", ErrContradicted, err, bringBack))
	return err
}

// seen makes a witnessed checkpoint the one in which proofs are given.
func (l *Log) seen(ctx context.Context, t target, whole []byte) error {
	day := l.o.Now().Unix() / (24 * 60 * 60)
	if err := l.o.Store.Witnessed(ctx, t.origin, day, t.tree.size, whole); err != nil {
		return err
	}
	if s := l.now(); s.unproven && s.origin == t.origin {
		// Enough witnesses have seen that it extends what they knew: so it may be published.
		if err := l.o.Guard.Keep(t.note); err != nil {
			return err
		}
		l.change(func(s *state) { s.unproven, s.draft, s.signed, s.note, s.at = false, nil, t.tree, t.note, l.o.Now() })
		l.o.Log.Info("witnesses have confirmed what the database holds: the log goes on", "origin", t.origin, "size", t.tree.size)
		l.Wake()
	}
	l.change(func(s *state) {
		if s.origin != t.origin {
			return
		}
		s.witnessed = max(s.witnessed, t.tree.size)
		if s.behind = (time.Time{}); s.signed.size > s.witnessed {
			s.behind = s.at
		}
	})
	return nil
}

// cosignatureLine is the line of one key in a note that was opened.
func cosignatureLine(n *note.Note, k quorum.Key) string {
	for _, s := range n.Sigs {
		if s.Name == k.Name && s.Hash == k.ID() {
			return fmt.Sprintf("— %s %s\n", s.Name, s.Base64)
		}
	}
	return ""
}
