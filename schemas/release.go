package schemas

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"time"

	"example.org/trm/schemas/internal/generate"
	"example.org/trm/schemas/internal/table"
)

// Release is an edition of the code lists as it is published: what a file holds that goes
// from the gateway to every adapter.
type Release struct {
	Name  string `json:"release"` // year and month, "2027-03"
	Lists []List `json:"lists"`   // all of them, also those that did not change
	// Texts are the codes in other languages than English, by language, list and code.
	Texts Texts `json:"texts,omitempty"`
}

// Texts are codes in other languages: by language, list and code.
type Texts map[string]map[string]map[string]string

// Life is when a release holds. The zero value is of the first release, which holds from
// the beginning and follows nothing.
type Life struct {
	Published time.Time
	Activates time.Time // new messages name it from then on
	// Supersedes is the release before, and Overlaps until when that one is accepted beside
	// this one: until then nobody is refused who has not taken it yet.
	Supersedes string
	Overlaps   time.Time
}

// Overlap is the shortest time for which two releases are accepted side by side.
const Overlap = 365 * 24 * time.Hour

// Notice is the shortest time between publishing a release and its coming into force.
const Notice = 14 * 24 * time.Hour

var (
	errReleaseForm = errors.New("is not the form of a release: JSON with release and lists, nothing else")
	errReleaseName = errors.New("a release is named by year and month, such as 2027-03")
	releaseName    = regexp.MustCompile(`^[0-9]{4}-(0[1-9]|1[0-2])$`)
)

// MaxRelease is the bytes of the largest release that is read.
const MaxRelease = 4 << 20

// ParseRelease reads a published release and checks its form. Whether anybody signed it is
// for the caller to ask, of its digests.
func ParseRelease(raw []byte) (Release, error) {
	var r Release
	if len(raw) > MaxRelease {
		return r, fmt.Errorf("reading a release: larger than %d bytes", MaxRelease)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil || d.Decode(new(any)) != io.EOF {
		return Release{}, fmt.Errorf("reading a release: %w", errReleaseForm)
	}
	if err := r.check(); err != nil {
		return Release{}, fmt.Errorf("reading a release: %w", err)
	}
	return r, nil
}

func (r Release) check() error {
	if !releaseName.MatchString(r.Name) {
		return errReleaseName
	}
	if err := table.CheckLists(r.Lists); err != nil {
		return err
	}
	return r.Texts.check(r.Lists)
}

// Digests name what the release holds, part by part: SHA-256, base64url without padding,
// over the JSON of each list by its name, and of the texts of each language as "texts/sq".
// The same release has the same ones, however its file is written.
func (r Release) Digests() map[string]string {
	out := make(map[string]string, len(r.Lists)+len(r.Texts))
	name := func(part string, v any) {
		raw, _ := json.Marshal(v) // strings only: it cannot fail
		sum := sha256.Sum256(raw)
		out[part] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	for _, l := range r.Lists {
		name(l.Name, l)
	}
	for lang, texts := range r.Texts {
		name("texts/"+lang, texts)
	}
	return out
}

// Marshal writes the release as the file that is published.
func (r Release) Marshal() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(r); err != nil {
		return nil, fmt.Errorf("writing a release: %w", err)
	}
	return b.Bytes(), nil
}

// Take puts a release on the shelf beside those that are there: what messages may say from
// its activation on. signed is the manifest, kept to be shown and not looked into; the
// caller has proven it and that the digests in it are the release's.
//
// A release follows the newest on the shelf, keeps every list and every code, except codes
// that the one before had deprecated until a day that has come when this one activates,
// and leaves what the table of types names. One that is there already is taken again
// without effect, but for its life and manifest if it was built in; the first of all holds
// from the beginning, whatever its manifest says.
func (s *Set) Take(r Release, l Life, signed []byte) error {
	s.taking.Lock()
	defer s.taking.Unlock()
	if err := s.take(r, l, signed); err != nil {
		return fmt.Errorf("taking release %q: %w", r.Name, err)
	}
	return nil
}

var (
	errOther    = errors.New("another release of that name is here")
	errFollows  = errors.New("it does not follow the newest release that is here")
	errLife     = errors.New("its dates are not in order")
	errTooSoon  = fmt.Errorf("it comes into force less than %d days after it was published", int(Notice.Hours()/24))
	errTooShort = fmt.Errorf("it overlaps the release before for less than %d days", int(Overlap.Hours()/24))
)

func (s *Set) take(r Release, l Life, signed []byte) error {
	if err := r.check(); err != nil {
		return err
	}
	old := s.shelf.Load()
	if i := slices.IndexFunc(old.releases, func(o *release) bool { return o.name == r.Name }); i >= 0 {
		here := old.releases[i]
		if !maps.Equal((Release{Lists: here.lists}).Digests(), (Release{Lists: r.Lists}).Digests()) {
			return errOther
		}
		if here.signed != nil {
			return nil
		}
		if i == 0 {
			l = here.life // or a date to come would leave nothing that a message may name
		} else if err := l.follows(r.Name, old.releases[i-1]); err != nil {
			return err
		} else if i+1 < len(old.releases) && !old.releases[i+1].life.Published.IsZero() && !old.releases[i+1].life.Activates.After(l.Activates) {
			return errLife
		}
		again := *here
		again.life, again.signed, again.texts = l, slices.Clone(signed), r.Texts
		next := &shelf{releases: slices.Clone(old.releases), digest: old.digest}
		next.releases[i] = &again
		s.shelf.Store(next)
		return nil
	}
	last := old.releases[len(old.releases)-1]
	if err := l.follows(r.Name, last); err != nil {
		return err
	}
	if err := s.follows(r, last, l.Activates); err != nil {
		return err
	}
	made, err := s.compileRelease(r)
	if err != nil {
		return err
	}
	made.life, made.signed, made.texts = l, slices.Clone(signed), r.Texts
	next := &shelf{releases: append(slices.Clone(old.releases), made)}
	files, err := s.filesOf(next)
	if err != nil {
		return err
	}
	next.digest = digestOf(files)
	s.shelf.Store(next)
	return nil
}

// follows checks that the life of a release of that name follows another's.
func (l Life) follows(name string, last *release) error {
	switch {
	case l.Supersedes != last.name || name <= last.name:
		return errFollows
	case l.Published.IsZero() || l.Activates.Before(l.Published) || !l.Activates.After(last.life.Activates):
		return errLife
	case l.Activates.Sub(l.Published) < Notice:
		return errTooSoon
	case l.Overlaps.Sub(l.Activates) < Overlap:
		return errTooShort
	}
	return nil
}

// follows checks that a release takes nothing away that somebody may still say.
func (s *Set) follows(r Release, last *release, activates time.Time) error {
	for _, before := range last.lists {
		i := slices.IndexFunc(r.Lists, func(l List) bool { return l.Name == before.Name })
		if i < 0 {
			return fmt.Errorf("it drops the list %s", before.Name)
		}
		if before.Numbers() != r.Lists[i].Numbers() {
			return fmt.Errorf("its list %s makes words of numbers, or the other way", before.Name)
		}
		for _, c := range before.Codes {
			if _, ok := r.Lists[i].Find(c.ID); ok {
				continue
			}
			until, err := time.Parse(time.DateOnly, c.Until)
			if err != nil || until.After(activates) {
				return fmt.Errorf("it drops a code of the list %s that was not deprecated, or not yet", before.Name)
			}
		}
	}
	for _, row := range s.rows {
		for list, codes := range map[string][]string{"outcome": row.Outcomes, "result": row.Results, "attest": row.Attests} {
			if err := has(r.Lists, codes, list); err != nil {
				return err
			}
		}
		if err := has(r.Lists, row.Codes, "askCode", "act"); err != nil {
			return err
		}
	}
	return nil
}

func has(lists []List, codes []string, names ...string) error {
	for _, c := range codes {
		found := slices.ContainsFunc(lists, func(l List) bool {
			_, ok := l.Find(c)
			return ok && slices.Contains(names, l.Name)
		})
		if !found {
			return fmt.Errorf("it drops a code of the list %s that a type names", names[0])
		}
	}
	return nil
}

// compileRelease makes the schemas of a release from the sources in the program.
func (s *Set) compileRelease(r Release) (*release, error) {
	src, err := generate.ReadWith(tree, r.Name, r.Lists)
	if err != nil {
		return nil, err
	}
	made, err := s.compileSource(src)
	if err != nil {
		return nil, err
	}
	for name, data := range table.WriteLists(r.Lists) {
		made.files["codes/"+r.Name+"/"+name] = data
	}
	return made, nil
}

// ReadRelease reads a release from a folder of files as [Release.Files] writes them, where
// people edit them: lists.csv, a file for each list, deprecated.csv, traits.csv, and
// texts/LANG.csv for what is new in other languages.
func ReadRelease(fsys fs.FS, name string) (Release, error) {
	r := Release{Name: name}
	var err error
	if r.Lists, err = table.ParseLists(fsys); err != nil {
		return Release{}, err
	}
	for _, lang := range Languages {
		c, err := readCatalogue(fsys, lang)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Release{}, err
		}
		if r.Texts == nil {
			r.Texts = Texts{}
		}
		r.Texts[lang] = c.codes
	}
	if err := r.check(); err != nil {
		return Release{}, fmt.Errorf("reading a release: %w", err)
	}
	return r, nil
}

// Files are the release's lists as files to be edited, by their names.
func (r Release) Files() map[string][]byte { return table.WriteLists(r.Lists) }
