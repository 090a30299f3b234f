package deploy

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/redis/go-redis/v9"
)

// rehearsal runs what docker-compose.yml runs, without containers: the same programs with
// the same arguments and the same files, in which only paths, ports and the names of
// hosts are those of this machine.
type rehearsal struct {
	dir     string
	trm     string
	project *types.Project
	ports   map[string]string // by what others call it: "redis:6379"
	running map[string]*process

	mu    sync.Mutex // guards spans
	spans [][]byte
}

func rehearse(t *testing.T) *rehearsal {
	t.Helper()
	if testing.Short() {
		t.Skip("starts processes")
	}
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no redis-server on the PATH: install it (apt-get install redis-server)")
		}
		t.Skip("no redis-server on the PATH: this test needs a real one (apt-get install redis-server)")
	}
	r := &rehearsal{dir: t.TempDir(), project: project(t), ports: map[string]string{}, running: map[string]*process{}}
	r.trm = buildTool(t, r.dir)
	for _, name := range []string{"redis:6379", "gateway:8440", "gateway:9464", "adapter-ba:8090", "adapter-ba:9465", "adapter-rs:8090", "adapter-rs:9465", "witness-al:8448", "witness-md:8448", "witness-me:8448"} {
		r.ports[name] = freePort(t)
	}
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		b, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.spans = append(r.spans, b)
	}))
	t.Cleanup(collector.Close)
	r.ports["otel-collector:4318"] = collector.URL[strings.LastIndex(collector.URL, ":")+1:]

	output(t, nil, r.command(t, "keys")...)
	r.running["redis"] = launch(t, r.dir, "redis", r.command(t, "redis")...)
	r.healthy(t, "redis")
	for _, name := range witnesses {
		r.running[name] = launch(t, r.dir, name, r.command(t, name)...)
	}
	for _, name := range []string{"gateway", "adapter-ba", "adapter-rs"} {
		r.running[name] = launch(t, r.dir, name, r.command(t, name)...)
		r.healthy(t, name)
	}
	return r
}

// witnesses are the services that cosign the log.
var witnesses = []string{"witness-al", "witness-md", "witness-me"}

// volume is the folder that stands for a volume.
func (r *rehearsal) volume(name string) string {
	if site, ok := strings.CutPrefix(name, "site-"); ok {
		return filepath.Join(r.dir, "site", site)
	}
	if name == "region" || slices.Contains(witnesses, name) { // keys makes them too
		return filepath.Join(r.dir, "site", name)
	}
	return filepath.Join(r.dir, "volumes", name)
}

// local puts what is on this machine in the place of what is in a service's container.
func (r *rehearsal) local(t *testing.T, service, text string) string {
	t.Helper()
	s := r.project.Services[service]
	var pairs []string
	for _, v := range s.Volumes {
		if err := os.MkdirAll(r.volume(v.Source), 0o755); err != nil {
			t.Fatal(err)
		}
		pairs = append(pairs, v.Target, r.volume(v.Source))
	}
	for name, port := range r.ports {
		host, inside, _ := strings.Cut(name, ":")
		pairs = append(pairs, name, "localhost:"+port)
		if host == service {
			pairs = append(pairs, "0.0.0.0:"+inside, "127.0.0.1:"+port, "tls-port "+inside, "tls-port "+port, "bind * -::*", "bind 127.0.0.1")
		}
	}
	return strings.NewReplacer(append(pairs, "-h localhost", "-h localhost -p "+r.ports["redis:6379"])...).Replace(text)
}

// command is what a service runs, here.
func (r *rehearsal) command(t *testing.T, service string) []string {
	t.Helper()
	s := r.project.Services[service]
	return r.here(t, service, slices.Concat(s.Entrypoint, s.Command))
}

func (r *rehearsal) here(t *testing.T, service string, args []string) []string {
	t.Helper()
	s := r.project.Services[service]
	out := slices.Clone(args)
	for i, arg := range out {
		switch {
		case arg == "/bin/trm":
			out[i] = r.trm
		case strings.HasPrefix(arg, "/bin/"):
			out[i] = program(t, strings.TrimPrefix(arg, "/bin/"))
		case slices.ContainsFunc(s.Configs, func(c types.ServiceConfigObjConfig) bool { return c.Target == arg }):
			file := mounted(t, r.project, s, arg)
			out[i] = filepath.Join(r.dir, service+"-"+filepath.Base(file))
			if err := os.WriteFile(out[i], []byte(r.local(t, service, read(t, file))), 0o600); err != nil {
				t.Fatal(err)
			}
		case arg == "/site": // above the volumes of keys
			out[i] = filepath.Join(r.dir, "site")
		default:
			out[i] = r.local(t, service, arg)
		}
	}
	return out
}

// healthy waits until a service's own health check passes.
func (r *rehearsal) healthy(t *testing.T, service string) {
	t.Helper()
	test := r.project.Services[service].HealthCheck.Test
	args := r.here(t, service, test[1:])
	if test[0] == "CMD-SHELL" {
		args = []string{"/bin/sh", "-c", args[0]}
	}
	await(t, service+" to be healthy", func() error {
		if r.running[service].cmd.ProcessState != nil {
			return errors.New("it ended")
		}
		out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, bytes.TrimSpace(out))
		}
		return nil
	})
}

// secret is what a file of the site holds.
func (r *rehearsal) secret(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(r.dir, "site", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// roots are the authorities that a file of the site holds.
func (r *rehearsal) roots(t *testing.T, name string) *tls.Config {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(r.secret(t, name))) {
		t.Fatalf("%s holds no certificate", name)
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: pool}
}

// call calls the local API of an adapter as the national system.
func (r *rehearsal) call(t *testing.T, country, method, path string, body []byte) []byte {
	t.Helper()
	h := &http.Client{Transport: &http.Transport{TLSClientConfig: r.roots(t, "region/ca/"+country+".pem"), DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(t.Context(), method, "https://localhost:"+r.ports["adapter-"+country+":8090"]+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.secret(t, country+"/token"))
	req.Header.Set("Content-Type", "application/json")
	resp, err := h.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %d %s %v", method, path, resp.StatusCode, answer, err)
	}
	return answer
}

// metrics is what Prometheus would read from a target.
func (r *rehearsal) metrics(t *testing.T, target string) string {
	t.Helper()
	port, ok := r.ports[target]
	if !ok {
		t.Fatalf("Prometheus asks %s, where nobody listens", target)
	}
	resp, err := http.Get("http://127.0.0.1:" + port + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v", target, resp.StatusCode, err)
	}
	return string(b)
}

// witnessed asks the gateway whether all of its log has the witnesses that it needs.
func (r *rehearsal) witnessed(t *testing.T) error {
	t.Helper()
	text := r.metrics(t, "gateway:9464")
	if size, pending := value(text, "trm_log_size", ""), value(text, "trm_log_pending", ""); size == "" || size == "0" || pending != "0" {
		return fmt.Errorf("the log has %s entries, and %s are pending", size, pending)
	}
	return nil
}

// value reads one number of a target's metrics; labels may be a part of them.
func value(text, name, labels string) string {
	for line := range strings.Lines(text) {
		series, v, _ := strings.Cut(strings.TrimSpace(line), " ")
		if n, l, _ := strings.Cut(series, "{"); n == name && strings.Contains(l, labels) {
			return v
		}
	}
	return ""
}

// files are those in a volume, once there are n.
func (r *rehearsal) files(t *testing.T, volume string, n int) (found []string) {
	t.Helper()
	await(t, fmt.Sprintf("%d files in %s", n, volume), func() error {
		var err error
		if found, err = filepath.Glob(filepath.Join(r.volume(volume), "*", "*.json")); err != nil || len(found) < n {
			return fmt.Errorf("found %v, %v", found, err)
		}
		return nil
	})
	return found
}

// told counts the people of an office who were told, as its file of notices has them: by
// the sentence, and nothing beside it.
func (r *rehearsal) told(volume string, n int) error {
	b, err := os.ReadFile(filepath.Join(r.volume(volume), "notices.log"))
	if err != nil {
		return err
	}
	sentences := regexp.MustCompile(`(?m)^\S+  rs/[a-z-]+  A message is waiting\. Ref [0-9A-Z]{6}\.( Answer by [0-9:., ]+\.)?$`)
	if got := len(sentences.FindAll(b, -1)); got < n {
		return fmt.Errorf("%d were told, want %d or more:\n%s", got, n, b)
	}
	return nil
}

// TestARegionRunsAsTheFileSays sends a message as a national system does, and one with the
// desk tool, over TLS, as the users that Redis was given; then once more after all of
// them were killed. Everything that Prometheus, the dashboard and the alerts name is
// there.
func TestARegionRunsAsTheFileSays(t *testing.T) {
	t.Parallel()
	r := rehearse(t)

	t.Run("only its users may use Redis", r.redisKnowsItsUsers)

	draft := map[string]any{}
	if err := json.Unmarshal(output(t, nil, r.trm, "types", "example", "capacity.request"), &draft); err != nil {
		t.Fatal(err)
	}
	draft["from"], draft["to"] = "ba/coordinator", "rs/coordinator"
	delete(draft, "thread")
	body, err := json.Marshal(draft)
	if err != nil {
		t.Fatal(err)
	}
	r.call(t, "ba", http.MethodPost, "/v1/drafts", body)
	first := len(r.files(t, "office-rs", 1))

	// The desk tool finds the gateway by the address that keys wrote.
	address := filepath.Join(r.volume("region"), "gateway.json")
	if err := os.WriteFile(address, []byte(r.local(t, "trm", r.secret(t, "region/gateway.json"))), 0o600); err != nil {
		t.Fatal(err)
	}
	tool := func(args ...string) []string {
		return append(r.here(t, "trm", r.project.Services["trm"].Entrypoint), args...)
	}
	signed := output(t, output(t, nil, tool("types", "example", "referral.request")...), tool("sign", "-")...)
	sent := string(output(t, signed, tool("send", "-", "--wait", "30s")...))
	if !strings.Contains(sent, "delivered") {
		t.Errorf("the desk tool says %q", sent)
	}
	r.files(t, "office-rs", first+1)
	await(t, "people to be told", func() error { return r.told("office-rs", 2) })

	await(t, "the evidence to be acknowledged", func() error {
		text := r.metrics(t, "adapter-rs:9465")
		if owed, done := value(text, "trm_adapter_evidence_depth", ""), value(text, "trm_adapter_deliveries_total", `outcome="delivered"`); owed != "0" || done != "2" {
			return fmt.Errorf("%s delivered, %s to be acknowledged", done, owed)
		}
		return nil
	})
	if text := r.metrics(t, "gateway:9464"); value(text, "trm_gateway_backlog_age_seconds", `"rs"`) != "0" || value(text, "trm_gateway_delivery_duration_seconds_count", `"rs"`) != "2" {
		t.Errorf("the gateway shows\n%s", text)
	}

	await(t, "the log to be witnessed", func() error { return r.witnessed(t) })
	t.Run("whoever watches finds what it asks for", r.watched)

	// What was delivered is removed from Redis, and stays so.
	await(t, "delivered entries to be removed", func() error { return r.empty(t) })

	// A power cut: all of it at once, and Redis comes back last.
	for _, p := range r.running {
		p.kill()
	}
	r.running["redis"].start(t)
	r.healthy(t, "redis")
	if err := r.empty(t); err != nil {
		t.Errorf("after a restart of Redis: %v", err)
	}
	r.running["redis"].kill()
	for _, name := range slices.Concat([]string{"adapter-rs", "gateway", "adapter-ba", "redis"}, witnesses) {
		r.running[name].start(t)
	}
	for _, name := range []string{"redis", "gateway", "adapter-ba", "adapter-rs"} {
		r.healthy(t, name)
	}
	r.call(t, "ba", http.MethodPost, "/v1/drafts", body)
	r.files(t, "office-rs", first+2)

	await(t, "the log to be witnessed again", func() error { return r.witnessed(t) })

	// What an operator's stop leaves behind: an end without error, and the last spans.
	for _, name := range []string{"adapter-ba", "adapter-rs", "gateway"} {
		if err := r.running[name].stop(); err != nil {
			t.Errorf("stopping %s: %v", name, err)
		}
	}
	r.mu.Lock()
	spans := bytes.Join(r.spans, nil)
	r.mu.Unlock()
	for _, service := range []string{"gatewayd", "adapterd"} {
		if !bytes.Contains(spans, []byte(service)) {
			t.Errorf("no span of %s reached the collector", service)
		}
	}
	t.Run("no secret and no refusal is in a log", r.logs)
}

// empty asks Redis, as the gateway, whether anything lies there for Serbia.
func (r *rehearsal) empty(t *testing.T) error {
	t.Helper()
	c := redis.NewClient(&redis.Options{
		Addr: "localhost:" + r.ports["redis:6379"], Username: "gateway", Password: r.secret(t, "gateway/redis.password"), TLSConfig: r.roots(t, "redis/tls/gateway-ca.pem"),
	})
	defer c.Close()
	for _, key := range []string{"trm:{rs}:deliveries", "trm:{rs}:urgent"} {
		if left, err := c.XRange(t.Context(), key, "-", "+").Result(); err != nil || len(left) > 0 {
			return fmt.Errorf("%d entries are in %s, %v", len(left), key, err)
		}
	}
	return nil
}

// redisKnowsItsUsers tries to call Redis as somebody else.
func (r *rehearsal) redisKnowsItsUsers(t *testing.T) {
	config := r.roots(t, "redis/tls/gateway-ca.pem")
	do := func(user, password string, cmd ...any) error {
		c := redis.NewClient(&redis.Options{Addr: "localhost:" + r.ports["redis:6379"], Username: user, Password: password, TLSConfig: config, MaxRetries: -1})
		defer c.Close()
		return c.Do(t.Context(), cmd...).Err()
	}
	for name, err := range map[string]error{
		"nobody":                 do("", "", "PING"),
		"a user without a name":  do("default", "", "PING"),
		"a wrong password":       do("rs", r.secret(t, "ba/redis.password"), "PING"),
		"a country without one":  do("al", r.secret(t, "ba/redis.password"), "PING"),
		"health, more than ping": do("health", r.secret(t, "redis/health.password"), "XLEN", "trm:{rs}:deliveries"),
		"another's deliveries":   do("ba", r.secret(t, "ba/redis.password"), "XREADGROUP", "GROUP", "adapter", "a", "STREAMS", "trm:{rs}:deliveries", ">"),
		"the gateway, emptying":  do("gateway", r.secret(t, "gateway/redis.password"), "FLUSHALL"),
	} {
		if err == nil || !regexp.MustCompile("^(NOAUTH|WRONGPASS|NOPERM)").MatchString(err.Error()) {
			t.Errorf("%s: got %v, want a refusal", name, err)
		}
	}
	for _, user := range []string{"ba", "rs", "gateway"} {
		if err := do(user, r.secret(t, user+"/redis.password"), "PING"); err != nil {
			t.Errorf("%s: %v", user, err)
		}
	}
	plain := redis.NewClient(&redis.Options{Addr: "localhost:" + r.ports["redis:6379"], MaxRetries: -1})
	defer plain.Close()
	if err := plain.Ping(context.WithoutCancel(t.Context())).Err(); err == nil {
		t.Error("Redis answers without TLS")
	}
}

// logs searches what the processes printed.
func (r *rehearsal) logs(t *testing.T) {
	var secrets []string
	for _, name := range []string{"gateway/redis.password", "ba/redis.password", "rs/redis.password", "ba/token", "rs/token", "redis/health.password"} {
		secrets = append(secrets, r.secret(t, name))
	}
	for name, p := range r.running {
		text := string(p.printed(t))
		for _, s := range secrets {
			if strings.Contains(text, s) {
				t.Errorf("%s prints a secret", name)
			}
		}
		for _, bad := range []string{"NOPERM", "NOAUTH", "CRITICAL", "unsafe setting of redis", "panic"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s prints %q:\n%s", name, bad, text)
			}
		}
	}
}
