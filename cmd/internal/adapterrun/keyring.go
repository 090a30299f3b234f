package adapterrun

import (
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/trust"
)

// keyring holds the keys of the country's parties that are in the folder: an adapter
// serves those whose keys it was given. It is read again while the adapter runs, so that
// a key that runs out is followed by its successor, and one that was destroyed is gone.
// Safe for concurrent use.
type keyring struct {
	folder    string
	country   gateway.Country
	directory *trust.Live
	now       func() time.Time

	held atomic.Pointer[map[gateway.Party]*certs.Keys]
}

// reload reads the folder; what it cannot read leaves the old keys in place.
func (k *keyring) reload() error {
	held := make(map[gateway.Party]*certs.Keys)
	for _, p := range k.directory.Current().Parties() {
		if p.Country() != k.country {
			continue
		}
		found, err := certs.LoadAt(k.folder, p, k.now())
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		held[p] = found
	}
	if len(held) == 0 {
		return fmt.Errorf("loading keys: none of %s in the folder", k.country)
	}
	k.held.Store(&held)
	return nil
}

// find is the party's keys.
func (k *keyring) find(p gateway.Party) (*certs.Keys, bool) {
	found, ok := (*k.held.Load())[p]
	return found, ok
}

// Testify signs evidence with the key of use evidence that the signer has now.
func (k *keyring) Testify(s gateway.Statement) (string, error) {
	found, ok := k.find(s.Signer)
	if !ok || found.Evidence == nil {
		return "", fmt.Errorf("testifying: no evidence key of %s here", s.Signer)
	}
	return envelope.Notary{Keys: map[gateway.Party]*envelope.Private{s.Signer: found.Evidence}}.Testify(s)
}

var _ gateway.Notary = (*keyring)(nil)
