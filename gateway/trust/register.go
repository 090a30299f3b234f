package trust

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"example.org/trm/gateway"
)

// Register is what a process knows of the directory: every one that it took, in order,
// the statements over them and the newest confirmation. What was taken is on disk before
// it counts, so that nothing older is believed after a restart. Safe for concurrent use;
// one process per folder.
type Register struct {
	Log *slog.Logger // nil is silence

	state state
	live  *Live

	mu           sync.Mutex // guards what follows
	taken        []*Directory
	told         told
	confirmation []byte
	changed      chan struct{} // closed and replaced when another activation is due
}

// OpenRegister opens the register in a folder, which is made if it is not there. First is
// the directory that the process was installed with: it is verified with the pins, each
// later one with the keys that the one before lists.
func OpenRegister(folder string, pins Pins, first []byte, now time.Time) (*Register, error) {
	r, err := openRegister(state(folder), pins, first, now)
	if err != nil {
		return nil, fmt.Errorf("opening the register of directories: %w", err)
	}
	return r, nil
}

func openRegister(s state, pins Pins, first []byte, now time.Time) (*Register, error) {
	r, err := recall(s, pins, first, now)
	if err != nil {
		return nil, err
	}
	for _, d := range r.taken {
		if err := s.keepDirectory(d); err != nil {
			return nil, err
		}
	}
	return r, s.tidy()
}

// recall reads a folder and writes nothing.
func recall(s state, pins Pins, first []byte, now time.Time) (*Register, error) {
	r := &Register{state: s, changed: make(chan struct{})}
	kept, err := s.directories()
	if err != nil {
		return nil, err
	}
	shipped, err := verify(first, pins)
	if err != nil {
		return nil, err
	}
	if len(kept) == 0 || kept[0].Number > shipped.Number() {
		kept = append([]numbered{{shipped.Number(), first}}, kept...)
	}
	for _, k := range kept {
		if err := r.append(k.raw, pins); err != nil {
			return nil, fmt.Errorf("directory %d: %w", k.Number, err)
		}
	}
	if err := r.know(shipped); err != nil {
		return nil, err
	}
	if err := r.recallStatements(); err != nil {
		return nil, err
	}
	d := r.due(now)
	if d == nil {
		return nil, r.taken[0].inForce(now)
	}
	if err := d.inForce(now); err != nil {
		return nil, err
	}
	r.live = NewLive(d)
	if r.confirmation, err = s.confirmation(); err != nil {
		return nil, err
	}
	return r, nil
}

// append verifies the next directory of the chain and lists it.
func (r *Register) append(raw []byte, pins Pins) error {
	if len(r.taken) == 0 {
		d, err := verify(raw, pins)
		if err == nil {
			r.taken = append(r.taken, d)
		}
		return err
	}
	last := r.taken[len(r.taken)-1]
	d, err := verify(raw, last.Pins())
	if err != nil {
		return err
	}
	if d, err = d.over(last.told); err != nil {
		return err
	}
	if err := d.succeeds(last); err != nil {
		return err
	}
	if d.Number() > last.Number() {
		r.taken = append(r.taken, d)
	}
	return nil
}

// know asks whether the directory that the process was installed with is one that was
// taken, or may be taken now.
func (r *Register) know(shipped *Directory) error {
	for _, d := range r.taken {
		if d.Number() == shipped.Number() {
			if d.digest != shipped.digest {
				return fault(NumberReused, fmt.Sprint(d.Number()))
			}
			return nil
		}
	}
	if shipped.Number() < r.taken[len(r.taken)-1].Number() {
		return fault(RolledBack, fmt.Sprint(shipped.Number()))
	}
	return r.append(shipped.signed, Pins{})
}

// recallStatements proves what was told again, each with the directory of its time: the
// one in force now may list other keys.
func (r *Register) recallStatements() error {
	kept, err := r.state.statements()
	if err != nil {
		return err
	}
	t := told{}.clone()
	for _, jws := range kept {
		s, err := prove(jws, r.keyAt, r.anyKey)
		if err != nil {
			return err
		}
		t.merge(jws, s)
	}
	return r.tell(t)
}

// tell puts every directory under what was told.
func (r *Register) tell(t told) error {
	over := make([]*Directory, len(r.taken))
	for i, d := range r.taken {
		var err error
		if over[i], err = d.over(t); err != nil {
			return err
		}
	}
	r.taken, r.told = over, t
	return nil
}

// anyKey finds a key in any directory that was taken, the newest first.
func (r *Register) anyKey(id string) (gateway.Key, bool) {
	for i := len(r.taken) - 1; i >= 0; i-- {
		if k, ok := r.taken[i].Key(id); ok {
			return k, true
		}
	}
	return gateway.Key{}, false
}

// keyAt finds a key as the directory in force at t lists it: one that was removed since
// says nothing more.
func (r *Register) keyAt(id string, t time.Time) (gateway.Key, bool) {
	if d := r.due(t); d != nil {
		return d.Key(id)
	}
	return r.taken[0].Key(id)
}

// due is the directory whose time has come, nil before the first one's.
func (r *Register) due(now time.Time) *Directory {
	for i := len(r.taken) - 1; i >= 0; i-- {
		if !r.taken[i].Activates().After(now) || i == 0 && !r.taken[i].Activates().After(now.Add(gateway.Skew)) {
			return r.taken[i]
		}
	}
	return nil
}

// Live is the directory in force, for everybody who looks something up. It follows the
// register while [Register.Run] runs.
func (r *Register) Live() *Live { return r.live }

// Seen is the highest number taken, in force or waiting.
func (r *Register) Seen() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.taken[len(r.taken)-1].Number()
}

// Waiting lists the directories that were taken and are not in force yet.
func (r *Register) Waiting() []*Directory {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []*Directory
	for _, d := range r.taken {
		if d.Number() > r.live.Current().Number() {
			out = append(out, d)
		}
	}
	return out
}

// Take takes up the next directory: signed by the quorum of the last one taken, higher in
// number, and taking nothing from a country that did not sign. It comes into force at its
// time. The same bytes again are no error; what is refused leaves everything as it was.
func (r *Register) Take(raw []byte, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.taken
	if err := r.append(raw, Pins{}); err != nil {
		return fmt.Errorf("taking a directory: %w", err)
	}
	if len(r.taken) == len(before) {
		return nil
	}
	d := r.taken[len(r.taken)-1]
	err := d.inForce(now)
	if errors.Is(err, NotYetInForce) {
		err = nil
	}
	if err == nil {
		err = r.state.keepDirectory(d)
	}
	if err != nil {
		r.taken = before
		return fmt.Errorf("taking a directory: %w", err)
	}
	r.log("took directory", "number", d.Number(), "activates", d.Activates())
	r.turn(now)
	return nil
}

// Tell takes up a statement: at the gateway as its first reader, who refuses one that is
// dated back by more than [Prompt]; elsewhere ([Register.Heard]) as it was published.
func (r *Register) Tell(jws string, now time.Time) error {
	s, err := ReadStatement(jws)
	if err != nil {
		return fmt.Errorf("taking a statement: %w", err)
	}
	if now.Sub(s.Issued) > Prompt {
		return fmt.Errorf("taking a statement: %w", fault(TooOld, string(s.By)))
	}
	return r.Heard(jws, now)
}

// Heard takes up a statement that the gateway has published. It is in force at once.
func (r *Register) Heard(jws string, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := prove(jws, r.keyAt, r.anyKey)
	switch {
	case err != nil:
		return fmt.Errorf("taking a statement: %w", err)
	case s.Issued.After(now.Add(gateway.Skew)):
		return fmt.Errorf("taking a statement: %w", fault(FromTheFuture, string(s.By)))
	}
	t := r.told.clone()
	t.merge(jws, s)
	if len(t.signed) == len(r.told.signed) {
		return nil
	}
	if err := r.state.keepStatement(jws); err != nil {
		return fmt.Errorf("taking a statement: %w", err)
	}
	if err := r.tell(t); err != nil {
		return fmt.Errorf("taking a statement: %w", err)
	}
	r.live.Swap(r.sameNumber(r.live.Current()))
	r.log("took statement", "kind", string(s.Kind), "party", string(s.By))
	r.turn(now)
	return nil
}

func (r *Register) sameNumber(as *Directory) *Directory {
	for _, d := range r.taken {
		if d.Number() == as.Number() {
			return d
		}
	}
	return as
}

// Confirm takes up a confirmation. One that is about another directory is kept too: that
// this process is behind is what it is for.
func (r *Register) Confirm(raw []byte, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, err := r.live.Current().Confirmed(raw, now)
	if err != nil && !errors.Is(err, OtherDocument) {
		return err
	}
	if last, _ := r.live.Current().confirmed(r.confirmation, c.Issued); last.Issued.After(c.Issued) {
		return fmt.Errorf("taking a confirmation: %w", fault(RolledBack, ""))
	}
	if err := r.state.keepConfirmation(raw); err != nil {
		return fmt.Errorf("taking a confirmation: %w", err)
	}
	r.confirmation = raw
	return nil
}

// Standing says how well the directory in force is known to be the newest.
func (r *Register) Standing(now time.Time) Standing {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.live.Current()
	s := Standing{Expired: !now.Before(d.Expires())}
	if r.confirmation == nil {
		return s
	}
	c, err := d.confirmed(r.confirmation, now)
	s.Until, s.Confirmed, s.Behind = c.Expires, err == nil, errors.Is(err, OtherDocument)
	return s
}

// Turn brings into force what is due, and returns when the next one will be: zero where
// none waits.
func (r *Register) Turn(now time.Time) (next time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.turn(now)
}

func (r *Register) turn(now time.Time) (next time.Time) {
	current := r.live.Current().Number()
	if d := r.due(now); d != nil && d.Number() > current {
		r.live.Swap(d)
		r.log("directory in force", "number", d.Number())
		current = d.Number()
	}
	for _, d := range r.taken {
		if d.Number() > current {
			next = d.Activates()
			break
		}
	}
	close(r.changed)
	r.changed = make(chan struct{})
	return next
}

// Run brings directories into force when their time comes, until ctx ends. It returns
// nil then.
func (r *Register) Run(ctx context.Context) error {
	for {
		r.mu.Lock()
		next := r.turn(time.Now())
		changed := r.changed
		r.mu.Unlock()
		wait := time.Hour // the clock may be set meanwhile
		if !next.IsZero() {
			wait = min(wait, time.Until(next))
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-changed:
			t.Stop()
		case <-t.C:
		}
	}
}

func (r *Register) log(msg string, args ...any) {
	if r.Log != nil {
		r.Log.Info(msg, args...)
	}
}
