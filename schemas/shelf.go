package schemas

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/schemas/internal/generate"
)

// State is how far a release is in its life.
type State string

// The states. Whatever its state, what a release said stays readable.
const (
	Announced   State = "announced"   // published, and not yet in force
	Current     State = "current"     // new messages name it
	Overlapping State = "overlapping" // superseded, and still accepted
	Ended       State = "ended"       // accepted no longer
)

// Issue is a release on the shelf, and where it stands.
type Issue struct {
	Release string
	State   State
	Life
	// Until is when it is accepted no longer; zero while no other follows it.
	Until  time.Time
	Signed []byte // its manifest; nil for what is built in
}

// Under is the set for a process with a clock of its own: the same types and releases, and
// what one takes from then on the other does not have.
func (s *Set) Under(now func() time.Time) *Set {
	out := &Set{rows: s.rows, byName: s.byName, now: now, reading: s.reading}
	out.shelf.Store(s.shelf.Load())
	return out
}

// Release is the code-list release that new messages name.
func (s *Set) Release() string { return s.latest().name }

// Releases lists the code-list releases that are accepted now, the oldest first. A release
// stays accepted for at least a year after the next, so that nobody is refused overnight.
func (s *Set) Releases() []string { return s.shelf.Load().accepted(s.now()) }

// Issues lists every release that is here with its state now, the oldest first.
func (s *Set) Issues() []Issue {
	sh, now := s.shelf.Load(), s.now()
	out := make([]Issue, len(sh.releases))
	for i, r := range sh.releases {
		out[i] = Issue{Release: r.name, State: sh.state(i, now), Life: r.life, Until: sh.until(i), Signed: slices.Clone(r.signed)}
	}
	return out
}

// Published is a release that is here as it is published.
func (s *Set) Published(name string) (Release, bool) {
	r, ok := s.release(name)
	if !ok {
		return Release{}, false
	}
	return Release{Name: r.name, Lists: r.lists, Texts: r.texts}, true
}

// until is when a release is accepted no longer.
func (sh *shelf) until(i int) time.Time {
	if i+1 == len(sh.releases) {
		return time.Time{}
	}
	return sh.releases[i+1].life.Overlaps
}

func (sh *shelf) state(i int, t time.Time) State {
	until := sh.until(i)
	switch {
	case sh.releases[i].life.Activates.After(t):
		return Announced
	case !until.IsZero() && !t.Before(until):
		return Ended
	case i+1 < len(sh.releases) && !sh.releases[i+1].life.Activates.After(t):
		return Overlapping
	}
	return Current
}

func (sh *shelf) accepted(t time.Time) []string {
	var out []string
	for i, r := range sh.releases {
		if st := sh.state(i, t); st == Current || st == Overlapping {
			out = append(out, r.name)
		}
	}
	return out
}

// latest is the release that is in force now.
func (s *Set) latest() *release {
	sh, now := s.shelf.Load(), s.now()
	for _, r := range slices.Backward(sh.releases) {
		if !r.life.Activates.After(now) {
			return r
		}
	}
	return sh.releases[0]
}

// release finds a release, whatever its state.
func (s *Set) release(name string) (*release, bool) {
	all := s.shelf.Load().releases
	i := slices.IndexFunc(all, func(r *release) bool { return r.name == name })
	if i < 0 {
		return nil, false
	}
	return all[i], true
}

// accepted finds the release that a message of that time may name. It is judged as of the
// moment of signing, so that the answer is the same whenever and wherever it is asked.
func (s *Set) accepted(name string, signed time.Time) (*release, error) {
	sh := s.shelf.Load()
	i := slices.IndexFunc(sh.releases, func(r *release) bool { return r.name == name })
	hint := ""
	if i >= 0 {
		// A clock that is a little ahead meets the activation a little early.
		switch at := signed; sh.state(i, at) {
		case Current, Overlapping:
			return sh.releases[i], nil
		case Announced:
			if from := sh.releases[i].life.Activates; !from.After(at.Add(gateway.Skew)) {
				return sh.releases[i], nil
			} else {
				hint = fmt.Sprintf("Release %s comes into force on %s. ", name, from.UTC().Format(time.DateOnly))
			}
		case Ended:
			hint = fmt.Sprintf("Release %s ended on %s. ", name, sh.until(i).UTC().Format(time.DateOnly))
		}
	} else if releaseName.MatchString(name) {
		hint = fmt.Sprintf("Release %s is not known here. ", name)
	}
	return nil, gateway.Refuse(gateway.CodeCodesUnknown, "/codes", hint+"Accepted: "+strings.Join(sh.accepted(signed), ", ")+"; /v1/codes has them.")
}

// anyRelease is the release of no name, for [Reader].
func (s *Set) anyRelease(fsys fs.FS) (*release, error) {
	src, err := generate.ReadOpen(fsys)
	if err != nil {
		return nil, err
	}
	return s.compileSource(src)
}

// compileSource makes a release's schemas from its sources.
func (s *Set) compileSource(src *generate.Source) (*release, error) {
	all, err := src.Files()
	if err != nil {
		return nil, err
	}
	r := &release{name: src.Release, lists: src.Lists, types: map[string]*schema{}, blocks: map[string]*schema{}, files: map[string][]byte{}}
	for name, data := range all {
		if strings.HasPrefix(name, "generated/") {
			r.files[name] = data
		}
	}
	dir := "generated/" + src.Release
	for _, row := range s.rows {
		name := dir + "/types/" + generate.FileName(row.Name)
		if r.types[row.Name], err = compile(name, r.files[name]); err != nil {
			return nil, err
		}
	}
	for block := range src.Blocks {
		name := dir + "/blocks/" + block + ".json"
		if r.blocks[block], err = compile(name, r.files[name]); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// filesOf are the files of everything on a shelf.
func (s *Set) filesOf(sh *shelf) (map[string][]byte, error) {
	out, err := builtIn()
	if err != nil {
		return nil, err
	}
	for _, r := range sh.releases {
		maps.Copy(out, r.files)
	}
	return out, nil
}
