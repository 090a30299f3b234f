// Package site lays out what the processes of one site need before they first start: a
// development region, each process's own part of it, passwords, and what Redis is to know
// of them. docker-compose.yml runs it once, before everything else.
//
//	region/            the whole development set; for who tries things out, for no process
//	gateway/ ba/ ...   a process's part of it, its TLS certificate (tls/server.*), the
//	                   authority of the gateway and Redis alone (tls/gateway-ca.pem), its
//	                   password at Redis (redis.password), an adapter's API token (token)
//	redis/             users.acl, TLS, and the password of the health check
//	witness-al/ ...    a witness of the log: its key, what it watches, what it has cosigned
//	grafana/           the key with which Grafana encrypts what it keeps
//
// Nothing is the same on two sites, and no secret is anywhere but in the one folder whose
// process shows it: Redis knows hashes.
package site

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"example.org/trm/certs"
	"example.org/trm/gateway"
)

// Options of a site.
type Options struct {
	Countries []gateway.Country // that have an adapter here
	Now       time.Time         // default: the clock's
}

// Make lays out the site in dir. What is there already is kept, so that it may be run
// again, also after a crash; it returns the names of what it made, in order.
func Make(dir string, o Options) ([]string, error) {
	m := &maker{dir: dir, o: o, passwords: map[string]string{}}
	for _, c := range o.Countries {
		if !c.Valid() {
			return nil, fmt.Errorf("laying out a site: %q is not a country of the mechanism", string(c))
		}
	}
	if err := m.all(); err != nil {
		return m.made, fmt.Errorf("laying out a site in %s: %w", dir, err)
	}
	return m.made, nil
}

// Region is the folder of the development set.
func Region(dir string) string { return filepath.Join(dir, "region") }

type maker struct {
	dir       string
	o         Options
	passwords map[string]string // at Redis, by user
	made      []string
}

// alone is for files of one process; shared for those that a program with another user
// reads by its group.
const (
	alone  = 0o600
	shared = 0o640
)

func (m *maker) all() error {
	if err := m.region(); err != nil {
		return err
	}
	if err := m.process("", "gateway"); err != nil {
		return err
	}
	for _, c := range m.o.Countries {
		if err := m.process(c, "adapter-"+string(c)); err != nil {
			return err
		}
		if _, err := m.secret(filepath.Join(string(c), "token"), alone); err != nil {
			return err
		}
	}
	if err := m.redis(); err != nil {
		return err
	}
	if err := m.witnesses(); err != nil {
		return err
	}
	_, err := m.secret(filepath.Join("grafana", "secret-key"), shared)
	return err
}

func (m *maker) region() error {
	if m.has("region/directory.json") {
		return nil
	}
	if _, err := certs.Develop(Region(m.dir), certs.Options{Now: m.o.Now}); err != nil {
		return err
	}
	m.made = append(m.made, "region")
	return nil
}

// process makes the folder of the gateway, or of a country's adapter, which others reach
// under the name host.
func (m *maker) process(c gateway.Country, host string) error {
	folder := string(c)
	if c == "" {
		folder = "gateway"
	}
	if !m.has(folder + "/directory.json") {
		if err := certs.Part(Region(m.dir), filepath.Join(m.dir, folder), c); err != nil {
			return err
		}
		m.made = append(m.made, folder)
	}
	if err := m.server(folder, folder, host, alone); err != nil {
		return err
	}
	if err := m.authority(folder); err != nil {
		return err
	}
	var err error
	m.passwords[folder], err = m.secret(filepath.Join(folder, "redis.password"), alone)
	return err
}

// server certifies a process's TLS server, for its name and for this machine.
func (m *maker) server(folder, authority, host string, mode fs.FileMode) error {
	if m.has(folder + "/tls/server.pem") {
		return nil
	}
	chain, key, err := certs.Host(Region(m.dir), authority, []string{host, "localhost", "127.0.0.1", "::1"}, certs.Options{Now: m.o.Now})
	if err != nil {
		return err
	}
	if err := m.write(filepath.Join(folder, "tls", "server.key"), key, mode); err != nil {
		return err
	}
	return m.write(filepath.Join(folder, "tls", "server.pem"), chain, shared)
}

// authority copies the certificate by which the gateway and Redis are known: a country's
// authority certifies neither.
func (m *maker) authority(folder string) error {
	cert, err := os.ReadFile(filepath.Join(Region(m.dir), "ca", "gateway.pem"))
	if err != nil {
		return err
	}
	return m.renew(filepath.Join(folder, "tls", "gateway-ca.pem"), cert)
}

func (m *maker) redis() error {
	if err := m.server("redis", "gateway", "redis", shared); err != nil {
		return err
	}
	if err := m.authority("redis"); err != nil {
		return err
	}
	var err error
	if m.passwords[Health], err = m.secret(filepath.Join("redis", "health.password"), shared); err != nil {
		return err
	}
	hashes := make(map[string]string, len(m.passwords))
	for user, p := range m.passwords {
		hashes[user] = Hash(p)
	}
	users, err := Users(hashes)
	if err != nil {
		return err
	}
	return m.renew(filepath.Join("redis", "users.acl"), users)
}

// secret returns what a file holds, or makes one that nobody can guess.
func (m *maker) secret(name string, mode fs.FileMode) (string, error) {
	raw, err := os.ReadFile(filepath.Join(m.dir, name))
	if err == nil {
		s := strings.TrimSpace(string(raw))
		if s == "" {
			return "", fmt.Errorf("%s is empty: remove it, and it is made anew", name)
		}
		return s, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	s := rand.Text() + rand.Text()
	return s, m.write(name, []byte(s+"\n"), mode)
}

// renew writes a file that follows from others, where it does not hold that yet.
func (m *maker) renew(name string, data []byte) error {
	if old, err := os.ReadFile(filepath.Join(m.dir, name)); err == nil && bytes.Equal(old, data) {
		return nil
	}
	return m.write(name, data, shared)
}

func (m *maker) has(name string) bool {
	_, err := os.Stat(filepath.Join(m.dir, filepath.FromSlash(name)))
	return err == nil
}

// write puts a file in its place whole, or not at all.
func (m *maker) write(name string, data []byte, mode fs.FileMode) (err error) {
	path := filepath.Join(m.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".making-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err == nil && !slices.Contains(m.made, filepath.ToSlash(name)) {
		m.made = append(m.made, filepath.ToSlash(name))
	}
	return err
}
