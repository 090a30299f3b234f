package certs

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
	"example.org/trm/gateway/trust"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// develop makes a region as of noon.
func develop(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := Develop(dir, Options{Now: noon}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(t testing.TB, dir string, now time.Time) *trust.Directory {
	t.Helper()
	d, err := trust.OpenFolder(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestADevelopmentRegionIsWhole(t *testing.T) {
	t.Parallel()
	d := open(t, develop(t), noon)
	if d.Number() != 1 || !d.Development() || len(d.SignedBy()) != 4 {
		t.Errorf("number %d, development %v, signed by %v", d.Number(), d.Development(), d.SignedBy())
	}
	for _, c := range gateway.Countries {
		for _, role := range []string{"coordinator", "child-protection", "social-services", "referral-ngo", "auditor"} {
			if _, ok := d.Institution(gateway.Party(string(c) + "/" + role)); !ok {
				t.Errorf("no %s in %s", role, c)
			}
		}
	}
	for _, p := range []gateway.Party{"gateway", "selec/liaison", "me/mobile-team", "me/mobile-team.2"} {
		if _, ok := d.Institution(p); !ok {
			t.Errorf("no %s", p)
		}
	}
	for _, row := range []struct {
		party gateway.Party
		want  []gateway.Class
	}{
		{"rs/coordinator", []gateway.Class{"E", "C1", "C2", "P1", "P3"}},
		{"rs/child-protection", []gateway.Class{"E", "C1", "C2", "P1", "P2", "P3"}},
		{"rs/social-services", []gateway.Class{"E", "C1", "C2", "P1", "P2", "P3"}},
		{"rs/referral-ngo", []gateway.Class{"E", "C1", "C2"}},
		{"me/mobile-team.2", []gateway.Class{"E", "C1", "C2"}},
		{"rs/auditor", []gateway.Class{"E"}},
		{"selec/liaison", []gateway.Class{"E"}},
	} {
		i, _ := d.Institution(row.party)
		if diff := cmp.Diff(row.want, i.Classes); diff != "" {
			t.Errorf("%s: %s", row.party, diff)
		}
	}
	for _, p := range d.Pairs() {
		if !p.On || !slices.Contains(p.Articles, "cets197-33") || p.Trace == (p.A == "xk" || p.B == "xk") {
			t.Errorf("pair %s-%s: %+v", p.A, p.B, p)
		}
	}
}

func TestNamesAreNeutralAndKosovoHasItsAsterisk(t *testing.T) {
	t.Parallel()
	d := open(t, develop(t), noon)
	rs, _ := d.Institution("rs/coordinator")
	for tag, want := range map[string]string{
		"en": "Coordinator office, Serbia", "sr-Cyrl": "Канцеларија координатора, Србија", "mk": "Канцеларија на координаторот, Србија",
		"sq": "Zyra e koordinatorit, Serbia", "ro": "Oficiul coordonatorului, Serbia",
	} {
		if rs.Names[tag] != want {
			t.Errorf("%s: %q, want %q", tag, rs.Names[tag], want)
		}
	}
	team, _ := d.Institution("me/mobile-team.2")
	if team.Names["en"] != "Mobile identification team 2, Montenegro" {
		t.Errorf("a second team is called %q", team.Names["en"])
	}
	for _, p := range d.Parties() {
		i, _ := d.Institution(p)
		for tag, name := range i.Names {
			if p.Country() == "xk" && !strings.HasSuffix(name, "*") {
				t.Errorf("%s in %s: %q", p, tag, name)
			}
			for _, title := range []string{"Republic", "Republika", "Република", "Republika e", "Republica", "Ministry"} {
				if strings.Contains(name, title) {
					t.Errorf("%s in %s: %q has a state title", p, tag, name)
				}
			}
		}
		if !strings.HasSuffix(i.Mailbox, ".example.org") || !strings.HasPrefix(i.Duty, "+999") {
			t.Errorf("%s: somebody could be reached at %s, %s", p, i.Mailbox, i.Duty)
		}
	}
}

func TestEveryPartyLoadsItsOwnKeys(t *testing.T) {
	t.Parallel()
	dir := develop(t)
	d := open(t, dir, noon)
	for _, p := range d.Parties() {
		k, err := LoadAt(dir, p, noon)
		if err != nil {
			t.Fatal(err)
		}
		for use, private := range map[gateway.Use]interface{ ID() string }{
			gateway.UseMessage: k.Message, gateway.UseEvidence: k.Evidence, gateway.UseAssertion: k.Assertion,
			gateway.UseApproval: k.Approval, gateway.UseBinding: k.Binding,
		} {
			listed := d.Keys(p, use, noon)
			if len(listed) == 0 {
				continue
			}
			if listed[0].ID != private.ID() || listed[0].Thumbprint != k.Thumbprint[private.ID()] {
				t.Errorf("%s %s: what is loaded is not what is listed", p, use)
			}
		}
		if want := d.Keys(p, gateway.UseEncryption, noon); len(want) > 0 && want[0].ID != k.Encryption[0].ID() {
			t.Errorf("%s: another encryption key", p)
		}
	}
	rs, err := LoadAt(dir, "rs/coordinator", noon)
	if err != nil {
		t.Fatal(err)
	}
	if len(rs.Chain) != 2 || Thumbprint(rs.Chain[0]) != rs.Thumbprint[rs.Message.ID()] {
		t.Error("the chain does not begin with the message key's certificate")
	}
	if _, err := Load(dir, "rs/prosecution"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a party without keys: %v", err)
	}
	for _, p := range []gateway.Party{"../../etc", "rs/../ba/coordinator", "", "coordinators"} {
		if _, err := Load(dir, p); err == nil {
			t.Errorf("loaded keys of %q", p)
		}
	}
}

func TestEverythingSaysThatItIsForTesting(t *testing.T) {
	t.Parallel()
	dir := develop(t)
	for _, name := range []string{pinsFile, noticeFile} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !bytes.Contains(raw, []byte("TEST KEY")) {
			t.Errorf("%s does not say TEST KEY: %v", name, err)
		}
	}
	if !strings.Contains(open(t, dir, noon).Document().Notice, "TEST KEY") {
		t.Error("the directory does not say TEST KEY")
	}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".pem" {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		list, err := parseCerts(raw)
		for _, c := range list {
			if !strings.Contains(c.Subject.CommonName, "TEST KEY") || !strings.Contains(c.Subject.String(), "TRM development") {
				t.Errorf("%s: %s", path, c.Subject)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestPrivateKeysAreForTheirOwnerAlone(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no modes")
	}
	dir := develop(t)
	private := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		secret := bytes.Contains(raw, []byte(`"d":`)) || bytes.Contains(raw, []byte("PRIVATE KEY")) || bytes.Contains(raw, []byte("PRIVATE+KEY"))
		if secret {
			private++
		}
		if secret && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %04o", path, info.Mode().Perm())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if private < 200 {
		t.Errorf("only %d private keys were found", private)
	}
}

func TestKeysAreNeverWrittenOver(t *testing.T) {
	t.Parallel()
	dir := develop(t)
	before := contents(t, dir)
	if _, err := Develop(dir, Options{Now: noon}); !errors.Is(err, ErrExists) {
		t.Errorf("a second time: %v", err)
	}
	if diff := cmp.Diff(before, contents(t, dir)); diff != "" {
		t.Error("the second attempt changed something")
	}
	for _, name := range []string{"keys/x", pinsFile, directoryFile, "ca/rs.key", "tls/ca.pem"} {
		other := t.TempDir()
		path := filepath.Join(other, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Develop(other, Options{Now: noon}); !errors.Is(err, ErrExists) {
			t.Errorf("over %s: %v", name, err)
		}
		if diff := cmp.Diff(map[string]string{name: "mine"}, contents(t, other)); diff != "" {
			t.Errorf("over %s: %s", name, diff)
		}
	}
}

func TestOfTwoThatDevelopAtOnceOneWins(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var both sync.WaitGroup
	errs := make([]error, 2)
	for i := range errs {
		both.Go(func() { _, errs[i] = Develop(dir, Options{Now: noon}) })
	}
	both.Wait()
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Fatalf("both or neither: %v; %v", errs[0], errs[1])
	}
	if findings, err := Check(dir, noon); err != nil || len(findings) > 0 {
		t.Errorf("the winner's region: %v %v", findings, err)
	}
}

func TestOtherFilesInTheFolderStay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "gateway.db"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Develop(dir, Options{Now: noon}); err != nil {
		t.Fatal(err)
	}
	if raw, err := os.ReadFile(filepath.Join(dir, "gateway.db")); err != nil || string(raw) != "mine" {
		t.Errorf("%q %v", raw, err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".making-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestCertificatesCarryTheirKeyTheirUseAndTheirAuthority(t *testing.T) {
	t.Parallel()
	dir := develop(t)
	raw, err := os.ReadFile(filepath.Join(dir, "ca", "rs.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(raw)
	found, err := stored(filepath.Join(dir, "keys", "rs", "coordinator"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range found {
		if s.use() == gateway.UseEncryption {
			continue
		}
		c := s.certs[0]
		usage := x509.ExtKeyUsageAny
		if s.use() == gateway.UseAssertion {
			usage = x509.ExtKeyUsageClientAuth
		}
		if _, err := c.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: noon, KeyUsages: []x509.ExtKeyUsage{usage}}); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
		if c.KeyUsage&x509.KeyUsageDigitalSignature == 0 || c.IsCA || len(c.URIs) != 1 || c.URIs[0].String() != "urn:trm:party:rs:coordinator" {
			t.Errorf("%s: usage %b, CA %v, %v", s.name, c.KeyUsage, c.IsCA, c.URIs)
		}
	}
}

func contents(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		out[filepath.ToSlash(rel)] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func BenchmarkDevelop(b *testing.B) {
	for b.Loop() {
		if _, err := Develop(b.TempDir(), Options{Now: noon}); err != nil {
			b.Fatal(err)
		}
	}
}
