package region

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"example.org/trm/certs"
	"example.org/trm/gateway/ledger/quorum"
	"example.org/trm/gateway/ledger/witness"
	"example.org/trm/gateway/trust"
)

// startWitnesses runs the witnesses that the directory's policy names, each with its own
// key and its own memory, and returns where they listen. In a real region they are other
// institutions', on other machines; here they show what they do.
func startWitnesses(ctx context.Context, running *errgroup.Group, o Options) (map[string]string, error) {
	d, err := trust.OpenFolder(o.Dir, o.Now())
	if err != nil {
		return nil, err
	}
	listed, ok := d.Log()
	if !ok {
		return nil, nil
	}
	key, err := quorum.ParseKey(listed.Key)
	if err != nil {
		return nil, err
	}
	policy, err := quorum.Parse(listed.Policy)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(o.Dir, "witnesses"), 0o700); err != nil {
		return nil, err
	}
	at := map[string]string{}
	for _, p := range policy.Witnesses {
		w, err := openWitness(o, p.Name, origins(key, o.Now()))
		if err != nil {
			return nil, fmt.Errorf("starting the witness %s: %w", p.Name, err)
		}
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, errors.Join(err, w.Close())
		}
		at[p.Name] = "http://" + l.Addr().String()
		running.Go(func() error { return serveWitness(ctx, w, l) })
	}
	return at, nil
}

// openWitness opens a witness of the development region, which has cosigned nothing when
// it is opened for the first time.
func openWitness(o Options, name string, logs []witness.Log) (*witness.Witness, error) {
	key, state := filepath.Join(o.Dir, certs.WitnessKeyFile(name)), filepath.Join(o.Dir, "witnesses", name+".state")
	if _, err := os.Stat(state); errors.Is(err, fs.ErrNotExist) {
		if _, err := witness.Begin(key, state); err != nil {
			return nil, err
		}
	}
	var log *slog.Logger
	if o.Log != nil {
		log = o.Log.With("witness", name)
	}
	return witness.New(witness.Options{Key: key, State: state, Logs: logs, Now: o.Now, Log: log})
}

// origins are the logs of this year and the next, and what may succeed them. The operators
// of real witnesses add each when they have heard why it begins.
func origins(key quorum.Key, now time.Time) []witness.Log {
	var out []witness.Log
	for year := now.UTC().Year() - 1; year <= now.UTC().Year()+1; year++ {
		name := key.Name + "/" + strconv.Itoa(year)
		for _, n := range []string{name, name + ".2", name + ".3"} {
			out = append(out, witness.Log{Origin: n, Key: key.Named(n)})
		}
	}
	return out
}

func serveWitness(ctx context.Context, w *witness.Witness, l net.Listener) error {
	s := &http.Server{Handler: w.Handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
	stopped := context.AfterFunc(ctx, func() { _ = s.Close() }) // the log asks again what it was not answered
	defer stopped()
	err := s.Serve(l)
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, w.Close())
}
