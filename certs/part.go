package certs

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"example.org/trm/gateway"
)

// Part copies to a folder what the process of one country has of a region's, or with ""
// the gateway's: the directory and its pins, the authorities' certificates, and the
// private keys of its own parties alone. Approval keys stay behind: a second person holds
// them, away from the process. It writes over nothing: where there are keys already the
// error is [ErrExists].
func Part(dir, to string, c gateway.Country) error {
	files, err := partOf(dir, c)
	if err == nil {
		err = place(to, files)
	}
	if err != nil {
		return fmt.Errorf("copying the part of %s: %w", cmp.Or(string(c), string(gateway.TheGateway)), err)
	}
	return nil
}

func partOf(dir string, c gateway.Country) ([]file, error) {
	folder := filepath.Join("keys", string(c))
	if c == "" {
		folder = partyFolder(gateway.TheGateway)
	}
	names := []string{pinsFile, directoryFile, filepath.Join("tls", "ca.pem")}
	if _, err := os.Stat(filepath.Join(dir, noticeFile)); err == nil { // a development region's
		names = append(names, noticeFile)
	}
	err := filepath.WalkDir(filepath.Join(dir, folder), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), string(gateway.UseApproval)) {
			return err
		}
		name, err := filepath.Rel(dir, path)
		names = append(names, name)
		return err
	})
	if err != nil {
		return nil, err
	}
	var files []file
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		ext := filepath.Ext(name)
		files = append(files, file{name: name, data: data, private: ext == ".jwk" || ext == ".key"})
	}
	return files, nil
}

// Host makes a key and a certificate for a server that others reach by these names or
// addresses, under an authority of the folder: "gateway", or a country. chain is the
// certificate and its authority's, key the private key, both PEM. It writes nothing.
func Host(dir, authority string, names []string, o Options) (chain, key []byte, err error) {
	now := o.now()
	a, err := loadAuthority(dir, authority)
	if err != nil {
		return nil, nil, fmt.Errorf("certifying a server: %w", err)
	}
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("certifying a server: %w", err)
	}
	from := now.Add(-early)
	cert, err := a.forHost(authority, names, k.Public(), from, from.Add(signingLife))
	if err != nil {
		return nil, nil, err
	}
	if key, err = keyPEM(k); err != nil {
		return nil, nil, err
	}
	return certPEM(cert, a.cert), key, nil
}
