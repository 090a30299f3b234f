package quorum

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxText bounds a policy before it is read, and maxRows what it defines: as many as C2SP
// asks an implementation to take at least.
const (
	maxText = 64 << 10
	maxRows = 64
)

// Policy says which witnesses must have cosigned a checkpoint: the text form is C2SP
// tlog-policy. The zero value is satisfied by nothing; "quorum none" by everything.
type Policy struct {
	Logs      []LogRow     // may be empty: the log is known from elsewhere
	Witnesses []WitnessRow // in the order of the text
	groups    map[string]group
	quorum    string
}

// LogRow is a log that the policy accepts.
type LogRow struct {
	Key Key
	URL string // may be empty
}

// WitnessRow is a witness that the policy knows.
type WitnessRow struct {
	Name string // in the policy alone; the key has its own
	Key  Key
	URL  string // where the log asks it, may be empty (C2SP tlog-witness, submission prefix)
}

// group is satisfied by k of its members. A witness is a group without members.
type group struct {
	k       int
	members []string
}

// None is the name of the quorum that asks for no cosignature.
const None = "none"

// Parse reads a policy strictly: an unknown word, a name used before it is defined or twice
// as a member, a key listed twice, and more or less than one quorum line are errors, which
// name the line.
func Parse(text string) (Policy, error) {
	p := reader{groups: map[string]group{}, member: map[string]bool{}, keys: map[string]bool{}}
	if len(text) > maxText || !strings.HasSuffix(text, "\n") {
		return Policy{}, fmt.Errorf("reading a witness policy: it is too long, or its last line does not end")
	}
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if err := p.line(line); err != nil {
			return Policy{}, fmt.Errorf("reading a witness policy: line %d: %w", i+1, err)
		}
	}
	if p.policy.quorum == "" {
		return Policy{}, fmt.Errorf("reading a witness policy: it has no quorum line")
	}
	p.policy.groups = p.groups
	return p.policy, nil
}

// reader is a policy as far as it was read.
type reader struct {
	policy Policy
	groups map[string]group
	member map[string]bool // names that are members of a group, or the quorum
	keys   map[string]bool // public keys of logs, and of witnesses, by kind
}

func (r *reader) line(line string) error {
	for i := range len(line) {
		if c := line[i]; c < 0x20 && c != '\t' || c == 0x7f {
			return fmt.Errorf("a control character")
		}
	}
	f := strings.FieldsFunc(line, func(c rune) bool { return c == ' ' || c == '\t' })
	if len(f) == 0 || strings.HasPrefix(f[0], "#") {
		return nil
	}
	switch word, f := f[0], f[1:]; {
	case word == "log" && (len(f) == 1 || len(f) == 2):
		return r.log(f)
	case word == "witness" && (len(f) == 2 || len(f) == 3):
		return r.witness(f)
	case word == "group" && len(f) >= 3:
		return r.group(f[0], f[1], f[2:])
	case word == "quorum" && len(f) == 1:
		return r.quorum(f[0])
	}
	return fmt.Errorf("it is not: log KEY [URL], witness NAME KEY [URL], group NAME all|any|K NAME..., or quorum NAME")
}

func (r *reader) log(f []string) error {
	k, err := r.key(f[0], Log)
	if err != nil {
		return err
	}
	r.policy.Logs = append(r.policy.Logs, LogRow{Key: k, URL: strings.Join(f[1:], "")})
	return bounded(len(r.policy.Logs))
}

func (r *reader) witness(f []string) error {
	k, err := r.key(f[1], Witness)
	if err != nil {
		return err
	}
	r.policy.Witnesses = append(r.policy.Witnesses, WitnessRow{Name: f[0], Key: k, URL: strings.Join(f[2:], "")})
	return r.define(f[0], group{})
}

// key refuses a public key that another line has: one institution would count twice.
func (r *reader) key(vkey string, want Kind) (Key, error) {
	k, err := ParseKey(vkey)
	if err != nil || k.Kind != want {
		return Key{}, fmt.Errorf("%w of the kind that the line needs", ErrKey)
	}
	bytes := string(byte(want)) + string(k.Public)
	if r.keys[bytes] {
		return Key{}, fmt.Errorf("the key stands in another line too")
	}
	r.keys[bytes] = true
	return k, nil
}

func (r *reader) group(name, number string, members []string) error {
	k, err := strconv.Atoi(number)
	switch {
	case number == "any":
		k = 1
	case number == "all":
		k = len(members)
	case err != nil || strconv.Itoa(k) != number || k < 1 || k > len(members):
		return fmt.Errorf("the number of members is not all, any, or from 1 to %d", len(members))
	}
	for _, m := range members {
		if err := r.use(m); err != nil {
			return err
		}
	}
	return r.define(name, group{k, slices.Clone(members)})
}

func (r *reader) quorum(name string) error {
	if r.policy.quorum != "" {
		return fmt.Errorf("a second quorum")
	}
	r.policy.quorum = name
	if name == None {
		return nil
	}
	if _, ok := r.groups[name]; !ok {
		return fmt.Errorf("the name is not defined above")
	}
	return nil
}

func (r *reader) define(name string, g group) error {
	if _, twice := r.groups[name]; twice || name == None {
		return fmt.Errorf("the name is taken")
	}
	r.groups[name] = g
	return bounded(len(r.groups))
}

// use lets a name be a member once: a witness that counted in two groups would count twice.
func (r *reader) use(name string) error {
	if _, ok := r.groups[name]; !ok {
		return fmt.Errorf("a member is not defined above")
	}
	if r.member[name] {
		return fmt.Errorf("a member is counted twice")
	}
	r.member[name] = true
	return nil
}

func bounded(n int) error {
	if n > maxRows {
		return fmt.Errorf("more than %d are not taken", maxRows)
	}
	return nil
}

// Satisfied reports whether the witnesses that cosigned, by their name in the policy, are
// enough.
func (p Policy) Satisfied(cosigned func(name string) bool) bool {
	if p.quorum == None {
		return true
	}
	return p.has(p.quorum, cosigned)
}

func (p Policy) has(name string, cosigned func(string) bool) bool {
	g, ok := p.groups[name]
	if !ok {
		return false
	}
	if len(g.members) == 0 {
		return cosigned(name)
	}
	n := 0
	for _, m := range g.members {
		if p.has(m, cosigned) {
			n++
		}
	}
	return n >= g.k
}

// Alone reports whether the policy asks for no witness at all.
func (p Policy) Alone() bool { return p.quorum == None }
