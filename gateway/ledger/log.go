package ledger

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"example.org/trm/gateway"
	"example.org/trm/gateway/ledger/quorum"
)

// Options of a log. Those without a default are required.
type Options struct {
	// Origin is that of the running year: the region's name, a slash, the year. What
	// succeeded it after a roll-back is found in the store.
	Origin string
	Store  Store
	Signer *Signer // under the region's name; each origin is signed under its own
	Guard  *Guard
	// Policy is whose cosignatures a checkpoint needs, as the directory in force says.
	Policy func() quorum.Policy
	// Addresses say where witnesses listen, by their names in the policy, in the place of
	// what it says.
	Addresses map[string]string
	// Pace is the shortest time from one round of cosignatures to the next. Default 250 ms.
	Pace time.Duration
	// Client asks witnesses. Default: one that gives up after 10 seconds.
	Client *http.Client
	// Renumber is called with the origin in which pairs are to be numbered from now on,
	// when a roll-back is noticed. Default: nobody.
	Renumber func(origin string)
	Log      *slog.Logger         // nil: silence
	Now      func() time.Time     // nil: time.Now
	Meter    metric.MeterProvider // nil: no metrics
}

// Log gives entries their places, signs checkpoints and has them witnessed, and makes
// proofs and tiles. [New] makes one. Every process may read; [Log.Run] is for one at a time,
// which holds a lease. Safe for concurrent use.
type Log struct {
	o         Options
	key       quorum.Key // under the region's name
	wake      chan struct{}
	published chan struct{} // there is something to be witnessed
	turned    chan struct{} // another origin began
	askers    askers

	mu    sync.Mutex // guards state
	state state
}

// state is what the one process that signs knows.
type state struct {
	leads    bool
	origin   string
	held     tree   // on disk
	doubt    bool   // whether that is all: a transaction failed that may have been done
	signed   tree   // signed, and safe outside the database
	note     []byte // the signed checkpoint, nil where there is none
	at       time.Time
	draft    []byte // signed for the eyes of witnesses: they say whether it may be published
	unproven bool   // nothing outside the database says how far the log had come
	fresh    bool   // nothing was ever signed, as far as this side knows
	blocked  error  // why the guard cannot be written, which is tried again and again
	refused  error
	checked  time.Time // when it was last asked whether the refusal still holds

	witnessed int64     // size of the newest witnessed checkpoint of origin
	behind    time.Time // since when there is something that is not witnessed; zero where there is not
}

// New makes a log. It reads and writes nothing yet.
func New(o Options) (*Log, error) {
	o.Pace = cmp.Or(o.Pace, 250*time.Millisecond)
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 10 * time.Second}
	}
	if o.Renumber == nil {
		o.Renumber = func(string) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	l := &Log{o: o, key: o.Signer.Key(), wake: make(chan struct{}, 1), published: make(chan struct{}, 1), turned: make(chan struct{}, 1)}
	if base(o.Origin) != o.Origin || !quorum.ValidName(o.Origin) || len(o.Origin) <= len(l.key.Name)+1 || o.Origin[:len(l.key.Name)+1] != l.key.Name+"/" {
		return nil, fmt.Errorf("making the log: the origin is %q, and the log's key is %q: an origin is that name, a slash, and a year", o.Origin, l.key.Name)
	}
	l.askers.log = l
	l.Wake()
	return l, l.observe(o.Meter)
}

// Wake says that there are new entries. It never blocks.
func (l *Log) Wake() { signal(l.wake) }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is awake
	}
}

// Check compares the database with what was signed, as [Log.Run] does first: so that a
// process notices a roll-back before it receives anything. What it finds stays in
// [Log.Standing]; an error means that it could not look.
func (l *Log) Check(ctx context.Context) error {
	s, err := l.check(ctx)
	if err != nil {
		return fmt.Errorf("checking the log: %w", err)
	}
	if s.refused != nil {
		l.o.Log.Error("the log signs nothing", "err", s.refused)
		l.renumber(ctx)
	}
	l.change(func(old *state) { *old = s })
	return nil
}

// renumber leaves the numbers behind that were given before a roll-back.
func (l *Log) renumber(ctx context.Context) {
	var known []string
	if logs, err := l.o.Store.Logs(ctx); err == nil {
		for _, h := range logs {
			known = append(known, h.Origin)
		}
	}
	if raw, err := l.o.Guard.Read(); err == nil {
		if c, err := signedBy(l.key, raw); err == nil {
			known = append(known, c.Origin)
		}
	}
	next := Next(l.o.Origin, known...)
	l.o.Log.Warn("numbers pairs in another origin, because numbers may have been given that the database does not know", "origin", next)
	l.o.Renumber(next)
}

// check finds out where the log stands: what the guard proves, what the database holds.
func (l *Log) check(ctx context.Context) (state, error) {
	logs, err := l.o.Store.Logs(ctx)
	if err != nil {
		return state{}, err
	}
	raw, err := l.o.Guard.Read()
	if err != nil {
		return state{}, err
	}
	s := state{checked: l.o.Now()}
	if raw == nil {
		return l.unguarded(ctx, s, logs)
	}
	c, err := signedBy(l.key, raw)
	if err != nil {
		s.refused = fmt.Errorf("%w: %s. A new key begins with a new region: bring back the key, or the file", err, l.o.Guard.Path())
		return s, nil
	}
	s.origin, s.signed, s.note = c.Origin, tree{c.Size, c.Root}, raw
	next, err := l.successor(ctx, logs, raw)
	if err != nil {
		return state{}, err
	}
	if next != "" {
		s.origin, s.signed, s.note = next, tree{}, nil
	} else if err := holds(ctx, l.o.Store, logs, c, "the guard file "+l.o.Guard.Path()); err != nil {
		return s.refuse(err)
	}
	if last := logs[len(logs)-1]; last.Origin != s.origin {
		return s.refuse(rewritten("the guard file "+l.o.Guard.Path(), c.Origin, c.Size))
	}
	return l.measure(ctx, s, logs)
}

// refuse keeps what forbids signing; any other error is one of looking.
func (s state) refuse(err error) (state, error) {
	if !errors.Is(err, ErrRolledBack) && !errors.Is(err, ErrRewritten) {
		return state{}, err
	}
	s.refused = err
	return s, nil
}

// unguarded is where nothing outside the database is known: a log that is new begins, any
// other shows its witnesses first what it would publish.
func (l *Log) unguarded(ctx context.Context, s state, logs []gateway.LogHead) (state, error) {
	if len(logs) == 0 {
		s.origin, s.fresh = l.o.Origin, true
		return s, l.o.Store.Begin(ctx, s.origin, nil, nil)
	}
	last := logs[len(logs)-1]
	s.origin = last.Origin
	if len(logs) == 1 && last.Size == 0 {
		s.fresh = true
		return s, nil
	}
	s.unproven = true
	if l.o.Policy().Alone() {
		s.refused = unguarded(l.o.Guard.Path())
	}
	return l.measure(ctx, s, logs)
}

// successor is the log that began by committing to a checkpoint.
func (l *Log) successor(ctx context.Context, logs []gateway.LogHead, checkpoint []byte) (string, error) {
	for _, h := range logs {
		d, err := Began(ctx, l.o.Store, h.Origin)
		if err != nil {
			return "", err
		}
		if d.Checkpoint == string(checkpoint) {
			return h.Origin, nil
		}
	}
	return "", nil
}

// measure reads the tree that the database holds.
func (l *Log) measure(ctx context.Context, s state, logs []gateway.LogHead) (state, error) {
	s.held.size, _ = sizeOf(s.origin, logs)
	var err error
	if s.held.size > 0 {
		s.held.root, err = tlog.TreeHash(s.held.size, stored(ctx, l.o.Store, s.origin))
	}
	return s, err
}

// now is a copy of the state.
func (l *Log) now() state {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

func (l *Log) change(f func(*state)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(&l.state)
}

// refuse ends signing until an operator has done something.
func (l *Log) refuse(ctx context.Context, err error) {
	l.o.Log.Error("the log signs nothing", "err", err)
	l.renumber(ctx)
	l.change(func(s *state) { s.refused, s.checked = err, l.o.Now() })
}

// sign makes the checkpoint of a tree.
func (l *Log) sign(origin string, t tree) ([]byte, error) {
	text := Checkpoint{origin, t.size, t.root}.Text()
	return note.Sign(&note.Note{Text: text}, l.o.Signer.Named(origin))
}

// Checkpoint returns the newest signed checkpoint of the log, with or without cosignatures;
// [ErrUnknown] where nothing is signed yet.
func (l *Log) Checkpoint(ctx context.Context, origin string) ([]byte, error) {
	s := l.now()
	if s.leads && s.origin == origin && s.note != nil && s.signed.size > s.witnessed {
		return s.note, nil
	}
	raw, _, err := l.o.Store.Checkpoint(ctx, origin, 1<<40)
	if err != nil {
		return nil, err
	}
	if !s.leads { // another process signs, and keeps the newest there
		if kept, err := l.o.Guard.Read(); err == nil && bytes.HasPrefix(kept, []byte(origin+"\n")) {
			if raw == nil || newer(kept, raw) {
				raw = kept
			}
		}
	}
	if raw == nil {
		return nil, ErrUnknown
	}
	return raw, nil
}

func newer(a, b []byte) bool {
	x, errX := ParseCheckpoint(string(a))
	y, errY := ParseCheckpoint(string(b))
	return errX == nil && (errY != nil || x.Size > y.Size)
}
