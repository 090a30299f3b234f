package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckSaysWhetherAConfigurationIsWellFormed(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-check", "adapterd.yaml"}, io.Discard, &out); err != nil || !strings.Contains(out.String(), "well formed") {
		t.Errorf("got %v, %q", err, &out)
	}
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("country: xx\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), []string{"-check", bad}, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "country") {
		t.Errorf("got %v", err)
	}
}

func TestCommandLineAsksForOneFile(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{}, {"a", "b"}, {"-nonsense"}, {"/does/not/exist"}, {"-health", "adapterd.yaml"}} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
	if err := run(t.Context(), []string{"-h"}, io.Discard, io.Discard); err != nil {
		t.Errorf("-h: got %v", err)
	}
}

// TestAWrongCommandLineEndsWithTwo, so that whoever starts the process can tell it from a
// failure that may pass.
func TestAWrongCommandLineEndsWithTwo(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args []string
		code int
	}{
		"an unknown flag":       {[]string{"-frobnicate"}, 2},
		"no configuration":      {nil, 2},
		"two":                   {[]string{"a.yaml", "b.yaml"}, 2},
		"one that is not there": {[]string{"nowhere.yaml"}, 1},
	} {
		args := tt.args
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil || exitCode(err) != tt.code {
			t.Errorf("%s: %v, want exit code %d", name, err, tt.code)
		}
	}
}
