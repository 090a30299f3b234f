package site

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"example.org/trm/certs"
	"example.org/trm/gateway/ledger/quorum"
	"example.org/trm/gateway/ledger/witness"
	"example.org/trm/gateway/trust"
)

// watched is how many years of the log a witness is told of at once, with what may succeed
// each.
const watched = 3

// witnesses makes the folder of each witness that the directory's policy names: its key, the
// logs that it watches, and the state of one that has cosigned nothing. A state that is lost
// does not come back: a key without it would cosign a second history.
func (m *maker) witnesses() error {
	now := m.o.Now
	if now.IsZero() {
		now = time.Now()
	}
	d, err := trust.OpenFolder(Region(m.dir), now)
	if err != nil {
		return err
	}
	listed, ok := d.Log()
	if !ok {
		return nil
	}
	policy, err := quorum.Parse(listed.Policy)
	if err != nil {
		return err
	}
	for _, w := range policy.Witnesses {
		if err := m.witness(w.Name, listed, now); err != nil {
			return err
		}
	}
	return nil
}

func (m *maker) witness(name string, log trust.Log, now time.Time) error {
	folder := "witness-" + name
	if m.has(folder + "/witness.key") {
		return nil
	}
	key, err := os.ReadFile(filepath.Join(Region(m.dir), certs.WitnessKeyFile(name)))
	if err != nil {
		return err
	}
	var logs strings.Builder
	for year := now.UTC().Year(); year < now.UTC().Year()+watched; year++ {
		for _, after := range []string{"", ".2", ".3"} {
			fmt.Fprintf(&logs, "%s/%d%s %s\n", log.Name, year, after, log.Key)
		}
	}
	if err := m.write(filepath.Join(folder, "logs"), []byte(logs.String()), shared); err != nil {
		return err
	}
	// The key comes last: where it is, everything is.
	if !m.has(folder + "/witness.key.state") {
		if _, err := witness.Begin(filepath.Join(Region(m.dir), certs.WitnessKeyFile(name)), filepath.Join(m.dir, folder, "witness.key.state")); err != nil {
			return err
		}
		m.made = append(m.made, folder+"/witness.key.state")
	}
	return m.write(filepath.Join(folder, "witness.key"), key, alone)
}
