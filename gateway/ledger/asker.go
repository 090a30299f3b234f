package ledger

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"example.org/trm/gateway/ledger/quorum"
)

// askers are the witnesses of the policies that were in force, by their keys.
type askers struct {
	log *Log
	mu  sync.Mutex // guards all
	all map[string]*asker
	run sync.WaitGroup
}

// asker asks one witness, one question at a time.
type asker struct {
	log  *Log
	busy chan struct{}       // holds one value while a question is under way
	logs map[string]*cosigns // by origin; guarded by busy
	mu   sync.Mutex          // guards last
	last int64               // the size that it has cosigned of the running log
}

// cosigns is what is known of a witness and one log.
type cosigns struct {
	size   int64 // that it has cosigned
	failed int
	again  time.Time // not before
}

// answer is what became of a question.
type answer struct {
	name string // of the witness in the policy
	line string // its cosignature
	err  error
}

// ask asks every witness of a policy about a checkpoint. As many answers come as it has
// witnesses; whoever needs no more need not take them.
func (as *askers) ask(ctx context.Context, p quorum.Policy, t target) <-chan answer {
	out := make(chan answer, len(p.Witnesses))
	for _, w := range p.Witnesses {
		a := as.of(w.Key)
		as.run.Go(func() {
			line, err := a.ask(ctx, w, t)
			out <- answer{w.Name, line, err}
		})
	}
	return out
}

func (as *askers) of(k quorum.Key) *asker {
	as.mu.Lock()
	defer as.mu.Unlock()
	if as.all == nil {
		as.all = map[string]*asker{}
	}
	a, ok := as.all[k.String()]
	if !ok {
		a = &asker{log: as.log, busy: make(chan struct{}, 1), logs: map[string]*cosigns{}}
		as.all[k.String()] = a
	}
	return a
}

// wait waits for the questions that are under way.
func (as *askers) wait() { as.run.Wait() }

var (
	errNowhere = errors.New("the policy has no address for it, nor has the configuration")
	errResting = errors.New("it did not answer, and is not asked again yet")
	errPassed  = errors.New("the round went on without it")
)

// ask asks for a cosignature, after whatever was asked before.
func (a *asker) ask(ctx context.Context, w quorum.WitnessRow, t target) (string, error) {
	url := w.URL
	if at := a.log.o.Addresses[w.Name]; at != "" {
		url = at
	}
	if url == "" {
		return "", errNowhere
	}
	select {
	case a.busy <- struct{}{}:
		defer func() { <-a.busy }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	running := a.log.now()
	if t.origin == running.origin && t.tree.size < running.witnessed {
		return "", errPassed
	}
	of := a.logs[t.origin]
	if of == nil {
		of = &cosigns{}
		a.logs[t.origin] = of
	}
	if time.Now().Before(of.again) {
		return "", errResting
	}
	line, err := a.add(ctx, strings.TrimSuffix(url, "/")+"/add-checkpoint", w.Key, of.size, t)
	switch {
	case err == nil:
		*of = cosigns{size: t.tree.size}
		if t.origin == running.origin {
			a.mu.Lock()
			a.last = t.tree.size
			a.mu.Unlock()
		}
	case ctx.Err() == nil:
		of.failed++
		of.again = time.Now().Add(backOff(of.failed))
	}
	return line, err
}

// add is the call of C2SP tlog-witness. A witness that has cosigned another size than we
// remember says which, and is asked again from there.
func (a *asker) add(ctx context.Context, url string, key quorum.Key, old int64, t target) (string, error) {
	for range 3 {
		body, err := a.request(ctx, old, t)
		if err != nil {
			return "", err
		}
		status, kind, text, err := a.post(ctx, url, body)
		switch {
		case err != nil:
			return "", err
		case status == http.StatusOK:
			_, n, err := OpenCheckpoint(append(bytes.Clone(t.note), text...), a.log.key.Named(t.origin), key)
			if err != nil {
				return "", err
			}
			if line := cosignatureLine(n, key); line != "" {
				return line, nil
			}
			return "", errors.New("its answer holds no cosignature of its key")
		case status == http.StatusConflict && kind == "text/x.tlog.size":
			size, err := strconv.ParseInt(strings.TrimSuffix(text, "\n"), 10, 64)
			if err != nil || size < 0 {
				return "", errors.New("its answer is no size")
			}
			if size > t.tree.size {
				return "", fmt.Errorf("%w: it has cosigned %d entries of %s, and the database holds %d", ErrContradicted, size, t.origin, t.tree.size)
			}
			old = size
		case status == http.StatusConflict || status == http.StatusUnprocessableEntity:
			return "", fmt.Errorf("%w: of %s it has cosigned %d entries that are not among the database's", ErrContradicted, t.origin, old)
		default:
			return "", fmt.Errorf("it answers %d", status)
		}
	}
	return "", errors.New("it names another size each time")
}

// request is the body: what the witness has, the proof from there, the checkpoint.
func (a *asker) request(ctx context.Context, old int64, t target) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "old %d\n", old)
	if old > 0 && old < t.tree.size {
		proof, err := tlog.ProveTree(t.tree.size, old, stored(ctx, a.log.o.Store, t.origin))
		if err != nil {
			return nil, fmt.Errorf("proving that the log grew from %d to %d: %w", old, t.tree.size, err)
		}
		for _, h := range proof {
			b.WriteString(base64.StdEncoding.EncodeToString(h[:]) + "\n")
		}
	}
	b.WriteByte('\n')
	b.Write(t.note)
	return b.Bytes(), nil
}

// maxAnswer bounds what a witness can make us read.
const maxAnswer = 16 << 10

func (a *asker) post(ctx context.Context, url string, body []byte) (status int, kind, text string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, "", "", errors.New("its address is none")
	}
	res, err := a.log.o.Client.Do(req)
	if err != nil {
		return 0, "", "", err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	return res.StatusCode, res.Header.Get("Content-Type"), string(raw), err
}
