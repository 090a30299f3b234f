package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/trust"
)

// Finding is one thing that [Check] has to say about a folder.
type Finding struct {
	Where string `json:"where"` // a file or a party
	What  string `json:"what"`
	Do    string `json:"do"` // the command or step that heals it
	Soon  bool   `json:"soon,omitempty"`
}

// String is the finding in one line.
func (f Finding) String() string { return f.Where + ": " + f.What + "; " + f.Do }

// How long before its end a key or certificate is worth a finding.
const (
	soonEncryption = 21 * 24 * time.Hour
	soonSigning    = 45 * 24 * time.Hour
)

// Check compares keys, certificates and directory of a folder with each other and with
// the clock, and returns every finding, not only the first, sorted by place. The folder
// may be a whole region or one office's own part. An error means that it could not look.
func Check(dir string, now time.Time) ([]Finding, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("checking keys: %w", err)
	}
	c := &check{dir: dir, now: now}
	c.directory()
	c.roots()
	if err := filepath.WalkDir(filepath.Join(dir, "keys"), c.walk); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("checking keys: %w", err)
	}
	c.missing()
	c.authorities()
	c.servers()
	slices.SortStableFunc(c.findings, func(a, b Finding) int { return strings.Compare(a.Where, b.Where) })
	return c.findings, nil
}

type check struct {
	dir      string
	now      time.Time
	inForce  *trust.Directory // nil where there is none
	waiting  []*trust.Directory
	pool     *x509.CertPool
	held     map[string]bool // ids of private keys found
	parties  []gateway.Party // with a folder here
	findings []Finding
}

func (c *check) find(where, do, format string, args ...any) {
	c.findings = append(c.findings, Finding{Where: filepath.ToSlash(where), What: fmt.Sprintf(format, args...), Do: do})
}

func (c *check) directory() {
	c.held = map[string]bool{}
	d, waiting, err := trust.Look(c.dir, c.now)
	if err != nil {
		faults := trust.Faults(err)
		for _, f := range faults {
			c.find(directoryFile, "take the current directory, or ask a coordinator", "%s", f)
		}
		if len(faults) == 0 {
			c.find(directoryFile, "put pins.json and directory.json here", "%s", plain(err))
		}
		return
	}
	c.inForce, c.waiting = d, waiting
	if left := d.Expires().Sub(c.now); left < soonSigning {
		c.find(directoryFile, "coordinators sign the next one", "directory %d expires in %s", d.Number(), days(left))
		c.findings[len(c.findings)-1].Soon = true
	}
}

func (c *check) roots() {
	pool, err := loadRoots(c.dir)
	if err != nil {
		c.find(filepath.Join("tls", "ca.pem"), "copy the authorities' certificates here", "%s", plain(err))
		return
	}
	c.pool = pool
}

// missing asks, for every party that has a folder here, for the private keys that the
// directory lists for it now. Approval keys are a second person's and rightly elsewhere.
func (c *check) missing() {
	if c.inForce == nil {
		return
	}
	for _, p := range c.parties {
		for _, u := range []gateway.Use{gateway.UseMessage, gateway.UseEvidence, gateway.UseAssertion, gateway.UseBinding, gateway.UseEncryption} {
			for _, k := range c.inForce.Keys(p, u, c.now) {
				if !c.held[k.ID] {
					c.find(filepath.Join(partyFolder(p), string(u)+".jwk"), "bring it back, or revoke it", "the directory lists a key %s… whose private half is not here", k.ID[:8])
				}
			}
		}
	}
}

// authorities checks the private keys of authorities, where there are any: a country's
// own lies with whoever issues its certificates and nowhere else.
func (c *check) authorities() {
	names, _ := filepath.Glob(filepath.Join(c.dir, "ca", "*.key"))
	for _, name := range names {
		rel, _ := filepath.Rel(c.dir, name)
		c.mode(name, rel)
		if _, err := loadAuthority(c.dir, strings.TrimSuffix(filepath.Base(name), ".key")); err != nil {
			c.find(rel, "bring the files back", "%s", plain(err))
		}
		if c.inForce != nil && !c.inForce.Development() {
			c.find(rel, "keep it where certificates are issued", "an authority's private key beside a process's keys")
		}
	}
}

func (c *check) servers() {
	names, _ := filepath.Glob(filepath.Join(c.dir, "tls", "*.key"))
	for _, name := range names {
		rel, _ := filepath.Rel(c.dir, name)
		c.mode(name, rel)
		pair, err := tls.LoadX509KeyPair(strings.TrimSuffix(name, ".key")+".pem", name)
		if err != nil {
			c.find(rel, "bring the files back", "certificate and key do not fit")
			continue
		}
		left := pair.Leaf.NotAfter.Sub(c.now)
		if left < soonSigning {
			c.find(rel, "make a successor and list it in the next directory", "%s", ends(left))
			c.findings[len(c.findings)-1].Soon = left > 0
		}
		if c.pool != nil && !c.chains(pair.Leaf) {
			c.find(rel, "have the key certified again", "no authority in tls/ca.pem issued this certificate")
		}
	}
}

func ends(left time.Duration) string {
	if left <= 0 {
		return "expired"
	}
	return "expires in " + days(left)
}

func days(d time.Duration) string { return fmt.Sprintf("%d days", int(d.Hours()/24)) }

// plain is an error without the path in it, which the finding names already.
func plain(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return strings.Replace(err.Error(), p.Error(), p.Err.Error(), 1)
	}
	return err.Error()
}

func loadRoots(dir string) (*x509.CertPool, error) {
	raw, err := os.ReadFile(filepath.Join(dir, "tls", "ca.pem"))
	if err != nil {
		return nil, fmt.Errorf("loading authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(raw) {
		return nil, errors.New("loading authorities: there is none")
	}
	return pool, nil
}
