package certs

import (
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"example.org/trm/gateway"
)

// The folder that Develop makes:
//
//	directory.json pins.json          public: the directory, and whose hands it needs
//	keys/rs/coordinator/message.jwk   private, 0600; after a renewal also message-2.jwk
//	keys/rs/coordinator/message.pem   its certificate, then its authority's
//	keys/rs/coordinator/assertion.key the same private key for TLS, as PKCS #8
//	keys/gateway/evidence.jwk         ...
//	keys/gateway/log.key              the log's signer, one line
//	keys/witnesses/me.key             a witness' signer
//	keys/coordinators/rs.jwk          private, 0600: a coordinator's directory key
//	ca/rs.pem ca/rs.key               an authority and its private key
//	tls/ca.pem                        all authorities, for TLS
//	tls/rs.pem tls/rs.key             a server on this machine; tls/gateway.* too
//	directories/ statements/          what trust.Register took
//
// A real office has only its own part of this.
const (
	directoryFile = "directory.json"
	pinsFile      = "pins.json"
	noticeFile    = "TEST-KEYS.txt"
)

func partyFolder(p gateway.Party) string { return filepath.Join("keys", filepath.FromSlash(string(p))) }

func directoryKeyFile(c gateway.Country) string {
	return filepath.Join("keys", "coordinators", string(c)+".jwk")
}

// authorityOf is the authority that certifies a party's keys: its country's, or the
// gateway's for those that have no country.
func authorityOf(p gateway.Party) string {
	if c := p.Country(); c != "" {
		return string(c)
	}
	return "gateway"
}

// authorities are the names of all of them, which are also those of the TLS servers.
func authorities() []string {
	out := []string{"gateway"}
	for _, c := range gateway.Countries {
		out = append(out, string(c))
	}
	return out
}

// file is one that is about to be written.
type file struct {
	name    string // relative, with the system's separator
	data    []byte
	private bool
}

func (f file) mode() os.FileMode {
	if f.private {
		return 0o600
	}
	return 0o644
}

// write creates the file and its folders. It never replaces one.
func (f file) write(dir string) error {
	path := filepath.Join(dir, f.name)
	mode := os.FileMode(0o755)
	if strings.HasPrefix(f.name, "keys") {
		mode = 0o700
	}
	if err := os.MkdirAll(filepath.Dir(path), mode); err != nil {
		return err
	}
	w, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.mode())
	if err != nil {
		return err
	}
	_, err = w.Write(f.data)
	return errors.Join(err, w.Close())
}

// ErrExists says that a folder has keys already. Nothing was written.
var ErrExists = errors.New("there are keys already, and keys are never written over")

// place writes files into a folder that has none of theirs. They are written beside it
// and moved in, the folder of keys first and the directory last: whoever finds a directory
// finds everything, and of two who do this at once one gets ErrExists.
func place(dir string, files []file) (err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	tops := []string{"keys", "ca", "tls", noticeFile, pinsFile, directoryFile}
	for _, name := range tops {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return fmt.Errorf("%s: %w", name, ErrExists)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	making, err := os.MkdirTemp(dir, ".making-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(making)) }()
	for _, f := range files {
		if err := f.write(making); err != nil {
			return err
		}
	}
	for _, name := range tops {
		if _, err := os.Lstat(filepath.Join(making, name)); errors.Is(err, fs.ErrNotExist) {
			continue // a part of a region has no authorities
		}
		if err := os.Rename(filepath.Join(making, name), filepath.Join(dir, name)); err != nil {
			if errors.Is(err, fs.ErrExist) {
				err = ErrExists
			}
			return fmt.Errorf("moving %s: %w", name, err)
		}
	}
	return nil
}

// privatePEM is a private key as a file.
func privatePEM(name string, k crypto.Signer) (file, error) {
	data, err := keyPEM(k)
	return file{name: name, data: data, private: true}, err
}
