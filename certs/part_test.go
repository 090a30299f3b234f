package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"example.org/trm/gateway"
)

func TestAPartHasItsOwnKeysAndNobodyElses(t *testing.T) {
	t.Parallel()
	dir := develop(t)
	for c, own := range map[gateway.Country]struct {
		folder string
		party  gateway.Party
	}{"rs": {"keys/rs/", "rs/child-protection"}, "": {"keys/gateway/", gateway.TheGateway}} {
		to := t.TempDir()
		if err := Part(dir, to, c); err != nil {
			t.Fatal(err)
		}
		private := 0
		err := filepath.WalkDir(to, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			rel, _ := filepath.Rel(to, path)
			rel = filepath.ToSlash(rel)
			info, err := d.Info()
			if err != nil {
				return err
			}
			if ext := filepath.Ext(rel); ext == ".jwk" || ext == ".key" {
				private++
				if !strings.HasPrefix(rel, own.folder) || strings.Contains(rel, "approval") {
					t.Errorf("%q has %s", c, rel)
				}
				if info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
					t.Errorf("%s has the mode %v", rel, info.Mode())
				}
			}
			return nil
		})
		if err != nil || private == 0 {
			t.Fatalf("%q: found %d private keys: %v", c, private, err)
		}
		if open(t, to, noon).Digest() != open(t, dir, noon).Digest() {
			t.Error("the part has another directory")
		}
		k, err := LoadAt(to, own.party, noon)
		if err != nil || k.Evidence == nil || k.Approval != nil {
			t.Errorf("loading %s: %v", own.party, err)
		}
		if err := Part(dir, to, c); !errors.Is(err, ErrExists) {
			t.Errorf("over a part: got %v", err)
		}
		if left, _ := filepath.Glob(filepath.Join(to, ".making-*")); left != nil {
			t.Errorf("left %v", left)
		}
	}
	if err := Part(dir, t.TempDir(), "xx"); err == nil {
		t.Error("a country that is none has a part")
	}
}

func TestAHostIsKnownByTheNamesThatItWasGiven(t *testing.T) {
	t.Parallel()
	dir := develop(t)
	chain, key, err := Host(dir, "gateway", []string{"redis", "127.0.0.1"}, Options{Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "tls", "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(raw) {
		t.Fatal("no authorities")
	}
	for name, want := range map[string]bool{"redis": true, "127.0.0.1": true, "localhost": false, "gateway": false} {
		_, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: noon})
		if (err == nil) != want {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, _, err := Host(dir, "nobody", []string{"redis"}, Options{Now: noon}); err == nil {
		t.Error("nobody's authority certifies")
	}
}
