package site_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"example.org/trm/certs"
	"example.org/trm/cmd/internal/site"
	"example.org/trm/gateway"
)

var both = site.Options{Countries: []gateway.Country{"ba", "rs"}}

func lay(t *testing.T, dir string) []string {
	t.Helper()
	made, err := site.Make(dir, both)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// contents are all files of a folder.
func contents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		all[filepath.ToSlash(rel)], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestASiteIsLaidOutOnceAndMadeWholeAfterACrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if made := lay(t, dir); len(made) < 10 {
		t.Fatalf("made only %v", made)
	}
	first := contents(t, dir)
	if made := lay(t, dir); made != nil {
		t.Errorf("once more made %v", made)
	}
	// Whatever is missing comes back, and what it depends on stays.
	for _, lost := range []string{"redis/users.acl", "redis/tls/gateway-ca.pem", "gateway/tls/server.pem", "rs/token", "grafana/secret-key", "ba/redis.password"} {
		if err := os.Remove(filepath.Join(dir, filepath.FromSlash(lost))); err != nil {
			t.Fatal(err)
		}
	}
	lay(t, dir)
	again := contents(t, dir)
	if len(again) != len(first) {
		t.Errorf("has %d files, had %d", len(again), len(first))
	}
	if bytes.Equal(again["ba/redis.password"], first["ba/redis.password"]) || !bytes.Contains(again["redis/users.acl"], []byte(site.Hash(strings.TrimSpace(string(again["ba/redis.password"]))))) {
		t.Error("Redis does not know the new password")
	}
	if !bytes.Equal(again["rs/redis.password"], first["rs/redis.password"]) {
		t.Error("a password that was there is another")
	}
}

func TestNoSecretIsSharedOrKnownToMoreThanItsProcess(t *testing.T) {
	t.Parallel()
	one, two := t.TempDir(), t.TempDir()
	lay(t, one)
	lay(t, two)
	a, b := contents(t, one), contents(t, two)
	secrets := 0
	for name, data := range a {
		secret := strings.HasSuffix(name, ".password") || strings.HasSuffix(name, "token") || strings.HasSuffix(name, "secret-key") || strings.HasSuffix(name, ".key") || strings.HasSuffix(name, ".jwk")
		if !secret {
			continue
		}
		secrets++
		if bytes.Equal(data, b[name]) {
			t.Errorf("two sites have the same %s", name)
		}
		folder, _, _ := strings.Cut(name, "/")
		for other, text := range a {
			holder, _, _ := strings.Cut(other, "/")
			if holder != folder && holder != "region" && folder != "region" && bytes.Contains(text, bytes.TrimSpace(data)) {
				t.Errorf("%s is also in %s", name, other)
			}
		}
		info, err := os.Stat(filepath.Join(one, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		most := fs.FileMode(0o600)
		if folder == "redis" || folder == "grafana" { // which run as another user of the group
			most = 0o640
		}
		if runtime.GOOS != "windows" && info.Mode().Perm()&^most != 0 {
			t.Errorf("%s has the mode %v", name, info.Mode())
		}
	}
	if secrets < 20 {
		t.Fatalf("found %d secrets: this test looks in the wrong place", secrets)
	}
	if len(a["ba/token"]) < 33 || len(a["ba/redis.password"]) < 33 {
		t.Error("a secret is short")
	}
}

func TestAProcessFindsItsKeysInItsFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lay(t, dir)
	for folder, p := range map[string]gateway.Party{"gateway": gateway.TheGateway, "ba": "ba/coordinator", "rs": "rs/child-protection"} {
		if _, err := certs.Load(filepath.Join(dir, folder), p); err != nil {
			t.Errorf("%s: %v", folder, err)
		}
	}
	if _, err := certs.Load(filepath.Join(dir, "ba"), "rs/coordinator"); err == nil {
		t.Error("one country has the other's keys")
	}
}

func TestASiteIsOfCountriesOfTheMechanism(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := site.Make(dir, site.Options{Countries: []gateway.Country{"ba", "../x"}}); err == nil {
		t.Error("made a site for no country")
	}
	if made := contents(t, dir); len(made) != 0 {
		t.Errorf("and left %d files", len(made))
	}
}

func TestUsersAreWrittenFromHashesAlone(t *testing.T) {
	t.Parallel()
	hash := site.Hash("a password of this test")
	got, err := site.Users(map[string]string{"rs": hash, "gateway": hash, "health": hash})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(got)), "\n")
	if len(lines) != 4 || lines[0] != "user default off resetpass ~* &* +@all" {
		t.Fatalf("got %q", got)
	}
	for _, l := range lines[1:] {
		if !regexp.MustCompile(`^user (gateway|health|rs) reset -@all .* on #` + hash + `$`).MatchString(l) {
			t.Errorf("got %q", l)
		}
	}
	for name, h := range map[string]string{"root": hash, "rs on nopass": hash, "rs": "password", "ba": hash + "\nuser x on nopass", "al": strings.ToUpper(hash), "mk": ""} {
		if _, err := site.Users(map[string]string{name: h}); err == nil {
			t.Errorf("wrote a user %q with the hash %q", name, h)
		}
	}
}

func TestPasswordsAreReadAsLinesOrHashes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	hash := site.Hash("sixteen letters!")
	for name, text := range map[string]string{
		"gateway.password": "sixteen letters!\n", "rs.sha256": hash + "  -\n", "ba.password": "sixteen letters!\r\n", "notes.password": "x",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := site.ReadHashes(dir)
	if err != nil || len(got) != 3 || got["gateway"] != hash || got["rs"] != hash || got["ba"] != hash {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"", "short", "two lines of text\nand another of them"} {
		if err := os.WriteFile(filepath.Join(dir, "me.password"), []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := site.ReadHashes(dir); err == nil || strings.Contains(err.Error(), "two lines") {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}
