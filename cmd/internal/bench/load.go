package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/policy"
	"example.org/trm/gateway/trust"
	"example.org/trm/schemas"
)

// audience is the gateway's name in assertions, which is its default.
const audience = "urn:trm:gateway"

// message is one of the load, and what became of it. What stands below the line is the
// tally's to guard, except where a message says itself that it is done.
type message struct {
	raw    []byte
	head   gateway.Head
	digest gateway.Digest
	before *message // of its thread; it is sent once that one is received
	done   chan struct{}

	due, received         time.Time // written before done is closed, read after
	receipt               string    // the same
	delivered, evidenced  time.Time
	arrivals              []arrival
	acknowledged          int
	threadIndex, position int // which thread, and the place in it
}

// desk has the keys of every party: it signs the load, calls as each sender, and proves.
type desk struct {
	dir       string
	keys      map[gateway.Party]*certs.Keys
	directory *trust.Directory
	catalogue *schemas.Set
	policy    *policy.Policy
}

// openDesk makes the development set where there is none.
func openDesk(dir string) (*desk, error) {
	if _, err := os.Stat(filepath.Join(dir, "directory.json")); errors.Is(err, fs.ErrNotExist) {
		if _, err := certs.Develop(dir, certs.Options{}); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	pins, signed, err := trust.ReadFolder(dir)
	if err != nil {
		return nil, err
	}
	d := &desk{dir: dir, keys: map[gateway.Party]*certs.Keys{}}
	if d.directory, err = trust.Open(signed, pins, time.Now(), 0); err != nil {
		return nil, err
	}
	for _, p := range d.directory.Parties() {
		if d.keys[p], err = certs.Load(dir, p); err != nil {
			return nil, err
		}
	}
	if d.catalogue, err = schemas.Open(); err != nil {
		return nil, err
	}
	d.policy, err = policy.Default()
	return d, err
}

// load signs the messages. They go over threads in turn, so that the next of a thread
// comes as late as it can.
func (d *desk) load(ctx context.Context, o Options) ([]*message, error) {
	example, ok := d.catalogue.Example(o.Type + "/1.0")
	if !ok {
		return nil, fmt.Errorf("there is no example of %s", o.Type)
	}
	drafts := make([]outgoing.Draft, min(o.Threads, o.Warmup+o.Messages))
	for i := range drafts {
		var err error
		if drafts[i], err = begin(example, o.Pairs[i%len(o.Pairs)]); err != nil {
			return nil, err
		}
	}
	load := make([]*message, o.Warmup+o.Messages)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range load {
		group.Go(func() (err error) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			load[i], err = d.sign(drafts[i%len(drafts)])
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("signing the load: %w", err)
	}
	bytes := 0
	for i, m := range load {
		m.threadIndex, m.position = i%len(drafts), i/len(drafts)
		if i >= len(drafts) {
			m.before = load[i-len(drafts)]
		}
		bytes += len(m.raw)
	}
	if bytes > MaxBytes {
		return nil, fmt.Errorf("signing the load: %d MB are more than the %d that are kept in memory; ask for fewer messages", bytes>>20, MaxBytes>>20)
	}
	return load, nil
}

// begin makes of an example the first draft of a thread between two coordinators.
func begin(example []byte, p Pair) (outgoing.Draft, error) {
	var m map[string]any
	if err := json.Unmarshal(example, &m); err != nil {
		return outgoing.Draft{}, err
	}
	m["from"], m["to"], m["thread"] = string(p.From)+"/coordinator", string(p.To)+"/coordinator", newID()
	if _, ok := m["answerBy"]; ok { // a file cannot hold a date that lies ahead
		m["answerBy"] = time.Now().UTC().Add(24 * time.Hour).Truncate(time.Second).Format(time.RFC3339)
	}
	plain, err := json.Marshal(m)
	if err != nil {
		return outgoing.Draft{}, err
	}
	return outgoing.ParseDraft(plain)
}

func (d *desk) sign(draft outgoing.Draft) (*message, error) {
	k, ok := d.keys[draft.From]
	if !ok {
		return nil, fmt.Errorf("%s has no keys", draft.From)
	}
	out := outgoing.Desk{Directory: d.directory, Catalogue: d.catalogue, Policy: d.policy, Now: time.Now, NewID: newID}
	signed, err := out.Sign(draft, gateway.ThreadFacts{}, k, outgoing.Options{})
	if err != nil {
		return nil, err
	}
	p, err := envelope.Codec{}.Decode(signed.Raw)
	if err != nil {
		return nil, err
	}
	return &message{raw: signed.Raw, head: p.Head, digest: p.Digest, done: make(chan struct{})}, nil
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }
