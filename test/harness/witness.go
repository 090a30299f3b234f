package harness

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"example.org/trm/certs"
	"example.org/trm/gateway/ledger/quorum"
	"example.org/trm/gateway/ledger/witness"
)

// Witness is one of the institutions that cosign the gateway's log.
type Witness struct {
	*witness.Witness
	Name string // in the directory's policy
	URL  string

	away, mute atomic.Bool
}

// Away makes the witness answer nobody, as when its machine is down, until it is told
// otherwise: a request is not done.
func (w *Witness) Away(away bool) { w.away.Store(away) }

// Mute makes the witness cosign and lose the answer, until it is told otherwise.
func (w *Witness) Mute(mute bool) { w.mute.Store(mute) }

func (w *Witness) ServeHTTP(out http.ResponseWriter, in *http.Request) {
	switch {
	case w.away.Load():
		panic(http.ErrAbortHandler)
	case w.mute.Load():
		w.Handler().ServeHTTP(httptest.NewRecorder(), in)
		panic(http.ErrAbortHandler)
	}
	w.Handler().ServeHTTP(out, in)
}

// startWitnesses starts those of the directory's policy, each with a memory of its own:
// regions may share keys, and never a history.
func (r *Region) startWitnesses() {
	r.t.Helper()
	log, ok := r.Directory.Log()
	if !ok {
		r.t.Fatal("the development directory lists no log")
	}
	var err error
	if r.policy, err = quorum.Parse(log.Policy); err != nil {
		r.t.Fatal(err)
	}
	if r.logKey, err = quorum.ParseKey(log.Key); err != nil {
		r.t.Fatal(err)
	}
	var watched []witness.Log
	for _, year := range []int{time.Now().UTC().Year(), time.Now().UTC().Year() + 1} {
		for _, after := range []string{"", ".2", ".3"} {
			watched = append(watched, witness.Log{Origin: fmt.Sprintf("%s/%d%s", log.Name, year, after), Key: r.logKey})
		}
	}
	for _, row := range r.policy.Witnesses {
		dir := filepath.Join(r.Dir, "witnesses", row.Name)
		raw, err := os.ReadFile(filepath.Join(r.Certs, certs.WitnessKeyFile(row.Name)))
		if err == nil {
			err = os.MkdirAll(dir, 0o700)
		}
		o := witness.Options{Key: filepath.Join(dir, "key"), State: filepath.Join(dir, "state"), Logs: watched}
		if err == nil {
			err = os.WriteFile(o.Key, raw, 0o600)
		}
		if err == nil {
			_, err = witness.Begin(o.Key, o.State)
		}
		w := &Witness{Name: row.Name}
		if err == nil {
			w.Witness, err = witness.New(o)
		}
		if err != nil {
			r.t.Fatal(err)
		}
		s := httptest.NewServer(w)
		r.t.Cleanup(func() { s.Close(); _ = w.Close() })
		w.URL = s.URL
		r.Witnesses = append(r.Witnesses, w)
	}
}

// witnessesAt are their addresses, as the gateway's configuration takes them.
func (r *Region) witnessesAt() map[string]string {
	at := map[string]string{}
	for _, w := range r.Witnesses {
		at[w.Name] = w.URL
	}
	return at
}
