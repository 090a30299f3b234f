package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/ledger/quorum"
	"example.org/trm/gateway/trust"
	"example.org/trm/test/canary"
	"example.org/trm/test/examiner"
	"example.org/trm/test/nation"
	"example.org/trm/test/redistest"
)

// Options say what a region is made of. The zero value is Montenegro and Serbia, both with
// file drops.
type Options struct {
	// Countries have an adapter, in this order. Default me, rs.
	Countries []gateway.Country
	// Systems are the countries whose adapter posts to a national system. The others have
	// folders.
	Systems map[gateway.Country]*nation.System
	// HTTPS are the countries whose adapter takes its deliveries from the gateway's door,
	// as behind a firewall that refuses Redis.
	HTTPS []gateway.Country
	// Certs is a folder of development keys, as certs.Develop makes it. Default: made for
	// this region. Regions that are compared share one.
	Certs string
	// Settings, if set, changes the configuration of a country's adapter before it starts.
	Settings func(c gateway.Country, config map[string]any)
	// Alarms are errors that the region is expected to report, each a part of a line. Any
	// other fails the test, and so does one that is expected and is not there.
	Alarms []string
}

// patience is how long the region may take to end everything, on a machine that has other
// things to do.
const patience = 2 * time.Minute

// Region is a running region. Its methods fail the test when they cannot do what they
// say; they are for the test's own goroutine, but for [Region.Send].
type Region struct {
	Dir       string // everything that the region's processes write, but for Redis
	URL       string // the gateway's door
	Gateway   *Program
	Redis     *redistest.Server
	Adapters  map[gateway.Country]*Adapter
	Spans     *Spans
	Directory *trust.Directory
	Certs     string
	Witnesses []*Witness // of the log, in the order of the directory's policy

	t         testing.TB
	alarms    []string
	settings  func(gateway.Country, map[string]any)
	operators string
	countries []gateway.Country
	stopped   bool
	logKey    quorum.Key
	policy    quorum.Policy
	heads     map[string]examiner.Head // how far the log had come at the last check
	last      []byte                   // what the gateway's metrics were before it stopped

	mu     sync.Mutex // guards what follows
	sent   []*Sent
	seen   [][]byte // answers of the door and of local APIs, for the search
	birds  canary.Flock
	places map[string]place // by canary, where it may be
}

// New starts a region and waits until all of it is ready. At the end of the test it is
// checked and stopped. Without redis-server, or with -short, the test is skipped.
func New(t testing.TB, o Options) *Region {
	t.Helper()
	if testing.Short() {
		t.Skip("starts processes")
	}
	r := &Region{
		Dir: t.TempDir(), t: t, alarms: o.Alarms, settings: o.Settings, countries: o.Countries, Certs: o.Certs,
		Adapters: map[gateway.Country]*Adapter{}, places: map[string]place{},
	}
	if len(r.countries) == 0 {
		r.countries = []gateway.Country{"me", "rs"}
	}
	if r.Certs == "" {
		r.Certs = filepath.Join(t.TempDir(), "certs")
		if _, err := certs.Develop(r.Certs, certs.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if r.Directory, err = trust.OpenFolder(r.Certs, time.Now()); err != nil {
		t.Fatal(err)
	}
	r.Redis = redistest.Start(t, "--rdbcompression", "no") // compressed, a canary would not be found
	r.Spans = newSpans(t)
	r.startWitnesses()
	t.Cleanup(r.end)
	r.startGateway()
	for _, c := range r.countries {
		r.startAdapter(c, o.Systems[c], slices.Contains(o.HTTPS, c))
	}
	for _, a := range r.Adapters {
		a.Ready()
	}
	return r
}

// startGateway starts gatewayd and waits until it can receive safely.
func (r *Region) startGateway() {
	if err := os.MkdirAll(filepath.Dir(r.Log().Guard), 0o700); err != nil {
		r.t.Fatal(err)
	}
	door := freeAddress(r.t)
	r.URL, r.operators = "http://"+door, freeAddress(r.t)
	config := r.write("gatewayd.yaml", map[string]any{
		"listen": door, "operators": r.operators, "certs": r.Certs, "development": true,
		"journal":   filepath.Join(r.Dir, "gateway", "journal.db"),
		"redis":     map[string]any{"addresses": []string{r.Redis.Addr()}},
		"otlp":      r.Spans.URL,
		"reconcile": "2s",
		"log":       map[string]any{"guard": r.Log().Guard, "witnesses": r.witnessesAt()},
		"limits":    map[string]any{"rate": 2000, "burst": 2000},
	})
	r.Gateway = newProgram(r.t, "gatewayd", r.Dir, program(r.t, "gatewayd"), config)
	r.Gateway.Start()
	r.Ready()
}

// Ready waits until the gateway says that it can receive safely.
func (r *Region) Ready() {
	r.t.Helper()
	r.await("the gateway to be ready", 30*time.Second, func() error { return r.Gateway.ready(r.URL + "/readyz") })
}

// write makes a configuration file. JSON is YAML.
func (r *Region) write(name string, config map[string]any) string {
	r.t.Helper()
	b, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		r.t.Fatal(err)
	}
	path := filepath.Join(r.Dir, name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		r.t.Fatal(err)
	}
	return path
}

// await asks again and again until done returns nil. It fails the test with the last
// answer when patience ends, or when the context of the test does.
func (r *Region) await(what string, patience time.Duration, done func() error) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.t.Context()), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := done()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			r.t.Fatalf("waiting for %s: %v", what, err)
		}
	}
}

// programs are all processes but Redis.
func (r *Region) programs() []*Program {
	all := []*Program{r.Gateway}
	for _, c := range r.countries {
		if a, ok := r.Adapters[c]; ok {
			all = append(all, a.Program)
		}
	}
	return slices.DeleteFunc(all, func(p *Program) bool { return p == nil })
}

// Stop checks the region, ends all processes but Redis as their operators do, and searches
// once more. What was written stays. The end of the test does it where nobody did.
func (r *Region) Stop() {
	r.t.Helper()
	if r.stopped {
		return
	}
	r.stopped = true
	if !r.t.Failed() {
		r.Check()
	}
	r.last = r.Metrics()
	for _, p := range slices.Backward(r.programs()) {
		p.Stop()
	}
	if !r.t.Failed() {
		for _, f := range r.Strays() {
			r.t.Errorf("after the end: %s", f)
		}
	}
}

func (r *Region) end() {
	r.Stop()
	if !r.t.Failed() {
		return
	}
	for _, p := range r.programs() {
		r.t.Logf("the end of what %s printed:\n%s", p.Name, p.tail(25))
	}
}

// Metrics is what the gateway shows its operator; once it has stopped, what it showed
// last.
func (r *Region) Metrics() []byte {
	b, _, err := get("http://"+r.operators+"/metrics", "")
	if err != nil {
		return r.last
	}
	return b
}

// Plant makes a canary of a value that may be nowhere.
func (r *Region) Plant(value string) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.birds.Add(fmt.Sprintf("canary %d, of nowhere", r.birds.Len()+1), value); err != nil {
		r.t.Fatal(err)
	}
}

// keep remembers an answer for the search.
func (r *Region) keep(b []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, b)
}

// program finds a program that [Main] built.
func program(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv(Programs)
	if dir == "" {
		t.Fatalf("finding %s: the tests of this package need a TestMain that is os.Exit(harness.Main(m))", name)
	}
	path, err := exec.LookPath(filepath.Join(dir, name))
	if err != nil {
		t.Fatalf("finding %s: %v", name, err)
	}
	return path
}

// freeAddress is an address of loopback where nobody listens, below the ports that the
// kernel gives to callers, so that it is still free after a restart.
func freeAddress(t testing.TB) string {
	t.Helper()
	for range 100 {
		a := net.JoinHostPort("127.0.0.1", fmt.Sprint(12000+rand.N(8000)))
		l, err := net.Listen("tcp", a)
		if err == nil {
			_ = l.Close()
			return a
		}
	}
	t.Fatal("no free port on loopback")
	return ""
}
