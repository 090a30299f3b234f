// Package deploy holds docker-compose.yml, the Dockerfile and cmd/deploy to what they
// promise. No container runs here: the file is read by the loader of the Compose
// specification, and what its services would run is run as processes, with the same
// arguments, configurations, certificates and users of Redis.
package deploy

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v3"

	"example.org/trm/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// root is the repository, as this package's tests see it.
const root = "../.."

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// project loads docker-compose.yml with all its profiles, and no environment to lean on.
func project(t *testing.T) *types.Project {
	t.Helper()
	p, err := load(t.Context(), read(t, "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func load(ctx context.Context, text string) (*types.Project, error) {
	dir, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	return loader.LoadWithContext(ctx, types.ConfigDetails{
		WorkingDir:  dir,
		ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(dir, "docker-compose.yml"), Content: []byte(text)}},
		Environment: types.Mapping{},
	}, loader.WithProfiles([]string{"*"}))
}

// mounted is the repository's file that a service finds under a path.
func mounted(t *testing.T, p *types.Project, s types.ServiceConfig, target string) string {
	t.Helper()
	for _, c := range s.Configs {
		if c.Target == target {
			rel, err := filepath.Rel(p.WorkingDir, p.Configs[c.Source].File)
			if err != nil {
				t.Fatal(err)
			}
			return filepath.ToSlash(rel)
		}
	}
	t.Fatalf("%s: nothing is mounted on %s", s.Name, target)
	return ""
}

// parse reads YAML, of which JSON is a part.
func parse[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	if err := yaml.NewDecoder(strings.NewReader(text)).Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}
