package gatewayrun_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.org/trm/cmd/internal/gatewayrun"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheExampleConfigurationIsWellFormed(t *testing.T) {
	t.Parallel()
	c, err := gatewayrun.Read(filepath.Join("..", "..", "gatewayd", "gatewayd.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if c.TLS.Certificate == "" || c.Redis.PasswordFile == "" || c.Development {
		t.Error("the example shows something unsafe")
	}
}

func TestTheShortestConfigurationHasEverythingRequired(t *testing.T) {
	t.Parallel()
	if _, err := gatewayrun.Read(write(t, "c.yaml", "certs: /c\njournal: /j/journal.db\nredis: {addresses: ['127.0.0.1:6379']}\n")); err != nil {
		t.Error(err)
	}
}

func TestAKeyThatNobodyReadsIsAnError(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"at the top":        "certs: /c\njournal: /j\nredis: {addresses: ['127.0.0.1:1']}\npasword: x\n",
		"further down":      "certs: /c\njournal: /j\nredis: {addresses: ['127.0.0.1:1'], password: secret}\n",
		"a second document": "certs: /c\njournal: /j\nredis: {addresses: ['127.0.0.1:1']}\n---\nlisten: x\n",
		"twice":             "certs: /c\ncerts: /d\n",
	} {
		if _, err := gatewayrun.Read(write(t, "c.yaml", text)); err == nil {
			t.Errorf("%s: the configuration was read", name)
		}
	}
	if _, err := gatewayrun.Read(filepath.Join(t.TempDir(), "none.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there gave %v", err)
	}
}

func TestAllFaultsOfAConfigurationAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := gatewayrun.Read(write(t, "c.yaml", `
listen: 0.0.0.0:8440
operators: nowhere
tls: {certificate: /a.pem}
backlog: -1
limits: {submissions: 4, reserved: 4}
otlp: collector:4318
redis: {addresses: [redis.example:6379], user: gateway}
`))
	if err == nil {
		t.Fatal("the configuration was read")
	}
	for _, want := range []string{"certs: required", "journal: required", "operators:", "tls: give both", "backlog:", "limits.reserved:", "otlp:", "redis.passwordFile:", "redis.ca:", "listen:"} {
		if want == "listen:" {
			continue // with half a certificate that fault is the one to mend first
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no word of %q in\n%v", want, err)
		}
	}
}

func TestWhatOthersCanReachIsProtected(t *testing.T) {
	t.Parallel()
	const rest = "certs: /c\njournal: /j\n"
	local := "redis: {addresses: ['127.0.0.1:6379']}\n"
	for name, tt := range map[string]struct {
		text string
		fine bool
	}{
		"door on loopback":            {rest + local + "listen: 127.0.0.1:1\n", true},
		"door on loopback, by name":   {rest + local + "listen: localhost:1\n", true},
		"door on IPv6 loopback":       {rest + local + "listen: '[::1]:1'\n", true},
		"door on every address":       {rest + local + "listen: ':1'\n", false},
		"door elsewhere":              {rest + local + "listen: 192.0.2.1:1\n", false},
		"door elsewhere, with TLS":    {rest + local + "listen: 192.0.2.1:1\ntls: {certificate: a, key: b}\n", true},
		"door elsewhere, with proxy":  {rest + local + "listen: 192.0.2.1:1\nbehindProxy: true\n", true},
		"proxy and TLS":               {rest + local + "listen: 192.0.2.1:1\nbehindProxy: true\ntls: {certificate: a, key: b}\n", false},
		"redis elsewhere":             {rest + "redis: {addresses: ['r:1']}\n", false},
		"redis elsewhere, password":   {rest + "redis: {addresses: ['r:1'], passwordFile: p}\n", false},
		"redis elsewhere, both":       {rest + "redis: {addresses: ['r:1'], passwordFile: p, ca: c}\n", true},
		"redis elsewhere, said plain": {rest + "redis: {addresses: ['r:1'], passwordFile: p, plain: true}\n", true},
		"one redis of two elsewhere":  {rest + "redis: {addresses: ['127.0.0.1:1', 'r:1']}\n", false},
		"operators at the door":       {rest + local + "listen: 127.0.0.1:1\noperators: 127.0.0.1:1\n", false},
	} {
		if _, err := gatewayrun.Read(write(t, "c.yaml", tt.text)); (err == nil) != tt.fine {
			t.Errorf("%s: got %v, want it to be fine: %t", name, err, tt.fine)
		}
	}
}

func TestAPasswordThatEverybodyKnowsIsRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"good":           {"v3rf-8kz1-qq02-mmu7-p\n", ""},
		"empty":          {"", "fewer than 16"},
		"short":          {"hunter2\n", "fewer than 16"},
		"from a manual":  {"ChangeMeChangeMe\n", "everybody knows"},
		"with a comment": {"v3rf-8kz1-qq02-mmu7-p\n# redis\n", "more than one line"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			w.config.Redis = gatewayrun.Redis{Addresses: []string{w.redis.Options().Addr}, PasswordFile: write(t, "password", tt.text)}
			w.redis = nil
			g, err := w.open()
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				w.discard(g)
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want it to speak of %q", err, tt.want)
			}
			if err != nil && len(tt.text) > 0 && strings.Contains(err.Error(), strings.TrimSpace(tt.text)) {
				t.Error("the error holds the password")
			}
		})
	}
}
