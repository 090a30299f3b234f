// Package interop lets independent implementations check what the gateway signs and
// seals, and checks what they make: for messages jose and @sd-jwt/core in JavaScript, which
// "npm ci --prefix test/interop" installs; for the log the Go modules of transparency-dev
// with tessera, in a module of their own in the folder log, and a script for plain node.
// Without them these tests are skipped on a developer's machine and fail in CI.
package interop

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
)

// job is one question to verify.mjs.
type job map[string]any

// result is its answer: ok or why not.
type result struct {
	OK    json.RawMessage
	Error string
}

// into reads what was answered, or fails.
func (r result) into(t *testing.T, v any) {
	t.Helper()
	if r.Error != "" {
		t.Fatalf("refused in JavaScript: %s", r.Error)
	}
	if err := json.Unmarshal(r.OK, v); err != nil {
		t.Fatal(err)
	}
}

// ask runs the jobs in one process.
func ask(t *testing.T, jobs ...job) []result {
	t.Helper()
	node := requireNode(t)
	in, err := json.Marshal(jobs)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, "verify.mjs")
	cmd.Stdin = bytes.NewReader(in)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("running verify.mjs: %v\n%s", err, &said)
	}
	var results []result
	if err := json.Unmarshal(out, &results); err != nil || len(results) != len(jobs) {
		t.Fatalf("%d answers to %d jobs: %v", len(results), len(jobs), err)
	}
	return results
}

func requireNode(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("starts node")
	}
	missing := t.Skipf
	if os.Getenv("CI") == "true" {
		missing = t.Fatalf
	}
	node, err := exec.LookPath("node")
	if err != nil {
		missing("node is not installed")
	}
	for _, name := range []string{"jose", "@sd-jwt/core"} {
		if _, err := os.Stat("node_modules/" + name + "/package.json"); err != nil {
			missing("%s is not installed: run npm ci --prefix test/interop", name)
		}
	}
	return node
}
