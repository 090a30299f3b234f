// Package test holds the tests of the repository itself: which room imports what, and
// that what the README says is so. The tests of the whole running system are in the
// folders below it.
package test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// room says what the packages of a folder, and of the folders below it that have no row
// of their own, may import beside the standard library.
type room struct {
	own    []string          // folders of this module; "a/..." is a and all below it
	others map[string]string // modules of others: why, and what they are trusted with
}

// rooms is the layout: what is not allowed here is forbidden. A new package needs a row,
// and a new import a reason. The row of gateway is the root package's alone.
var rooms = map[string]room{
	"gateway": {},

	// The leaves: one subject each, and of this module only the words of the exchange.
	"gateway/envelope": {own: []string{"gateway"}, others: map[string]string{
		"github.com/lestrrat-go/jwx/v2": "signs, verifies, encrypts: trusted with every signature, behind our own strict decoder",
	}},
	"schemas": {own: []string{"gateway", "gateway/envelope"}, others: map[string]string{
		"github.com/xeipuuv/gojsonschema":    "validates draft-07: trusted with the shape of what is verified",
		"github.com/xeipuuv/gojsonreference": "names schemas inside the set, so that none is fetched",
	}},
	// Whose cosignatures count is the directory's to say, and the log's to ask.
	"gateway/ledger/quorum": {},
	"gateway/ledger": {own: []string{"gateway", "gateway/ledger/..."}, others: map[string]string{
		"golang.org/x/mod": "sumdb/note and sumdb/tlog hash the Merkle tree and read signed notes: trusted with every proof",
	}},
	"gateway/trust": {own: []string{"gateway", "gateway/envelope", "gateway/ledger/quorum"}},
	"gateway/policy": {own: []string{"gateway", "gateway/envelope", "schemas"}, others: map[string]string{
		"go.yaml.in/yaml/v3": "reads the policy file, which the operator writes",
	}},
	"gateway/policy/leak": {others: map[string]string{
		"github.com/nyaruka/phonenumbers": "knows the telephone numbers of all countries: trusted with no decision, a finding is a hint to the writer",
		"golang.org/x/text":               "takes letters and digits apart into what they look like",
	}},
	"gateway/sop":            {own: []string{"gateway", "schemas"}},
	"gateway/journal":        {own: []string{"gateway", "gateway/envelope", "schemas"}},
	"gateway/journal/sqlite": {others: map[string]string{"modernc.org/sqlite": "keeps what was received on disk, without cgo"}},
	"gateway/queue": {own: []string{"gateway", "gateway/envelope", "schemas"}, others: map[string]string{
		"github.com/redis/go-redis/v9": "speaks to Redis, which is trusted with what is waiting, never with what happened",
	}},
	"certs": {own: []string{"gateway", "gateway/envelope", "gateway/trust", "gateway/ledger/quorum"}},

	// Above the leaves, because what it proves is how they fit together.
	"gateway/audit": {own: []string{"gateway", "gateway/envelope", "gateway/ledger", "gateway/ledger/quorum", "gateway/trust", "gateway/policy", "schemas"}},

	// The door, and the country's side, above the leaves.
	"gateway/api": {own: []string{"gateway", "gateway/envelope", "schemas"}, others: map[string]string{
		"github.com/labstack/echo/v4": "routes requests: trusted with nothing that is not signed",
	}},
	"adapters":          {own: []string{"gateway", "gateway/envelope", "schemas", "certs"}},
	"adapters/outgoing": {own: []string{"gateway", "gateway/envelope", "gateway/policy/leak", "schemas", "certs"}},
	"adapters/incoming": {own: []string{"gateway", "gateway/envelope", "schemas", "certs"}},
	"adapters/store":    {own: []string{"gateway", "gateway/journal/sqlite", "adapters"}},
	"adapters/filedrop": {own: []string{"gateway", "adapters", "adapters/incoming"}},
	"adapters/rest":     {own: []string{"gateway", "adapters", "adapters/incoming"}},
	"adapters/notify": {own: []string{"gateway", "adapters", "adapters/country"}, others: map[string]string{
		"go.yaml.in/yaml/v3": "reads the wording of notices, which lies in the binary",
	}},
	"adapters/country": {own: []string{"gateway"}, others: map[string]string{
		"go.yaml.in/yaml/v3": "reads the profiles, which lie in the binary",
	}},

	// Commands know all of them, and nobody knows the commands.
	"cmd": {own: []string{"gateway/...", "schemas", "adapters/...", "certs"}, others: map[string]string{
		"github.com/spf13/cobra":              "reads command lines and writes their help",
		"go.yaml.in/yaml/v3":                  "reads configuration files, which the operator writes",
		"github.com/redis/go-redis/v9":        "opens the connection that the queue uses",
		"github.com/alicebob/miniredis/v2":    "stands in for Redis in a demo without one, and keeps nothing",
		"github.com/google/uuid":              "makes UUIDv7s",
		"github.com/prometheus/client_golang": "shows metrics",
		"go.opentelemetry.io/otel/sdk":        "keeps spans and metrics until they are shown",
		"go.opentelemetry.io/otel/exporters":  "shows spans and metrics",
		"golang.org/x/sync":                   "ends what was started together",
	}},

	// The tests of the running system start commands, and read what these leave behind.
	"test": {own: []string{"gateway/...", "schemas", "adapters/...", "certs"}, others: map[string]string{
		"github.com/redis/go-redis/v9":   "looks into the Redis that a test started",
		"github.com/google/uuid":         "makes UUIDv7s",
		"go.opentelemetry.io/proto/otlp": "reads what processes send to a collector",
		"google.golang.org/protobuf":     "the same",
		"golang.org/x/mod":               "reads and makes logs apart from the gateway's own code",
	}},
	// A module of its own: the code of other people that looks at our log.
	"test/interop/log": {others: map[string]string{
		"github.com/transparency-dev/formats": "reads checkpoints, cosignatures, policies and proofs",
		"github.com/transparency-dev/merkle":  "verifies inclusion and consistency",
		"github.com/transparency-dev/tessera": "reads tiles, checks whole logs, and makes one for our witness",
		"golang.org/x/mod":                    "the interfaces of the three",
		"k8s.io/klog":                         "is told to be silent",
	}},
	// The same, for the witness of other people that looks at our log while it grows.
	"test/interop/witness": {others: map[string]string{
		"github.com/transparency-dev/formats": "reads keys",
		"github.com/transparency-dev/witness": "cosigns checkpoints",
		"golang.org/x/mod":                    "the interfaces of the two",
	}},
}

// everywhere may be imported by every room but the root package: the API of OpenTelemetry
// does nothing until cmd gives it something to do.
const everywhere = "go.opentelemetry.io/otel"

// notEverywhere are the parts of OpenTelemetry that do.
var notEverywhere = []string{"go.opentelemetry.io/otel/sdk", "go.opentelemetry.io/otel/exporters"}

// inTests may be imported by tests only.
var inTests = map[string]string{
	"github.com/santhosh-tekuri/jsonschema/v6": "a second validator, which must refuse nothing that ours lets pass",
	"github.com/compose-spec/compose-go/v2":    "loads docker-compose.yml as Compose does",
	"github.com/google/go-cmp":                 "shows how got differs from want",
	"github.com/rogpeppe/go-internal":          "runs command lines written as text files",
	"github.com/alicebob/miniredis/v2":         "a Redis inside the test, for what does not depend on a real one",
	"go.opentelemetry.io/otel/sdk":             "keeps spans and metrics, so that a test can look for what they must not hold",
	"github.com/google/uuid":                   "makes the UUIDv7s that a message needs",
	"golang.org/x/mod":                         "grows and signs a log apart from the code that is tested",
	"go.yaml.in/yaml/v3":                       "reads openapi.yaml, which a test holds against real answers",
}

// alone names the modules that one room hides from all others: what replaces them one day
// is then a change of one folder.
var alone = map[string]string{
	"github.com/lestrrat-go/jwx/v2":      "gateway/envelope",
	"github.com/xeipuuv/gojsonschema":    "schemas",
	"github.com/xeipuuv/gojsonreference": "schemas",
	"modernc.org/sqlite":                 "gateway/journal/sqlite",
}

// vague names say that nobody knew what belongs together.
var vague = []string{"util", "utils", "common", "models", "types", "helper", "helpers", "service", "services", "manager", "misc", "shared", "lib"}

// TestRoomsImportOnlyWhatTheLayoutAllows holds the rules of the layout against every Go
// file of the repository.
func TestRoomsImportOnlyWhatTheLayoutAllows(t *testing.T) {
	t.Parallel()
	folders, err := survey(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	for dir, r := range rooms {
		for what, why := range r.others {
			if why == "" {
				t.Errorf("the row of %s does not say why it imports %s", dir, what)
			}
		}
	}
	if len(folders) < 10 {
		t.Fatalf("found %d folders with Go files: this test looks in the wrong place", len(folders))
	}
	for _, f := range findings(folders) {
		t.Error(f)
	}
	for dir := range rooms {
		if !slices.ContainsFunc(folders, func(f folder) bool { return within(f.dir, dir) }) {
			t.Errorf("%s: has a row here but no Go file", dir)
		}
	}
}

// TestOneRoomKnowsEachHiddenModule keeps a second row from letting in what one room hides.
func TestOneRoomKnowsEachHiddenModule(t *testing.T) {
	t.Parallel()
	for dir, r := range rooms {
		for m := range r.others {
			if one, ok := alone[m]; ok && dir != one {
				t.Errorf("the row of %s lets in %s, which only %s knows", dir, m, one)
			}
		}
	}
}

// findings is every breach of a rule, in the order of folders.
func findings(folders []folder) []string {
	var all []string
	for _, f := range folders {
		say := func(format string, args ...any) {
			all = append(all, f.dir+": "+fmt.Sprintf(format, args...))
		}
		checkImports(f, say)
		checkNames(f, say)
		checkState(f, say)
	}
	return all
}

func checkImports(f folder, say func(string, ...any)) {
	r, dir, ok := roomOf(f.dir)
	if !ok {
		say("has no row in test/imports_test.go that says what it may import")
		return
	}
	for _, p := range imports(f.code) {
		if !standard(p) && !r.allows(dir, p) {
			say("imports %s, which its room does not", p)
		}
	}
	for _, p := range imports(f.tests) {
		if d, ok := own(p); ok && within(d, "cmd") && !within(f.dir, "cmd") {
			say("a test imports %s: commands are started, not imported", p)
		}
	}
	for _, p := range imports(f.tests) {
		if _, ok := own(p); ok || standard(p) || r.allows(dir, p) {
			continue
		}
		if !slices.ContainsFunc(slices.Collect(maps.Keys(inTests)), func(m string) bool { return within(p, m) }) {
			say("a test imports %s, which neither its room nor tests do", p)
		}
	}
}

// roomOf finds the row of the folder or of the nearest one above it.
func roomOf(dir string) (r room, at string, ok bool) {
	for d := dir; d != "."; d = path.Dir(d) {
		if r, ok := rooms[d]; ok && (d != "gateway" || d == dir) {
			return r, d, true
		}
	}
	return room{}, "", false
}

// allows says whether the room at dir may import a path.
func (r room) allows(dir, p string) bool {
	if d, ok := own(p); ok {
		return within(d, dir) || slices.ContainsFunc(r.own, func(o string) bool {
			below, all := strings.CutSuffix(o, "/...")
			return d == o || all && within(d, below)
		})
	}
	if dir != "gateway" && within(p, everywhere) && !slices.ContainsFunc(notEverywhere, func(n string) bool { return within(p, n) }) {
		return true
	}
	for m := range r.others {
		if within(p, m) {
			return true
		}
	}
	return false
}

func checkNames(f folder, say func(string, ...any)) {
	described := false
	for _, files := range []map[string]bool{names(f, false), names(f, true)} {
		for name, documented := range files {
			described = described || documented
			if slices.Contains(vague, name) {
				say("a package called %s says nothing of what is in it", name)
			}
		}
	}
	if base := path.Base(f.dir); slices.Contains(vague, base) {
		say("a folder called %s says nothing of what is in it", base)
	}
	if !described {
		say("no file has a package comment")
	}
}

// names lists the package names of a folder's files, and whether one of the files has a
// package comment. A folder's tests speak for the package only where nothing else does.
func names(f folder, tests bool) map[string]bool {
	files := f.code
	if tests {
		files = f.tests
	}
	m := map[string]bool{}
	for _, file := range files {
		doc := file.Doc != nil && (!tests || len(f.code) == 0)
		m[strings.TrimSuffix(file.Name.Name, "_test")] = m[strings.TrimSuffix(file.Name.Name, "_test")] || doc
	}
	return m
}

// TestBreachesOfTheLayoutAreFound shows that each rule can fail: a tree with one breach
// gives exactly the finding that names it.
func TestBreachesOfTheLayoutAreFound(t *testing.T) {
	t.Parallel()
	const doc = "// Package p is described.\npackage p\n"
	tests := map[string]struct {
		tree map[string]string
		want string
	}{
		"root with another's module":   {map[string]string{"gateway/a.go": doc + `import _ "github.com/labstack/echo/v4"`}, "gateway: imports github.com/labstack/echo/v4, which its room does not"},
		"root with telemetry":          {map[string]string{"gateway/a.go": doc + `import _ "go.opentelemetry.io/otel"`}, "gateway: imports go.opentelemetry.io/otel, which its room does not"},
		"root with a leaf":             {map[string]string{"gateway/a.go": doc + `import _ "example.org/trm/schemas"`}, "gateway: imports example.org/trm/schemas, which its room does not"},
		"leaf with a leaf":             {map[string]string{"schemas/a.go": doc + `import _ "example.org/trm/gateway/trust"`}, "schemas: imports example.org/trm/gateway/trust, which its room does not"},
		"leaf with a command":          {map[string]string{"schemas/a.go": doc + `import _ "example.org/trm/cmd/internal/telemetry"`}, "schemas: imports example.org/trm/cmd/internal/telemetry, which its room does not"},
		"leaf with the telemetry SDK":  {map[string]string{"schemas/a.go": doc + `import _ "go.opentelemetry.io/otel/sdk/trace"`}, "schemas: imports go.opentelemetry.io/otel/sdk/trace, which its room does not"},
		"behind a build constraint":    {map[string]string{"gateway/a_plan9.go": "//go:build plan9\n\n" + doc + `import _ "github.com/labstack/echo/v4"`}, "gateway: imports github.com/labstack/echo/v4, which its room does not"},
		"a name that is only a prefix": {map[string]string{"gateway/envelope/a.go": doc + `import _ "github.com/lestrrat-go/jwx/v2x"`}, "gateway/envelope: imports github.com/lestrrat-go/jwx/v2x, which its room does not"},
		"room without a row":           {map[string]string{"drawer/a.go": doc}, "drawer: has no row in test/imports_test.go that says what it may import"},
		"test with a command":          {map[string]string{"schemas/a.go": doc, "schemas/a_test.go": `package p; import _ "example.org/trm/cmd/trm"`}, "schemas: a test imports example.org/trm/cmd/trm: commands are started, not imported"},
		"test with a hidden module":    {map[string]string{"schemas/a.go": doc, "schemas/a_test.go": `package p; import _ "github.com/lestrrat-go/jwx/v2/jws"`}, "schemas: a test imports github.com/lestrrat-go/jwx/v2/jws, which neither its room nor tests do"},
		"test with another framework":  {map[string]string{"schemas/a.go": doc, "schemas/a_test.go": `package p; import _ "github.com/stretchr/testify/assert"`}, "schemas: a test imports github.com/stretchr/testify/assert, which neither its room nor tests do"},
		"vague package":                {map[string]string{"schemas/a.go": "// Package util is described.\npackage util\n"}, "schemas: a package called util says nothing of what is in it"},
		"vague folder":                 {map[string]string{"schemas/helpers/a.go": doc}, "schemas/helpers: a folder called helpers says nothing of what is in it"},
		"no package comment":           {map[string]string{"schemas/a.go": "package p\n"}, "schemas: no file has a package comment"},
		"comment in a test only":       {map[string]string{"schemas/a.go": "package p\n", "schemas/a_test.go": doc}, "schemas: no file has a package comment"},
		"registration":                 {map[string]string{"schemas/a.go": doc + "func init() {}"}, "schemas: func init in a.go: nothing registers itself"},
		"assigned":                     {map[string]string{"schemas/a.go": doc + "var n int\nfunc f() { n = 1 }"}, "schemas: n in a.go is package-level and is changed"},
		"assigned in another file":     {map[string]string{"schemas/a.go": doc + "var n int", "schemas/b.go": "package p\nfunc f() { n++ }"}, "schemas: n in b.go is package-level and is changed"},
		"element assigned":             {map[string]string{"schemas/a.go": doc + "var m = map[int]int{}\nfunc f() { m[1] = 2 }"}, "schemas: m in a.go is package-level and is changed"},
		"element deleted":              {map[string]string{"schemas/a.go": doc + "var m = map[int]int{}\nfunc f() { delete(m, 1) }"}, "schemas: m in a.go is package-level and is changed"},
		"given away":                   {map[string]string{"schemas/a.go": doc + "var n int\nfunc f() *int { return &n }"}, "schemas: n in a.go is package-level and is changed"},
		"received into":                {map[string]string{"schemas/a.go": doc + "var n int\nfunc f(c chan int) { for n = range c {\n} }"}, "schemas: n in a.go is package-level and is changed"},
		"made to be changed":           {map[string]string{"schemas/a.go": doc + "import \"sync\"\nvar mu sync.Mutex"}, "schemas: mu in a.go is package-level and of a type that is made to be changed"},
		"counter":                      {map[string]string{"schemas/a.go": doc + "import \"sync/atomic\"\nvar n atomic.Int64"}, "schemas: n in a.go is package-level and of a type that is made to be changed"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := inspect(t, tt.tree)
			if !slices.Equal(got, []string{tt.want}) {
				t.Errorf("got %q, want only %q", got, tt.want)
			}
		})
	}
}

// TestWhatTheLayoutAllowsIsNoFinding guards against a check that finds everything.
func TestWhatTheLayoutAllowsIsNoFinding(t *testing.T) {
	t.Parallel()
	const code = `// Package p is described.
package p

import (
	"regexp"
	"sync"

	_ "example.org/trm/gateway"
	_ "github.com/lestrrat-go/jwx/v2/jwe"
	_ "go.opentelemetry.io/otel/trace"
)

var form = regexp.MustCompile("^a$")

var table = map[string]int{"a": 1}

var once = sync.OnceValue(func() int { return table["a"] })

func f(table []int) int {
	form := 1
	form++
	table[0] = form
	n := &form
	*n = once()
	for once := range table {
		once++
	}
	return form
}
`
	if got := inspect(t, map[string]string{"gateway/envelope/a.go": code, "gateway/envelope/testdata/a.go": "package util"}); len(got) > 0 {
		t.Errorf("got %q, want nothing", got)
	}
}

func inspect(t *testing.T, tree map[string]string) []string {
	t.Helper()
	m := fstest.MapFS{}
	for name, src := range tree {
		m[name] = &fstest.MapFile{Data: []byte(src)}
	}
	folders, err := survey(fs.FS(m))
	if err != nil {
		t.Fatal(err)
	}
	return findings(folders)
}
