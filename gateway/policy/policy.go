package policy

import (
	_ "embed"
	"slices"

	"example.org/trm/gateway"
)

//go:embed policy.yaml
var data []byte

// DefaultDeny is the rule that a part is withheld by when no rule allows it.
const DefaultDeny = "default-deny"

// Policy is one release of the rules, compiled. It is immutable and safe for concurrent
// use; a decision takes microseconds and asks nobody. Only [Parse] makes one.
type Policy struct {
	release string
	sources map[string]string
	lists   map[string][]string
	rules   []Rule
	digest  string
	source  []byte
	topics  map[string]*ruleset
	others  ruleset // for a topic that no rule names
}

// Default is the policy that this release carries.
func Default() (*Policy, error) { return Parse(data) }

// Release names the edition of the rules, such as "2026-11".
func (p *Policy) Release() string { return p.release }

// Digest is the SHA-256 of the policy file, base64url: what a binding names.
func (p *Policy) Digest() string { return p.digest }

// File is the policy file, byte for byte: what Digest names. Read it only.
func (p *Policy) File() []byte { return p.source }

// Rules are the rules in the order of the file. They are shared: read them only.
func (p *Policy) Rules() []Rule { return p.rules }

// Rule finds a rule by its id.
func (p *Policy) Rule(id string) (Rule, bool) {
	i := slices.IndexFunc(p.rules, func(r Rule) bool { return r.ID == id })
	if i < 0 {
		return Rule{}, false
	}
	return p.rules[i], true
}

// Source is the full title of a legal source that a rule names by its key.
func (p *Policy) Source(key string) string { return p.sources[key] }

// Lists are the file's lists of words, which its rules name.
func (p *Policy) Lists() map[string][]string { return p.lists }

var _ gateway.Policy = (*Policy)(nil)
