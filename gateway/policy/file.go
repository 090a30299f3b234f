package policy

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"example.org/trm/gateway"
)

// file is the data file: sources of law, lists that rules name, and the rules.
type file struct {
	Release string              `yaml:"release"`
	Sources map[string]string   `yaml:"sources"`
	Lists   map[string][]string `yaml:"lists"`
	Rules   []Rule              `yaml:"rules"`
}

// Parse reads and compiles a policy file. It is strict: unknown members, unknown words
// in closed lists, a rule without law or example, are faults, and it reports every fault
// at once, each with the rule's id.
func Parse(data []byte) (*Policy, error) {
	var f file
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("reading policy: %w", err)
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, errors.New("reading policy: one document only")
	}
	p := &Policy{release: f.Release, sources: f.Sources, lists: f.Lists, rules: f.Rules, digest: gateway.Digest(sha256.Sum256(data)).String(), source: data}
	var faults []error
	if f.Release == "" {
		faults = append(faults, errors.New("reading policy: no release"))
	}
	compiled := make([]*rule, 0, len(f.Rules))
	seen := make(map[string]bool)
	for i := range p.rules {
		r := &p.rules[i]
		r.Says, r.Fix = plain(r.Says), plain(r.Fix)
		err := r.check(f)
		if seen[r.ID] {
			err = errors.Join(err, errors.New("this id is used twice"))
		}
		seen[r.ID] = true
		if err != nil {
			faults = append(faults, fmt.Errorf("reading policy: rule %q: %w", r.ID, err))
			continue
		}
		compiled = append(compiled, r.compile(f.Lists))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	p.index(compiled)
	return p, nil
}

func (r *Rule) compile(lists map[string][]string) *rule {
	c := &rule{Rule: r, when: compile(expand(r.When, lists))}
	for _, w := range r.Unless {
		c.unless = append(c.unless, compile(expand(w, lists)))
	}
	if r.Effect == Refuse {
		c.problem = *gateway.Refuse(r.Code, pointer(r.Code), r.Fix)
		c.problem.Rule = r.ID
	}
	return c
}

// expand puts a list's entries where its name stands.
func expand(w When, lists map[string][]string) When {
	for _, l := range []*[]string{&w.Types, &w.From, &w.To, &w.Units, &w.Readers, &w.Purposes, &w.Bases, &w.Agreement, &w.Decided, &w.Lacks} {
		var out []string
		for _, s := range *l {
			if entries, ok := lists[s]; ok {
				out = append(out, entries...)
			} else {
				out = append(out, s)
			}
		}
		*l = out
	}
	return w
}

var (
	idForm   = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	typeForm = regexp.MustCompile(`^([a-z]+|\*)\.([a-z]+|\*)(#[a-z]+(-[a-z0-9]+)*)?$`)
	unitForm = regexp.MustCompile(`^(clear|sealed|[a-zA-Z]+|[a-z]+/[a-zA-Z]+|([a-z]+|\*)@(\*|[a-z]+(-[a-z]+)*))$`)
)

// check reports everything that is wrong with a rule as written.
func (r *Rule) check(f file) error {
	var faults []error
	must := func(ok bool, format string, a ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, a...))
		}
	}
	must(idForm.MatchString(r.ID) && r.ID != DefaultDeny, "an id is lower-case words joined by hyphens")
	must(r.Says != "", "says nothing")
	must(len(r.Law) > 0, "names no law")
	for _, l := range r.Law {
		must(f.Sources[l] != "", "law %q is not among the sources", l)
	}
	must(within(Refuse, Withhold, Allow, Duty)(r.Effect), "effect %q is unknown", r.Effect)
	must(within(Origin, Gateway, Destination)(r.Enforcer), "enforcer %q is unknown", r.Enforcer)
	must((r.Effect == Duty) == (r.Enforcer != Gateway), "the gateway enforces what it can see; a duty is kept by an office")
	must((r.Code != "") == (r.Effect == Refuse), "refusals, and they alone, have a code")
	if _, ok := gateway.Codes[r.Code]; r.Code != "" {
		must(ok, "code %q is unknown", r.Code)
	}
	must(r.Fix == "" || r.Effect == Refuse && r.Code != gateway.CodeAttestationMissing, "only refusals are fixed, and a missing attestation always gets the same words")
	must(r.Effect != Refuse || !r.When.asksUnit(), "whether a message travels does not depend on its units")
	must(r.Effect != Withhold && r.Effect != Allow || r.When.asksUnit(), "names no unit")
	must(len(r.Override) == 0 || (r.Effect == Refuse || r.Effect == Withhold) && r.Code != gateway.CodeAttestationMissing, "only what refuses or withholds is overridden, and never what a missing attestation would tell")
	for _, o := range r.Override {
		must(slices.Contains(gateway.OverrideReasons[:], o), "override %q is no reason", o)
	}
	must((len(r.Shown) > 0) == (r.Effect == Duty), "a duty, and it alone, says where it is shown")
	for _, s := range r.Shown {
		must(within(InPreview, AtOpening, AtReview)(s), "place %q is unknown", s)
	}
	if r.Effect != Duty {
		must(r.Examples.Decides.Type != "" && r.Examples.Passes.Type != "", "an example that it decides and one that it lets pass are required")
	}
	for _, w := range r.Unless {
		must(!w.asksUnit(), "an exception speaks of the message, not of units")
	}
	for _, w := range append([]When{r.When}, r.Unless...) {
		faults = append(faults, w.check(f.Lists))
	}
	return errors.Join(faults...)
}

func (w When) check(lists map[string][]string) error {
	x := expand(w, lists)
	stated := within("given", "limited", "refused", "not-asked", "unsaid", "override")
	var faults []error
	faults = append(faults,
		each("type", x.Types, typeForm.MatchString),
		each("unit", x.Units, unitForm.MatchString),
		each("agreement", x.Agreement, func(s string) bool { s, _, _ = strings.Cut(s, ":"); return stated(s) }),
		each("lane", x.Lanes, within(gateway.Normal, gateway.Child, gateway.Urgent)),
		each("class", x.Classes, within(gateway.ClassC1, gateway.ClassC2, gateway.ClassP1, gateway.ClassP2, gateway.ClassP3)),
		each("fact", x.Thread, within(New, Begun, Accepted, NotAccepted, Declined, Closed, Withdrawn, OfAge)),
		each("fault", x.Found, within(PurposeOutsidePair, BasisOutsidePair, AgreementUnsaid, SenderOutsideType, ReceiverOutsideType, ClassOutsideRole)))
	for _, l := range [][]string{x.From, x.To, x.Readers, x.Purposes, x.Bases, x.Decided, x.Lacks} {
		faults = append(faults, each("word", l, idForm.MatchString))
	}
	if slices.Contains(x.Found, ClassOutsideRole) && len(x.Found) > 1 {
		faults = append(faults, errors.New("class-outside-role stands alone"))
	}
	return errors.Join(faults...)
}

func within[T comparable](list ...T) func(T) bool {
	return func(v T) bool { return slices.Contains(list, v) }
}

func each[T any](what string, list []T, ok func(T) bool) error {
	for _, v := range list {
		if !ok(v) {
			return fmt.Errorf("%s %q is not one", what, fmt.Sprint(v))
		}
	}
	return nil
}
