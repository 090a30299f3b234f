// Package witness is an independent witness of transparency logs, as C2SP tlog-witness
// describes one: it cosigns a log's newest checkpoint, and only one that provably extends
// what it cosigned before. Two copies of a log that differ can then not both be believed,
// whoever runs the log.
//
// A witness never sees an entry: a checkpoint holds a log's name, its size and one hash.
// It shares nothing with the gateway's log but the form of keys, and cosigns any log of
// C2SP: an institution can also run a witness of another make against the gateway, and
// this one against another log. All that it may never lose is one file with its key and one with
// what it has cosigned.
package witness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"example.org/trm/gateway/ledger/quorum"
)

// Options say who the witness is and what it watches. Key and State are required.
type Options struct {
	Key   string // file with the private key, as Create makes it
	State string // file with what the key has cosigned, as Create makes it
	Logs  []Log  // what it cosigns; it may be empty

	Now func() time.Time // time.Now where nil
	Log *slog.Logger     // nothing is logged where nil
}

// Witness cosigns checkpoints. Its methods are safe for concurrent use. There is one for
// each key, in one process: New refuses a second one.
type Witness struct {
	key   *cosigner
	state string
	now   func() time.Time
	log   *slog.Logger
	lock  *os.File

	mu    sync.Mutex // guards what follows, and the state's file
	logs  map[string][]note.Verifier
	heads map[string]head
}

// head is the newest checkpoint of a log that was cosigned.
type head struct {
	checkpoint
	note []byte // with the log's signatures and our cosignature
	time int64  // of the cosignature, seconds since 1970
	fork []byte // another tree of a size that was cosigned, signed by the log; empty where none was seen
}

// New opens a witness. A key without its state is refused: a witness that has forgotten
// what it cosigned would cosign a second history.
func New(o Options) (*Witness, error) {
	w := &Witness{state: o.State, now: o.Now, log: o.Log}
	if w.now == nil {
		w.now = time.Now
	}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if w.key, err = readKey(o.Key); err != nil {
		return nil, err
	}
	if w.lock, err = lock(o.Key); err != nil {
		return nil, fmt.Errorf("opening the witness's key: another process uses it, and two would cosign two histories: %w", err)
	}
	if w.heads, err = recall(o.State, w.key); err != nil {
		return nil, errors.Join(err, w.lock.Close())
	}
	if err := w.Watch(o.Logs); err != nil {
		return nil, errors.Join(err, w.lock.Close())
	}
	return w, nil
}

// Close lets another process have the key. Nothing is lost without it.
func (w *Witness) Close() error { return w.lock.Close() }

// Key is the witness's public key: what a log and its auditors are given.
func (w *Witness) Key() quorum.Key { return w.key.Key }

// Watch replaces the list of logs. What was cosigned of a log that is no longer on the
// list stays in the state and counts again when the log comes back.
func (w *Witness) Watch(logs []Log) error {
	known := map[string][]note.Verifier{}
	for _, l := range logs {
		v, err := l.verifiers()
		if err != nil {
			return err
		}
		known[l.Origin] = append(known[l.Origin], v...)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.logs = known
	return nil
}

// AddCheckpoint is the call of that name: request is the body, and what it returns is the
// answer's, one line with the cosignature. When it returns nil as error the checkpoint is
// on disk, and no other tree of this size, and no smaller one, is cosigned ever after. The
// same request again gets a cosignature of now. An error is a *Refusal, or the disk's; then
// nothing was cosigned.
func (w *Witness) AddCheckpoint(ctx context.Context, request []byte) ([]byte, error) {
	r, err := parseRequest(request)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := context.Cause(ctx); err != nil {
		return nil, err // nobody waits for it any more
	}
	signed, err := w.verify(r)
	if err != nil {
		return nil, err
	}
	old, known := w.heads[r.Origin]
	if !known {
		old = head{checkpoint: checkpoint{Origin: r.Origin, Root: emptyRoot}}
	}
	if err := w.extends(r, signed, old); err != nil {
		return nil, err
	}
	at, err := w.time(old)
	if err != nil {
		return nil, err
	}
	line, cosigned, err := w.key.cosign(signed, at)
	if err != nil {
		return nil, fmt.Errorf("cosigning: %w", err)
	}
	next := head{checkpoint: r.checkpoint, note: cosigned, time: at, fork: old.fork}
	// The head alone is the promise: the same one again is cosigned anew without waiting
	// for the disk, so that nobody can wear it out by repeating what he has seen.
	if !known || next.checkpoint != old.checkpoint {
		if err := w.keep(next); err != nil {
			return nil, err
		}
		w.log.Info("cosigned checkpoint", "origin", r.Origin, "size", r.Size)
	}
	w.heads[r.Origin] = next
	return line, nil
}

// verify checks the log's signature and returns the note with that one alone: what others
// have signed beside it, or pretend to have, is not ours to keep.
func (w *Witness) verify(r request) (*note.Note, error) {
	keys, ok := w.logs[r.Origin]
	if !ok {
		w.log.Debug("refused checkpoint", "err", "the log is not watched") // its name is anybody's invention
		return nil, refuse(http.StatusNotFound, "this witness does not watch a log of that origin")
	}
	for _, k := range keys {
		if n, err := note.Open(r.note, note.VerifierList(k)); err == nil {
			return &note.Note{Text: n.Text, Sigs: n.Sigs}, nil
		}
	}
	w.log.Warn("refused checkpoint", "origin", r.Origin, "err", "not signed by the log")
	return nil, refuse(http.StatusForbidden, "no signature by a key of that log that this witness trusts")
}

// extends checks that the checkpoint is the one that was cosigned last, or provably
// extends it.
func (w *Witness) extends(r request, signed *note.Note, old head) error {
	if r.old > r.Size {
		return refuse(http.StatusBadRequest, "the old size is larger than the checkpoint's")
	}
	if r.old != old.Size {
		return &Refusal{Status: http.StatusConflict, Reason: "the old size is not the one that was cosigned last", Size: old.Size, Behind: true}
	}
	switch {
	case r.Size == 0 && r.Root != emptyRoot:
		return refuse(http.StatusUnprocessableEntity, "a checkpoint without entries has another root hash than that of no entries")
	case r.old == r.Size:
		if r.Root != old.Root {
			return w.forked(r, signed, old)
		}
		if len(r.proof) > 0 {
			return refuse(http.StatusUnprocessableEntity, "a checkpoint of the same size has no consistency proof")
		}
	case r.old == 0:
		if len(r.proof) > 0 {
			return refuse(http.StatusUnprocessableEntity, "a first checkpoint has no consistency proof")
		}
	default:
		if err := tlog.CheckTree(r.proof, r.Size, r.Root, r.old, old.Root); err != nil {
			w.log.Error("refused checkpoint", "origin", r.Origin, "size", r.Size, "cosigned", old.Size, "err", "it does not provably extend what was cosigned")
			return refuse(http.StatusUnprocessableEntity, "the consistency proof does not lead from what was cosigned to this checkpoint")
		}
	}
	return nil
}

// forked refuses a second tree of a size that was cosigned. Both are signed by the log:
// together they prove to anybody that it has two histories, and so the first such is kept.
func (w *Witness) forked(r request, signed *note.Note, old head) error {
	refusal := refuse(http.StatusConflict, "this witness knows another root hash of that size: the log has two histories")
	w.log.Error("refused checkpoint", "origin", r.Origin, "size", r.Size, "err", "the log has signed two trees of one size")
	if len(old.fork) > 0 || old.note == nil {
		return refusal
	}
	evidence, err := note.Sign(signed)
	if err == nil {
		old.fork = evidence
		err = w.keep(old)
	}
	if err != nil {
		return errors.Join(refusal, err)
	}
	w.heads[r.Origin] = old
	return refusal
}

// patience is how far a clock may be set back, as by a daemon that keeps time, before
// cosigning stops.
const patience = 10 * time.Second

// time is now, and never before the last cosignature of that log: who cosigns a larger
// tree at an earlier time contradicts itself.
func (w *Witness) time(old head) (int64, error) {
	now := w.now().Unix()
	if now >= old.time {
		return now, nil
	}
	if late := time.Duration(old.time-now) * time.Second; late > patience {
		w.log.Error("refused checkpoint", "origin", old.Origin, "err", "the clock was set back", "elapsed", late)
		return 0, refuse(http.StatusServiceUnavailable, "the witness's clock is behind what it has cosigned")
	}
	return old.time, nil
}

// keep makes the state durable with one head replaced.
func (w *Witness) keep(h head) error {
	all := []head{h}
	for origin, other := range w.heads {
		if origin != h.Origin {
			all = append(all, other)
		}
	}
	slices.SortFunc(all, func(a, b head) int { return cmp.Compare(a.Origin, b.Origin) })
	if err := store(w.state, w.key.Key, all); err != nil {
		w.log.Error("keeping what was cosigned", "err", err)
		return err
	}
	return nil
}

// Head is the newest checkpoint of one log that the witness has cosigned.
type Head struct {
	Origin     string    `json:"origin"`
	Size       int64     `json:"size"`
	Root       tlog.Hash `json:"root"`
	Time       time.Time `json:"time"`           // of the cosignature
	Checkpoint string    `json:"checkpoint"`     // signed by the log, cosigned by the witness
	Fork       string    `json:"fork,omitempty"` // another checkpoint of this or an earlier size, signed by the log: the proof that it has two histories
}

// Heads lists what was cosigned, by origin.
func (w *Witness) Heads() []Head {
	w.mu.Lock()
	defer w.mu.Unlock()
	return list(w.heads)
}

// Look reads a state's heads without its key and without disturbing a witness that runs,
// and the public key that signed them.
func Look(state string) (of quorum.Key, heads []Head, err error) {
	of, all, err := look(state)
	return of, list(all), err
}

func list(all map[string]head) []Head {
	out := []Head{}
	for _, h := range all {
		out = append(out, Head{h.Origin, h.Size, h.Root, time.Unix(h.time, 0).UTC(), string(h.note), string(h.fork)})
	}
	slices.SortFunc(out, func(a, b Head) int { return cmp.Compare(a.Origin, b.Origin) })
	return out
}

// Refusal is why a checkpoint was not cosigned, in the terms of the protocol.
type Refusal struct {
	Status int    // of HTTP
	Reason string // for who reads it
	Behind bool   // the old size was not Size, which is the newest cosigned
	Size   int64
}

func refuse(status int, reason string) *Refusal { return &Refusal{Status: status, Reason: reason} }

func (r *Refusal) Error() string { return "witness: " + r.Reason }
