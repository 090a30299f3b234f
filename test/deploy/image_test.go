package deploy

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// ignored reports whether .dockerignore keeps a file out of the image's build: the last
// line that fits it, or a folder above it, decides.
func ignored(lines, file string) bool {
	out := false
	for line := range strings.Lines(lines) {
		line = strings.TrimSpace(line)
		pattern, back := strings.CutPrefix(line, "!")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		for at := file; at != "."; at = path.Dir(at) {
			name, form := at, pattern
			if rest, anywhere := strings.CutPrefix(pattern, "**/"); anywhere {
				name, form = path.Base(at), rest
			}
			if ok, err := path.Match(form, name); err == nil && ok {
				out = !back
			}
		}
	}
	return out
}

// TestTheImageIsBuiltFromAllSourcesAndNothingElse compares what the programs are made of
// with what Docker is given.
func TestTheImageIsBuiltFromAllSourcesAndNothingElse(t *testing.T) {
	t.Parallel()
	lines := read(t, ".dockerignore")
	dir, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=Dir,Standard,GoFiles,EmbedFiles", "./cmd/gatewayd", "./cmd/adapterd", "./cmd/trm")
	list.Dir = dir
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			Dir                 string
			Standard            bool
			GoFiles, EmbedFiles []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		rel, err := filepath.Rel(dir, p.Dir)
		if err != nil || p.Standard || strings.HasPrefix(rel, "..") {
			continue
		}
		for _, f := range append(p.GoFiles, p.EmbedFiles...) {
			files++
			if name := path.Join(filepath.ToSlash(rel), filepath.ToSlash(f)); ignored(lines, name) {
				t.Errorf("%s is kept out of the image, which needs it", name)
			}
		}
	}
	if files < 150 {
		t.Fatalf("found %d files: this test no longer understands go list", files)
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		if ignored(lines, name) {
			t.Errorf("%s is kept out of the image, which needs it", name)
		}
	}
	for _, name := range []string{
		".git/config", "home/directory.json", "home/keys/rs/coordinator/message.jwk", "certs/keys/rs.jwk", "cmd/server.pem", "cmd/server.key", "test/canary/canary.go",
		"gateway/api/api_test.go", "gateway/envelope/testdata/key.jwk", "cmd/deploy/redis.conf", "README.md", ".ci/run", "docker-compose.yml",
	} {
		if !ignored(lines, name) {
			t.Errorf("%s comes into the image's build", name)
		}
	}
}
