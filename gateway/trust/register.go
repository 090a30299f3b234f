package trust

import (
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
	Log *slog.Logger     // nil is silence
	Now func() time.Time // the clock that [Register.Run] goes by; nil is time.Now

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

// TakeFolder takes up the directories that a register of another folder has taken, as a
// renewal leaves them, in order and as far as they are new here.
func (r *Register) TakeFolder(folder string, now time.Time) error {
	theirs, err := state(folder).directories()
	if err != nil {
		return fmt.Errorf("taking directories: %w", err)
	}
	for _, k := range theirs {
		if k.Number <= r.Seen() {
			continue
		}
		if err := r.Take(k.raw, now); err != nil {
			return err
		}
	}
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

func (r *Register) log(msg string, args ...any) {
	if r.Log != nil {
		r.Log.Info(msg, args...)
	}
}
