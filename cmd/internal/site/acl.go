package site

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"example.org/trm/gateway"
	"example.org/trm/gateway/queue"
)

// Gateway and Health are the users of Redis beside those of the countries, which are
// called as the country is. Health may ask whether Redis answers and nothing else.
const (
	Gateway = "gateway"
	Health  = "health"
)

// Users is the ACL file of a region's Redis: one user for each name in hashes, which are
// what [Hash] makes of their passwords, and nobody else. Redis reads it at its start
// (aclfile), and again on ACL LOAD. Who calls without a name, or as "default", is refused:
// that user is off and has no password. Its rights are those with which Redis reads its
// own append-only file at its start; with fewer it would leave out every transaction, and
// entries that were removed would be there again.
func Users(hashes map[string]string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("user default off resetpass ~* &* +@all\n")
	for _, name := range slices.Sorted(maps.Keys(hashes)) {
		rules, err := rights(name)
		if err != nil {
			return nil, fmt.Errorf("writing the users of redis: %w", err)
		}
		if !hashed.MatchString(hashes[name]) {
			return nil, fmt.Errorf("writing the users of redis: the hash of %s is not a SHA-256 in hexadecimal", name)
		}
		fmt.Fprintf(&b, "user %s %s on #%s\n", name, strings.Join(rules, " "), hashes[name])
	}
	return b.Bytes(), nil
}

var hashed = regexp.MustCompile(`^[0-9a-f]{64}$`)

func rights(name string) ([]string, error) {
	switch c := gateway.Country(name); {
	case name == Gateway:
		return queue.GatewayACL(), nil
	case name == Health:
		return []string{"reset", "-@all", "+ping"}, nil
	case c.Valid():
		return queue.ACL(c), nil
	}
	return nil, fmt.Errorf("%q is neither a country nor %s nor %s", name, Gateway, Health)
}

// Hash is a password as Redis keeps it. A password is long and random, so that its bare
// hash may be shown: a country may make its own and send only this.
func Hash(password string) string {
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}

// ReadHashes reads a folder with a file for each user: rs.password, one line, or
// rs.sha256, its hash, as sha256sum prints it. Other files are not read.
func ReadHashes(dir string) (map[string]string, error) {
	hashes := map[string]string{}
	for _, name := range users() {
		h, err := readHash(dir, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the passwords of redis: %w", err)
		}
		hashes[name] = h
	}
	return hashes, nil
}

func readHash(dir, name string) (string, error) {
	raw, err := os.ReadFile(filepath.Join(dir, name+".sha256"))
	switch {
	case err == nil:
		h, _, _ := strings.Cut(strings.TrimSpace(string(raw)), " ")
		return h, nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	if raw, err = os.ReadFile(filepath.Join(dir, name+".password")); err != nil {
		return "", err
	}
	p := strings.TrimRight(string(raw), "\r\n")
	if len(p) < 16 || strings.ContainsAny(p, "\r\n") {
		return "", fmt.Errorf("%s.password: give one line of 16 characters or more", name)
	}
	return Hash(p), nil
}

// users are all names that a region's Redis may know.
func users() []string {
	all := []string{Gateway, Health}
	for _, c := range gateway.Countries {
		all = append(all, string(c))
	}
	return all
}
