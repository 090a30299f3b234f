//go:build unix

package notify_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.org/trm/adapters"
	"example.org/trm/adapters/notify"
	"example.org/trm/gateway"
)

// program writes a program of the test.
func program(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ring")
	must(t, os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700))
	return path
}

func TestCommandGetsTheSentenceAndNothingElse(t *testing.T) {
	t.Setenv("TRM_CANARY", "Canary-Of-The-Adapter")
	dir := t.TempDir()
	path := program(t, `cat > "$1/in"; env | grep -v '^PWD=\|^_=\|^SHLVL=\|^OLDPWD=' | sort > "$1/env"; echo "$#: $2" > "$1/args"; pwd > "$1/dir"`)
	evil := `$(touch /tmp/x); "quoted" *`
	must(t, notify.Command{Path: path, Args: []string{dir, evil}}.Notify(t.Context(), notice(t, "rs")))
	for name, want := range map[string]string{
		"in":   "Једна порука чека. Ref 7Q4KXM. Одговорите до 16:00.\nA message is waiting. Ref 7Q4KXM. Answer by 16:00.\n",
		"env":  "PATH=" + os.Getenv("PATH") + "\nTRM_ANSWER_BY=2026-11-23T15:00:00Z\nTRM_KEY=5N2V0YQ8ZKX1M3AB\nTRM_REF=7Q4KXM\n",
		"args": "2: " + evil + "\n",
		"dir":  "/\n",
	} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		if string(got) != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestExitCodeSaysWhatBecameOfTheNotice(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct{ ok, never, ambiguous bool }{
		"exit 0":             {ok: true},
		"echo noise; exit 0": {ok: true},
		"exit 1":             {},
		"exit 75":            {},
		"exit 64":            {never: true},
		"exit 69":            {never: true},
		"exit 127":           {},
		"kill -9 $$":         {ambiguous: true},
	} {
		err := notify.Command{Path: program(t, text)}.Notify(t.Context(), notice(t, "rs"))
		var p *gateway.Problem
		answered := errors.As(err, &p)
		switch {
		case want.ok != (err == nil), want.never != gateway.IsPermanent(err), adapters.IsUnsent(err):
			t.Errorf("%s: got %v", text, err)
		case err != nil && !want.never && want.ambiguous == answered:
			t.Errorf("%s: got %v: whether it may have happened is wrong", text, err)
		}
	}
}

func TestCommandThatDoesNotEndIsKilledWithWhatItStarted(t *testing.T) {
	t.Parallel()
	// Whoever lives holds the pipe open.
	pipe := filepath.Join(t.TempDir(), "pipe")
	must(t, syscall.Mkfifo(pipe, 0o600))
	gone := make(chan error, 1)
	go func() {
		_, err := os.ReadFile(pipe)
		gone <- err
	}()
	path := program(t, `exec 3>"`+pipe+`"; sleep 60 & sleep 60`)
	began := time.Now()
	err := notify.Command{Path: path, Deadline: time.Second}.Notify(t.Context(), notice(t, "rs"))
	if !errors.Is(err, context.DeadlineExceeded) || adapters.IsUnsent(err) || gateway.IsPermanent(err) {
		t.Errorf("got %v, want a deadline that proves nothing", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
	select {
	case err := <-gone:
		must(t, err)
	case <-time.After(20 * time.Second):
		t.Error("what it started lives on")
	}
}

func TestCommandThatIsNotThereSentNothing(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{"nothing there": "/nowhere/ring-canary", "no program": t.TempDir()} {
		err := notify.Command{Path: path}.Notify(t.Context(), notice(t, "rs"))
		if !adapters.IsUnsent(err) || gateway.IsPermanent(err) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (notify.Command{Path: program(t, "exit 0")}).Notify(ctx, notice(t, "rs")); !adapters.IsUnsent(err) {
		t.Errorf("stopped before it began: got %v", err)
	}
	if err := (notify.Command{Path: "ring"}).Check(); err == nil {
		t.Error("a program that PATH decides about: got no error")
	}
}

func TestFileGetsALineForEachLanguage(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "notices.log")
	f := notify.File{Path: path, Party: "rs/coordinator", Now: func() time.Time { return noon }}
	for range 2 {
		must(t, f.Notify(t.Context(), notice(t, "rs")))
	}
	got, err := os.ReadFile(path)
	must(t, err)
	want := "2026-11-23T11:00:00Z  rs/coordinator  Једна порука чека. Ref 7Q4KXM. Одговорите до 16:00.\n" +
		"2026-11-23T11:00:00Z  rs/coordinator  A message is waiting. Ref 7Q4KXM. Answer by 16:00.\n"
	if string(got) != want+want {
		t.Errorf("got %q", got)
	}
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v", info.Mode())
	}
	f.Path = filepath.Join(t.TempDir(), "nowhere", "notices.log")
	if err := f.Notify(t.Context(), notice(t, "rs")); !adapters.IsUnsent(err) || strings.Contains(err.Error(), "nowhere") {
		t.Errorf("got %v", err)
	}
}
