package main

import (
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"example.org/trm/certs"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"trm": main})
}

// TestScripts runs the tool as its users do; each script is one conversation with it.
func TestScripts(t *testing.T) {
	t.Parallel()
	// One development set serves the scripts that only read it: the region's clock is
	// this machine's.
	home := t.TempDir()
	if _, err := certs.Develop(home, certs.Options{}); err != nil {
		t.Fatal(err)
	}
	audited, err := filepath.Abs(filepath.Join("..", "..", "gateway", "audit", "testdata"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Condition: func(cond string) (bool, error) {
			return cond == "long" && !testing.Short(), nil
		},
		Setup: func(e *testscript.Env) error {
			e.Setenv("TRM_HOME", home)
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("AUDITED", audited)
			return nil
		},
	})
}
