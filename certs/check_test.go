package certs

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"example.org/trm/gateway"
)

func findings(t testing.TB, dir string, now time.Time) []Finding {
	t.Helper()
	list, err := Check(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestANewRegionHasNothingToReport(t *testing.T) {
	t.Parallel()
	dir := develop(t)
	for _, now := range []time.Time{noon, noon.Add(60 * day)} {
		for _, f := range findings(t, dir, now) {
			t.Errorf("at %s: %s", now.Format(time.DateOnly), f)
		}
	}
}

func TestEachFaultOfAFolderIsFound(t *testing.T) {
	t.Parallel()
	rs := filepath.Join("keys", "rs", "coordinator")
	copyOver := func(from, to string) func(string) error {
		return func(dir string) error {
			raw, err := os.ReadFile(filepath.Join(dir, from))
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, to), raw, 0o600)
		}
	}
	remove := func(name string) func(string) error {
		return func(dir string) error { return os.Remove(filepath.Join(dir, name)) }
	}
	write := func(name, text string) func(string) error {
		return func(dir string) error { return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600) }
	}
	for _, row := range []struct {
		name   string
		break_ func(dir string) error
		where  string
		what   string
	}{
		{"a private key that others can read", func(dir string) error { return os.Chmod(filepath.Join(dir, rs, "message.jwk"), 0o644) }, "keys/rs/coordinator/message.jwk", "mode 0644"},
		{"a TLS key that others can read", func(dir string) error { return os.Chmod(filepath.Join(dir, "tls", "rs.key"), 0o640) }, "tls/rs.key", "mode 0640"},
		{"a key that is no key", write(filepath.Join(rs, "message.jwk"), "{}"), "keys/rs/coordinator/message.jwk", "reading a private key"},
		{"a key under another's name", copyOver(filepath.Join(rs, "evidence.jwk"), filepath.Join(rs, "message.jwk")), "keys/rs/coordinator/message.jwk", "another use"},
		{"another party's key", copyOver("keys/ba/coordinator/encryption.jwk", filepath.Join(rs, "encryption-2.jwk")), "keys/rs/coordinator/encryption-2.jwk", "lists this key for ba/coordinator"},
		{"another key's certificate", copyOver(filepath.Join(rs, "evidence.pem"), filepath.Join(rs, "message.pem")), "keys/rs/coordinator/message.jwk", "another key's"},
		{"no certificate", remove(filepath.Join(rs, "message.pem")), "keys/rs/coordinator/message.jwk", "its certificate"},
		{"no private key", remove(filepath.Join(rs, "encryption.jwk")), "keys/rs/coordinator/encryption.jwk", "whose private half is not here"},
		{"a certificate without a key", remove(filepath.Join(rs, "approval.jwk")), "keys/rs/coordinator/approval.pem", "no private key beside it"},
		{"another TLS form of the key", copyOver("keys/ba/coordinator/assertion.key", filepath.Join(rs, "assertion.key")), "keys/rs/coordinator/assertion.key", "not the key"},
		{"a note among keys", write(filepath.Join(rs, "notes.txt"), "x"), "keys/rs/coordinator/notes.txt", "not a file that belongs"},
		{"a folder that is no party", func(dir string) error {
			return os.Rename(filepath.Join(dir, rs), filepath.Join(dir, "keys", "rs", "Coordinator"))
		}, "keys/rs/Coordinator/message.jwk", "not named as a party"},
		{"a coordinator's key of another country", copyOver("keys/coordinators/ba.jwk", "keys/coordinators/rs.jwk"), "keys/coordinators/rs.jwk", "another directory key"},
		{"a directory with one changed letter", func(dir string) error {
			raw, err := os.ReadFile(filepath.Join(dir, directoryFile))
			if err != nil {
				return err
			}
			raw[len(raw)/2] ^= 1
			return os.WriteFile(filepath.Join(dir, directoryFile), raw, 0o600)
		}, "directory.json", ""},
		{"no pins", remove(pinsFile), "directory.json", "no such file"},
		{"no authorities", remove(filepath.Join("tls", "ca.pem")), "tls/ca.pem", "no such file"},
		{"a server key of another", copyOver("tls/ba.key", "tls/rs.key"), "tls/rs.key", "do not fit"},
		{"an authority's key of another", copyOver("ca/ba.key", "ca/rs.key"), "ca/rs.key", "not its certificate's"},
		{"authorities that issued nothing here", copyOver("ca/ba.pem", "tls/ca.pem"), "keys/rs/coordinator/message.pem", "no authority"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if runtime.GOOS == "windows" && strings.Contains(row.what, "mode") {
				t.Skip("no modes")
			}
			dir := develop(t)
			if err := row.break_(dir); err != nil {
				t.Fatal(err)
			}
			list := findings(t, dir, noon)
			for _, f := range list {
				if f.Where == row.where && strings.Contains(f.What, row.what) && f.Do != "" {
					return
				}
			}
			t.Errorf("not found at %s: %q among %v", row.where, row.what, list)
		})
	}
}

func TestEveryFindingIsReportedAndNotOnlyTheFirst(t *testing.T) {
	t.Parallel()
	dir := develop(t)
	for _, c := range []string{"al", "ba", "rs"} {
		if err := os.Remove(filepath.Join(dir, "keys", c, "coordinator", "message.pem")); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(findings(t, dir, noon)); got < 3 {
		t.Errorf("%d findings, want at least 3", got)
	}
}

func TestWhatEndsSoonIsFoundSoonEnough(t *testing.T) {
	t.Parallel()
	dir := develop(t)
	encryption := func(now time.Time) (soon, ended int) {
		for _, f := range findings(t, dir, now) {
			if strings.HasSuffix(f.Where, "/encryption.jwk") {
				if f.Soon {
					soon++
				} else {
					ended++
				}
			}
		}
		return soon, ended
	}
	const withEncryption = 39 // everybody but the gateway
	if soon, ended := encryption(noon.Add(68 * day)); soon+ended != 0 {
		t.Errorf("after 68 days: %d soon, %d ended", soon, ended)
	}
	if soon, ended := encryption(noon.Add(75 * day)); soon != withEncryption || ended != 0 {
		t.Errorf("after 75 days: %d soon, %d ended", soon, ended)
	}
	if soon, ended := encryption(noon.Add(91 * day)); soon != 0 || ended != withEncryption {
		t.Errorf("after 91 days: %d soon, %d ended", soon, ended)
	}
	var directory, server bool
	for _, f := range findings(t, dir, noon.Add(340*day)) {
		directory = directory || f.Where == directoryFile && f.Soon
		server = server || f.Where == "tls/gateway.key" && f.Soon
	}
	if !directory || !server {
		t.Errorf("after 340 days: directory %v, server %v", directory, server)
	}
}

func TestOneOfficesOwnPartIsChecked(t *testing.T) {
	t.Parallel()
	dir := develop(t)
	for _, c := range []gateway.Country{"rs", ""} {
		own := t.TempDir()
		if err := Part(dir, own, c); err != nil {
			t.Fatal(err)
		}
		for _, f := range findings(t, own, noon) {
			t.Errorf("%q: %s", c, f)
		}
	}
	if _, err := Check(filepath.Join(dir, "nowhere"), noon); err == nil {
		t.Error("a folder that is not there was checked")
	}
}
