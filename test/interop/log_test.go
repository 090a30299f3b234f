package interop

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"example.org/trm/gateway/ledger"
	"example.org/trm/gateway/ledger/quorum"
	"example.org/trm/gateway/ledger/witness"
	"example.org/trm/test/harness"
)

// programs says, in the environment, in which folder the programs of other people are built.
const programs = "TRM_TEST_FOREIGN"

// foreign builds, once, the program in the folder log, in which nothing is ours.
var foreign = sync.OnceValues(func() (string, error) {
	path := filepath.Join(os.Getenv(programs), "log")
	build := exec.Command("go", "build", "-C", "log", "-o", path, ".")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building it: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "trm-foreign-")
	if err == nil {
		err = os.Setenv(programs, dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "making a folder for programs:", err)
		os.Exit(1)
	}
	code := harness.Main(m)
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// others runs the code of other people. What it refuses is an error with its words.
func others(t *testing.T, v any, args ...string) error {
	t.Helper()
	if testing.Short() {
		t.Skip("starts processes")
	}
	path, err := foreign()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return answer(exec.CommandContext(t.Context(), path, args...), v)
}

func answer(cmd *exec.Cmd, v any) error {
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return errors.Join(err, errors.New(said.String()))
	}
	return json.Unmarshal(out, v)
}

// inNode verifies a proof with a script that needs nothing but node.
func inNode(t *testing.T, vkey, policy, proof, entry string) (where struct{ Size, Index int64 }, err error) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts node")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("node is not installed")
		}
		t.Skip("node is not installed")
	}
	err = answer(exec.CommandContext(t.Context(), node, "verify-log.mjs", vkey, policy, proof, entry), &where)
	return where, err
}

// institution is a witness that serves on loopback.
type institution struct {
	*witness.Witness
	url string
}

func newInstitution(t *testing.T, name string, logs ...witness.Log) institution {
	t.Helper()
	dir := t.TempDir()
	o := witness.Options{Key: filepath.Join(dir, "key"), State: filepath.Join(dir, "state"), Logs: logs}
	if _, err := witness.Create(o.Key, o.State, name); err != nil {
		t.Fatal(err)
	}
	w, err := witness.New(o)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(w.Handler())
	t.Cleanup(func() { s.Close(); _ = w.Close() })
	return institution{w, s.URL}
}

// policyOf wants k of them.
func policyOf(t *testing.T, k int, all ...institution) (file string, p quorum.Policy) {
	t.Helper()
	var b strings.Builder
	names := ""
	for i, w := range all {
		fmt.Fprintf(&b, "witness w%d %s %s\n", i, w.Key(), w.url)
		names += fmt.Sprintf(" w%d", i)
	}
	fmt.Fprintf(&b, "group institutions %d%s\nquorum institutions\n", k, names)
	text := b.String()
	p, err := quorum.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return put(t, "policy", []byte(text)), p
}

func put(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestOurWitnessCosignsALogOfTessera, and refuses it once it was set back to yesterday.
func TestOurWitnessCosignsALogOfTessera(t *testing.T) {
	t.Parallel()
	private, public, err := quorum.Generate("tessera.example/log", quorum.Log)
	if err != nil {
		t.Fatal(err)
	}
	watched := witness.Log{Origin: "tessera.example/log", Key: public}
	one, two, three := newInstitution(t, "one.example/w", watched), newInstitution(t, "two.example/w", watched), newInstitution(t, "three.example/w")
	file, policy := policyOf(t, 2, one, two, three) // the third does not watch this log
	key, dir := put(t, "key", []byte(private)), filepath.Join(t.TempDir(), "log")
	grow := func(n int, text, within string) (found struct {
		Size       int64
		Checkpoint string
	}, err error) {
		err = others(t, &found, "grow", "--dir", dir, "--key", key, "--policy", file, "--n", fmt.Sprint(n), "--text", text, "--within", within)
		return found, err
	}
	if _, err := grow(300, "entry", "1m"); err != nil {
		t.Fatal(err)
	}
	yesterday := filepath.Join(t.TempDir(), "backup")
	if err := os.CopyFS(yesterday, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	got, err := grow(213, "entry of today", "1m")
	if err != nil || got.Size != 513 {
		t.Fatalf("a log of %d, %v", got.Size, err)
	}
	c, n, err := ledger.OpenCheckpoint([]byte(got.Checkpoint), public, ledger.WitnessKeys(policy)...)
	if err != nil || c.Size != 513 || !ledger.Satisfied(policy, n) {
		t.Errorf("the checkpoint as the gateway reads it: %+v, %v", c, err)
	}
	for _, w := range []institution{one, two} {
		if h := w.Heads(); len(h) != 1 || h[0].Size != 513 || h[0].Root != c.Root {
			t.Errorf("%s has cosigned %+v", w.Key().Name, h)
		}
	}
	if err := errors.Join(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(yesterday))); err != nil {
		t.Fatal(err)
	}
	if found, err := grow(400, "another entry", "5s"); err == nil {
		t.Errorf("a log that was set back is published with %d entries", found.Size)
	}
	for _, w := range []institution{one, two} {
		if h := w.Heads(); h[0].Size != 513 || h[0].Root != c.Root {
			t.Errorf("%s has cosigned a second history", w.Key().Name)
		}
	}
}

// TestOthersVerifyOurProofs: every entry of logs of all shapes, by three implementations,
// and none with one thing changed.
func TestOthersVerifyOurProofs(t *testing.T) {
	t.Parallel()
	line, public, err := quorum.Generate("trm/2026", quorum.Log)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ledger.ParseSigner(line, nil)
	if err != nil {
		t.Fatal(err)
	}
	watched := witness.Log{Origin: "trm/2026", Key: public}
	one, two, three := newInstitution(t, "one.example/w", watched), newInstitution(t, "two.example/w", watched), newInstitution(t, "three.example/w", watched)
	file, policy := policyOf(t, 2, one, two, three)
	var hashes []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, at := range indexes {
			out[i] = hashes[at]
		}
		return out, nil
	})
	entry := func(i int64) []byte { return fmt.Appendf(nil, "entry %d", i) }
	var old int64
	for _, size := range []int64{1, 2, 7, 256, 259} {
		for i := old; i < size; i++ {
			more, err := tlog.StoredHashes(i, entry(i), reader)
			if err != nil {
				t.Fatal(err)
			}
			hashes = append(hashes, more...)
		}
		root, err := tlog.TreeHash(size, reader)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := note.Sign(&note.Note{Text: ledger.Checkpoint{Origin: "trm/2026", Size: size, Root: root}.Text()}, signer)
		if err != nil {
			t.Fatal(err)
		}
		request := fmt.Appendf(nil, "old %d\n", old)
		if old > 0 {
			path, err := tlog.ProveTree(size, old, reader)
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range path {
				request = fmt.Appendf(request, "%s\n", h)
			}
		}
		request = append(append(request, '\n'), signed...)
		alone := bytes.Clone(signed)
		for _, w := range []institution{one, three} {
			cosignature, err := w.AddCheckpoint(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			signed = append(signed, cosignature...)
		}
		old = size
		for _, i := range []int64{0, size / 2, size - 1} {
			path, err := tlog.ProveRecord(size, i, reader)
			if err != nil {
				t.Fatal(err)
			}
			p := ledger.Proof{Index: i, Path: path, Checkpoint: signed}
			if _, err := p.Verify(entry(i), public, policy); err != nil {
				t.Errorf("entry %d of %d, here: %v", i, size, err)
			}
			checkElsewhere(t, public, file, p, entry(i), true)
			p.Index = (i + 1) % (size + 1)
			checkElsewhere(t, public, file, p, entry(i), false)
			p.Index = i
			checkElsewhere(t, public, file, p, append(entry(i), 'x'), false)
			p.Checkpoint = alone
			checkElsewhere(t, public, file, p, entry(i), false)
			p.Checkpoint = bytes.Replace(signed, fmt.Appendf(nil, "\n%d\n", size), fmt.Appendf(nil, "\n%d\n", size+1), 1)
			checkElsewhere(t, public, file, p, entry(i), false)
		}
	}
}

// checkElsewhere asks two other implementations whether a proof holds.
func checkElsewhere(t *testing.T, log quorum.Key, policy string, p ledger.Proof, entry []byte, holds bool) {
	t.Helper()
	proof, leaf := put(t, "proof", p.Marshal()), put(t, "entry", entry)
	var where struct{ Size, Index int64 }
	if err := others(t, &where, "proof", "--vkey", log.String(), "--policy", policy, proof, leaf); (err == nil) != holds || holds && where.Index != p.Index {
		t.Errorf("entry %d, transparency-dev: %+v, %v; want it to hold: %v", p.Index, where, err, holds)
	}
	where, err := inNode(t, log.String(), policy, proof, leaf)
	if (err == nil) != holds || holds && where.Index != p.Index {
		t.Errorf("entry %d, node: %+v, %v; want it to hold: %v", p.Index, where, err, holds)
	}
}
