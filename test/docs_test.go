package test

import (
	"fmt"
	"go/ast"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestContributingSaysWhatEachDependencyIsTrustedWith compares its table with go.mod.
func TestContributingSaysWhatEachDependencyIsTrustedWith(t *testing.T) {
	t.Parallel()
	var required []string
	for line := range strings.Lines(read(t, "../go.mod")) {
		f := strings.Fields(line)
		if len(f) == 2 && strings.Contains(f[0], ".") && strings.HasPrefix(f[1], "v") {
			required = append(required, f[0])
		}
	}
	if len(required) < 5 {
		t.Fatalf("read %d direct requirements in go.mod: this test no longer understands it", len(required))
	}
	_, table, _ := strings.Cut(read(t, "../CONTRIBUTING.md"), "\n## Dependencies\n")
	table, _, _ = strings.Cut(table, "\n## ")
	var described []string
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 {
			continue
		}
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
			described = append(described, m[1])
		}
	}
	for _, m := range required {
		if !slices.Contains(described, m) {
			t.Errorf("CONTRIBUTING.md does not say why %s is here and what it is trusted with", m)
		}
	}
	for _, m := range described {
		if !slices.Contains(required, m) {
			t.Errorf("CONTRIBUTING.md describes %s, which go.mod does not require", m)
		}
	}
}

// TestLinksInDocumentsLeadSomewhere follows every relative link of every document.
func TestLinksInDocumentsLeadSomewhere(t *testing.T) {
	t.Parallel()
	links := 0
	for _, doc := range documents(t) {
		for _, m := range regexp.MustCompile(`\]\(([^)#\s]+)[^)]*\)`).FindAllStringSubmatch(read(t, doc), -1) {
			if strings.Contains(m[1], ":") {
				continue
			}
			links++
			if _, err := os.Stat(filepath.Join(filepath.Dir(doc), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", doc, m[1])
			}
		}
	}
	if links < 5 {
		t.Errorf("found %d links: this test looks in the wrong place", links)
	}
}

// TestTheIndexOfDesignNotesHasEveryPageOnce holds gateway/doc/README.md against the folder,
// and the decisions against their numbers: 1, 2, 3, none twice.
func TestTheIndexOfDesignNotesHasEveryPageOnce(t *testing.T) {
	t.Parallel()
	index := read(t, "../gateway/doc/README.md")
	pages, err := fs.Glob(os.DirFS("../gateway/doc"), "*.md")
	if err != nil {
		t.Fatal(err)
	}
	decisions, err := fs.Glob(os.DirFS("../gateway/doc"), "adr/*.md")
	if err != nil {
		t.Fatal(err)
	}
	if len(pages) < 10 || len(decisions) < 5 {
		t.Fatalf("found %d pages and %d decisions: this test looks in the wrong place", len(pages), len(decisions))
	}
	for _, page := range slices.Concat(pages, decisions) {
		if n := strings.Count(index, "]("+page+")"); n != 1 && page != "README.md" {
			t.Errorf("gateway/doc/README.md links %d times to %s, want once", n, page)
		}
	}
	for i, name := range decisions {
		want := fmt.Sprintf("%d. ", i+1)
		title, _, _ := strings.Cut(read(t, "../gateway/doc/"+name), "\n")
		if !strings.HasPrefix(name, fmt.Sprintf("adr/%04d-", i+1)) || !strings.HasPrefix(title, "# "+want) {
			t.Errorf("%s is called %q: want the number %d in both", name, title, i+1)
		}
		if line := want + "[" + strings.TrimPrefix(title, "# "+want) + "](" + name + ")"; !strings.Contains(index, line+"\n") {
			t.Errorf("gateway/doc/README.md lacks the line %q", line)
		}
	}
}

// TestDesignNotesNameEveryWordOfTheExchange keeps the notes in gateway/doc complete: a
// new member of the head, state, event or class is described where its reader looks.
func TestDesignNotesNameEveryWordOfTheExchange(t *testing.T) {
	t.Parallel()
	folders, err := survey(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(folders, func(f folder) bool { return f.dir == "gateway" })
	if i < 0 {
		t.Fatal("found no package gateway")
	}
	words := constants(folders[i])
	message, states, path := read(t, "../gateway/doc/message.md"), read(t, "../gateway/doc/states.md"), read(t, "../gateway/doc/path.md")
	for _, tt := range []struct {
		words []string
		doc   string
		least int
	}{
		{words["State"], states, 6},
		{words["Event"], states + path + read(t, "../gateway/doc/ledger.md"), 4},
		{words["Class"], message, 6},
		{words["Use"], message, 7},
		{words["Lane"], message, 3},
		{fields(folders[i], "Head"), message, 20},
	} {
		if len(tt.words) < tt.least {
			t.Fatalf("found only %q: this test no longer understands the code", tt.words)
		}
		for _, w := range tt.words {
			if !regexp.MustCompile(`\b` + regexp.QuoteMeta(w) + `\b`).MatchString(tt.doc) {
				t.Errorf("gateway/doc does not describe %s", w)
			}
		}
	}
}

// constants lists a package's constants of named string types, by type.
func constants(f folder) map[string][]string {
	m := map[string][]string{}
	for _, file := range f.code {
		ast.Inspect(file, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if typ, ok := v.Type.(*ast.Ident); ok && len(v.Values) == 1 {
				if lit, ok := v.Values[0].(*ast.BasicLit); ok {
					m[typ.Name] = append(m[typ.Name], strings.Trim(lit.Value, `"`))
				}
			}
			return true
		})
	}
	return m
}

// fields lists the field names of a package's struct.
func fields(f folder, name string) []string {
	var names []string
	for _, file := range f.code {
		ast.Inspect(file, func(n ast.Node) bool {
			s, ok := n.(*ast.TypeSpec)
			if !ok || s.Name.Name != name {
				return true
			}
			if st, ok := s.Type.(*ast.StructType); ok {
				for _, fl := range st.Fields.List {
					for _, id := range fl.Names {
						names = append(names, id.Name)
					}
				}
			}
			return false
		})
	}
	return names
}

// documents lists the repository's Markdown files.
func documents(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir("..", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if strings.HasSuffix(p, ".md") {
			all = append(all, p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
