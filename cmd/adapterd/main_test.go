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
