package interop

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/trm/gateway/ledger"
	"example.org/trm/gateway/ledger/quorum"
	"example.org/trm/test/examiner"
)

// unreleased is what the witness of transparency-dev uses of a version of its Merkle
// module that is not to be had everywhere, in an endpoint that no log of ours calls.
const unreleased = `package proof

import (
	"errors"

	"github.com/transparency-dev/merkle"
)

func VerifySubtreeConsistency(merkle.LogHasher, uint64, uint64, uint64, [][]byte, []byte, []byte) error {
	return errors.New("not in this release")
}
`

// foreignWitness builds, once, the program in the folder witness: with the released Merkle
// module, and what that lacks.
var foreignWitness = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(os.Getenv(programs), "cosigner")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	download := exec.Command("go", "mod", "download", "-json", "github.com/transparency-dev/merkle@v0.0.2")
	download.Dir = "witness"
	out, err := download.Output()
	var merkle struct{ Dir string }
	if err := errors.Join(err, json.Unmarshal(out, &merkle)); err != nil {
		return "", fmt.Errorf("fetching its Merkle module: %w", err)
	}
	copied := filepath.Join(dir, "merkle")
	if err := os.CopyFS(copied, os.DirFS(merkle.Dir)); err != nil {
		return "", err
	}
	proof := filepath.Join(copied, "proof")
	if err := errors.Join(os.Chmod(proof, 0o700), os.WriteFile(filepath.Join(proof, "unreleased.go"), []byte(unreleased), 0o600)); err != nil {
		return "", err
	}
	for name, edit := range map[string]func(string) string{
		"go.sum": func(s string) string { return s },
		"go.mod": func(s string) string {
			return strings.Replace(s, "=> github.com/transparency-dev/merkle v0.0.2", "=> "+copied, 1)
		},
	} {
		raw, err := os.ReadFile(filepath.Join("witness", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), []byte(edit(string(raw))), 0o600)
		}
		if err != nil {
			return "", err
		}
	}
	path := filepath.Join(dir, "witness")
	build := exec.Command("go", "build", "-C", "witness", "-modfile", filepath.Join(dir, "go.mod"), "-o", path, ".")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building it: %w\n%s", err, out)
	}
	return path, nil
})

// TestAWitnessOfOthersCosignsOurLog as it grows, is asked again after its answer was
// forgotten, and refuses the log once it was set back to yesterday.
func TestAWitnessOfOthersCosignsOurLog(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts processes")
	}
	path, err := foreignWitness()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	line, public, err := quorum.Generate("other.example/w", quorum.Witness)
	if err != nil {
		t.Fatal(err)
	}
	g := examiner.NewGrown(t)
	cmd := exec.CommandContext(t.Context(), path, put(t, "key", []byte(line)), g.Key.Named(examiner.Origin).String())
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	g.Under(fmt.Sprintf("witness other %s %s\nquorum other\n", public, strings.TrimSpace(url)))
	for _, n := range []int{1, 2, 5, 248, 300} {
		g.Grow(n) // each time a process that does not know how far the witness is
	}
	yesterday := g.In(t.TempDir())
	g.Grow(7)
	if s, err := yesterday.Try(9, 20*time.Second); err != nil || !errors.Is(s.Refused, ledger.ErrContradicted) {
		t.Errorf("yesterday's log goes on: %s, %v", s, err)
	}
	if report, err := examiner.Examine(t.Context(), g.Files, nil); err != nil || len(report.Findings) > 0 || report.Witnessed[examiner.Origin] != 563 {
		t.Errorf("what it cosigned: %d entries, %q, %v", report.Witnessed[examiner.Origin], report.Findings, err)
	}
}
