package audit

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// parts is what a bundle holds before its chunks: little enough to be held.
type parts struct {
	contents    Contents
	checkpoint  []byte
	directories []member
	statements  []string
	told        bool                // that there were statements, or none
	policies    []member            // name: digest
	editions    map[string][]member // by digest; name: file
	upper       map[int]map[int64][]hash
}

// member is a part of the archive by its short name.
type member struct {
	name string
	data []byte
}

// maxParts bounds what is held before the first chunk.
const maxParts = 512 << 20

// piece is one chunk as the archive has it.
type piece struct {
	held
	openings []Opened
}

// reader takes an archive apart in the one order that its members have.
type reader struct {
	u      unarchive
	report *Report
	name   string // of the member that was read and not used yet
	data   []byte
	err    error
	size   int
}

func newReader(r io.Reader, report *Report) *reader {
	d := &reader{u: unarchive{r: r}, report: report}
	d.step()
	return d
}

func (d *reader) step() { d.name, d.data, d.err = d.u.next() }

func (d *reader) wrong(entry int64, format string, args ...any) {
	d.report.find(Finding{Entry: entry, Rule: BundleForm, Verdict: Violates, Says: fmt.Sprintf(format, args...)})
}

// broken notes why nothing more can be read, unless that is the end. A disk that cannot be
// read is nobody's finding.
func (d *reader) broken() error {
	switch {
	case d.err == nil || d.err == io.EOF:
		return nil
	case errors.Is(d.err, ErrArchive):
		d.wrong(whole, "the archive cannot be read any further: %v", d.err)
		return nil
	}
	return fmt.Errorf("reading the bundle: %w", d.err)
}

var (
	digestForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)
	fileForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$`)
)

// parts reads everything before the chunks. It is false where not even that can be made
// sense of.
func (d *reader) parts() (parts, bool) {
	p := parts{editions: map[string][]member{}, upper: map[int]map[int64][]hash{}}
	if d.err != nil || d.name != nameContents {
		d.wrong(whole, "bundle.json is missing")
		return p, false
	}
	if err := unmarshal(d.data, &p.contents); err != nil {
		d.wrong(whole, "bundle.json: %v", err)
		return p, false
	}
	if err := p.contents.check(); err != nil {
		d.wrong(whole, "%v", err)
		return p, false
	}
	last := 0
	for d.step(); d.err == nil && d.size <= maxParts; d.step() {
		stage, ok := d.part(&p)
		if stage == stageChunks {
			break
		}
		d.size += len(d.data)
		switch {
		case !ok:
			d.wrong(whole, "%s is nothing that a bundle holds", shown(d.name))
		case stage < last:
			d.wrong(whole, "%s is out of place", shown(d.name))
		}
		last = max(last, stage)
	}
	if d.size > maxParts {
		d.wrong(whole, "what stands before the entries is longer than a reader takes")
		return p, false
	}
	if p.checkpoint == nil || !p.told {
		d.wrong(whole, "the checkpoint, or what was told over the directories, is missing")
	}
	return p, true
}

// The stages of an archive, in their order.
const (
	stageCheckpoint = iota + 1
	stageDirectories
	stageStatements
	stagePolicies
	stageEditions
	stageUpper
	stageChunks
)

// part puts a member where it belongs.
func (d *reader) part(p *parts) (stage int, ok bool) {
	folder, rest, _ := strings.Cut(d.name, "/")
	switch folder {
	case nameCheckpoint:
		ok = p.checkpoint == nil && d.name == nameCheckpoint
		p.checkpoint = d.data
		return stageCheckpoint, ok
	case "directories":
		n, err := strconv.Atoi(strings.TrimSuffix(rest, ".json"))
		p.directories = append(p.directories, member{rest, d.data})
		return stageDirectories, err == nil && d.name == nameDirectory(n)
	case nameStatements:
		list, err := lines(d.data)
		p.statements = append(p.statements, list...)
		once := !p.told
		p.told = true
		return stageStatements, err == nil && once
	case "policies":
		digest, yaml := strings.CutSuffix(rest, ".yaml")
		p.policies = append(p.policies, member{digest, d.data})
		return stagePolicies, yaml && digestForm.MatchString(digest)
	case "schemas":
		digest, file, _ := strings.Cut(rest, "/")
		if !digestForm.MatchString(digest) || !fileForm.MatchString(file) {
			return stageEditions, false
		}
		p.editions[digest] = append(p.editions[digest], member{file, d.data})
		return stageEditions, true
	case "tile":
		level, n, w, ok := parseTilePath(rest)
		if !ok || level < 1 {
			return stageChunks, ok
		}
		t, ok := parseTile(d.data, w)
		if p.upper[level] == nil {
			p.upper[level] = map[int64][]hash{}
		}
		_, twice := p.upper[level][n]
		p.upper[level][n] = t
		return stageUpper, ok && !twice
	case "openings":
		return stageChunks, true
	}
	return 0, false
}

// levelEntries stands for the level of entry bundles.
const levelEntries = -1

// parseTilePath reads "L/N" or "entries/N" with N as [tilePath] writes it.
func parseTilePath(s string) (level int, n int64, w int, ok bool) {
	first, rest, _ := strings.Cut(s, "/")
	level = levelEntries
	if first != "entries" {
		l, err := strconv.Atoi(first)
		if err != nil || l < 0 || l > 5 || strconv.Itoa(l) != first {
			return 0, 0, 0, false
		}
		level = l
	}
	n, w, ok = parseTileNumber(rest)
	return level, n, w, ok
}

func parseTileNumber(s string) (n int64, w int, ok bool) {
	w = chunk
	path, part, partial := strings.Cut(s, ".p/")
	if partial {
		var err error
		if w, err = strconv.Atoi(part); err != nil || w < 1 || w >= chunk {
			return 0, 0, false
		}
	}
	for i, digits := range strings.Split(path, "/") {
		v, err := strconv.Atoi(strings.TrimPrefix(digits, "x"))
		if err != nil || i > 3 || v < 0 || v > 999 {
			return 0, 0, false
		}
		n = n*1000 + int64(v)
	}
	return n, w, tilePath(n, w) == s
}

// chunk reads the next chunk that is here, from number least up. It is false at the end.
func (d *reader) chunk(c Contents, least int64) (piece, bool) {
	var p piece
	at := int64(-1)
	seen := map[string]bool{}
	for ; d.err == nil; d.step() {
		kind, n, ok := d.chunkName(c)
		if !ok || n < least {
			d.wrong(whole, "%s is nothing that a bundle holds there", shown(d.name))
			continue
		}
		if at >= 0 && n != at || seen[kind] {
			break // another chunk's; twice the same is out of place there too
		}
		at, seen[kind] = n, true
		d.fill(&p, kind, n)
	}
	if at < 0 {
		return p, false
	}
	p.n = at
	if !seen["openings"] {
		d.wrong(at*chunk, "what opens the entries from %d on is missing", at*chunk)
	}
	return p, true
}

// chunkName says what the member is: "tile", "entries" or "openings" of a chunk in range,
// as wide as it must be.
func (d *reader) chunkName(c Contents) (kind string, n int64, ok bool) {
	folder, rest, _ := strings.Cut(d.name, "/")
	var w, level int
	switch folder {
	case "openings":
		kind = folder
		rest, ok = strings.CutSuffix(rest, ".jsonl")
		if ok {
			n, w, ok = parseTileNumber(rest)
		}
		ok = ok && w == chunk
	case "tile":
		level, n, w, ok = parseTilePath(rest)
		kind = "tile"
		if level == levelEntries {
			kind = "entries"
		}
		ok = ok && level < 1 && w == width(c.Size, n)
	}
	return kind, n, ok && n*chunk >= c.begin() && n*chunk < c.Size
}

func (d *reader) fill(p *piece, kind string, n int64) {
	first := n * chunk
	switch kind {
	case "tile":
		var ok bool
		if p.tile, ok = parseTile(d.data, len(d.data)/32); !ok {
			d.wrong(first, "the hashes of the entries from %d on are cut off", first)
		}
	case "entries":
		var ok bool
		if p.entries, ok = parseEntries(d.data); !ok {
			d.wrong(first, "the entries from %d on are cut off", first)
		}
	case "openings":
		p.openings = d.openings(first)
	}
}

func (d *reader) openings(first int64) []Opened {
	list, err := lines(d.data)
	if err != nil {
		d.wrong(first, "what opens the entries from %d on does not end with a line", first)
		list = strings.Split(string(d.data), "\n")
	}
	var out []Opened
	last := first - 1
	for i, line := range list {
		var o Opened
		if err := unmarshal([]byte(line), &o); err != nil {
			d.wrong(first, "line %d of what opens the entries from %d on: %v", i+1, first, err)
			continue
		}
		if o.Index <= last || o.Index >= first+chunk {
			d.wrong(first, "line %d of what opens the entries from %d on is out of place", i+1, first)
			continue
		}
		last = o.Index
		out = append(out, o)
	}
	return out
}

// shown is a name that somebody else wrote, safe to print.
func shown(name string) string {
	if len(name) > maxName {
		name = name[:maxName]
	}
	return strconv.Quote(name)
}
