package certs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"example.org/trm/gateway"
	"example.org/trm/gateway/ledger/quorum"
	"example.org/trm/gateway/trust"
)

// LogName is the name of the development region's log; its origins are "trm/2026" and so on.
const LogName = "trm"

// witnesses are those who witness the development region's log, by country and in the
// order of its policy; two of the three must have.
var witnesses = [...]gateway.Country{"al", "md", "me"}

// LogKeyFile is where the log's private key lies in a folder of keys: never in the
// database, which restores and copies reach.
func LogKeyFile() string { return filepath.Join(partyFolder(gateway.TheGateway), "log.key") }

// WitnessKeyFile is where a witness' private key lies in a development folder. A real one
// lies with its institution and nowhere else.
func WitnessKeyFile(name string) string { return filepath.Join("keys", "witnesses", name+".key") }

// NewLog makes the private key of a region's log, never over another, and returns what the
// next directory is to list. Its policy asks for no witness: put theirs there.
func NewLog(dir, name string) (trust.Log, error) {
	line, k, err := quorum.Generate(name, quorum.Log)
	if err != nil {
		return trust.Log{}, fmt.Errorf("making the log's key: %w", err)
	}
	if err := (file{name: LogKeyFile(), data: []byte(line), private: true}).write(dir); err != nil {
		return trust.Log{}, fmt.Errorf("making the log's key: %w", err)
	}
	return trust.Log{Name: name, Key: k.String(), Policy: "quorum none\n"}, nil
}

// log makes the key of the log and those of its witnesses. The policy names no address:
// where a witness of a development region listens differs from one machine to the next.
func (m *maker) log() error {
	l := &trust.Log{Name: LogName}
	k, err := m.signer(LogKeyFile(), LogName, quorum.Log)
	if err != nil {
		return err
	}
	l.Key = k.String()
	var b strings.Builder
	for _, c := range witnesses {
		k, err := m.signer(WitnessKeyFile(string(c)), string(c)+".witness.example.org", quorum.Witness)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "witness %s %s\n", c, k)
	}
	fmt.Fprintf(&b, "group most 2 al md me\nquorum most\n")
	l.Policy = b.String()
	m.doc.Log = l
	return nil
}

func (m *maker) signer(path, name string, kind quorum.Kind) (quorum.Key, error) {
	line, k, err := quorum.Generate(name, kind)
	if err != nil {
		return quorum.Key{}, err
	}
	m.add(path, []byte("# TEST KEY\n"+line), true)
	m.report.Keys++
	return k, nil
}

// signsLog reports whether a file is a log's or a witness' key, not an assertion's.
func signsLog(rel string) bool {
	return rel == LogKeyFile() || filepath.Dir(rel) == filepath.Join("keys", "witnesses")
}

// signer checks the key of the log, or of a witness, against the directory in force.
func (c *check) signer(path, rel string) {
	raw, err := os.ReadFile(path)
	if err != nil {
		c.find(rel, "bring the file back", "%s", plain(err))
		return
	}
	_, k, err := quorum.ParsePrivate(string(raw))
	if err != nil {
		c.find(rel, "bring the key back", "%s", err)
		return
	}
	if c.inForce == nil {
		return
	}
	if !c.inForce.Development() && strings.HasPrefix(string(raw), "# TEST KEY") {
		c.find(rel, "make a new key", "a TEST KEY among real ones")
	}
	l, _ := c.inForce.Log()
	switch p, err := quorum.Parse(l.Policy); {
	case rel == LogKeyFile() && l.Key != k.String():
		c.find(rel, "list it in the next directory, or bring the listed one back", "the directory lists another key for the log, or none")
	case rel != LogKeyFile() && (err != nil || !witnessed(p, k)):
		c.find(rel, "propose it for the policy of the next directory, or destroy it", "no witness of the log has this key")
	}
}

func witnessed(p quorum.Policy, k quorum.Key) bool {
	for _, w := range p.Witnesses {
		if w.Key.Equal(k) {
			return true
		}
	}
	return false
}
