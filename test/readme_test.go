package test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The README is a promise: what stands in a fenced block marked "sh" behind "$ " works as
// written, in a fresh copy of the repository, and prints what is pasted under it. Lines of
// output, and the rest of a line, may be left out with "..."; ids, times, digests, sizes and ports are compared by
// their form. A block marked "sh background" holds one command that keeps running: the
// commands after it run beside it.

// notHere are commands that this test leaves out.
var notHere = map[string]string{
	"git clone":      "it runs in a copy already",
	"cd ":            "it is in the copy already",
	"make":           "this test is a part of it",
	"docker":         "it needs a daemon",
	"docker-compose": "it needs a daemon",
}

// block is one fenced block: its commands and what is pasted under each.
type block struct {
	line       int
	background bool
	steps      []step
}

type step struct {
	line    int
	command string
	output  []string
}

// TestREADMEWorksAsWritten runs it from top to bottom.
func TestREADMEWorksAsWritten(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	t.Parallel()
	blocks := blocksOf(read(t, "../README.md"))
	if len(blocks) == 0 {
		t.Fatal("README.md has no block of commands: nothing is promised")
	}
	dir := copyOfRepository(t)
	env := append(os.Environ(), "TZ=UTC", "TRM_README=1")
	ran := 0
	for _, b := range blocks {
		for _, s := range b.steps {
			if reason := leftOut(s.command); reason != "" {
				t.Logf("README.md:%d: %s: left out, %s", s.line, s.command, reason)
				continue
			}
			ran++
			var out string
			if b.background {
				out = inBackground(t, dir, env, s)
			} else {
				out = inForeground(t, dir, env, s)
			}
			if want, ok := follows(s.output, out); !ok {
				t.Fatalf("README.md:%d: $ %s\ndoes not print %q\nbut\n%s", s.line, s.command, want, out)
			}
		}
	}
	if ran == 0 {
		t.Error("every command of README.md is left out")
	}
}

func leftOut(command string) string {
	for prefix, reason := range notHere {
		if strings.HasPrefix(command, prefix) {
			return reason
		}
	}
	return ""
}

func inForeground(t *testing.T, dir string, env []string, s step) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", s.command)
	cmd.Dir, cmd.Env, cmd.WaitDelay = dir, env, 5*time.Second
	out, err := cmd.CombinedOutput()
	// A refusal that the README shows ends with an exit code that says so.
	if err != nil && len(s.output) == 0 {
		t.Fatalf("README.md:%d: $ %s: %v\n%s", s.line, s.command, err, out)
	}
	return string(out)
}

// inBackground starts the command and waits until it has printed what is pasted under it,
// or has ended. It is interrupted at the end of the test.
func inBackground(t *testing.T, dir string, env []string, s step) string {
	t.Helper()
	var out screen
	cmd := exec.Command("bash", "-c", "exec "+s.command)
	cmd.Dir, cmd.Env, cmd.WaitDelay = dir, env, 5*time.Second
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := <-ended; err != nil {
			t.Logf("README.md:%d: ended with %v", s.line, err)
		}
	})
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(3 * time.Minute); ; {
		if _, ok := follows(s.output, out.String()); ok {
			return out.String()
		}
		select {
		case <-tick.C:
		case err := <-ended:
			ended <- err
			if strings.Contains(out.String(), "address already in use") && os.Getenv("CI") != "true" {
				t.Skipf("README.md:%d: something else listens where the README's region does", s.line)
			}
			return out.String()
		case <-deadline:
			return out.String()
		}
	}
}

// screen keeps what a running command prints.
type screen struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// copyOfRepository is what somebody who clones it gets, with the changes of today.
func copyOfRepository(t *testing.T) string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "git", "ls-files", "-co", "--exclude-standard", "-z")
	list.Dir = ".."
	names, err := list.Output()
	if err != nil {
		t.Fatalf("listing the repository: %v", err)
	}
	dir := t.TempDir()
	for name := range strings.SplitSeq(strings.TrimRight(string(names), "\x00"), "\x00") {
		from, to := filepath.Join("..", name), filepath.Join(dir, name)
		info, err := os.Lstat(from)
		if err != nil {
			continue // deleted, not yet committed
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, b, info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// blocksOf reads the fenced blocks marked "sh".
func blocksOf(text string) []block {
	var all []block
	var b *block
	fenced := false
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\n")
		if fence, ok := strings.CutPrefix(strings.TrimSpace(line), "```"); ok {
			fenced = !fenced
			if words := strings.Fields(fence); fenced && len(words) > 0 && words[0] == "sh" {
				all = append(all, block{line: n, background: slices.Contains(words, "background")})
				b = &all[len(all)-1]
			} else {
				b = nil
			}
			continue
		}
		if b == nil {
			continue
		}
		command, isCommand := strings.CutPrefix(line, "$ ")
		last := len(b.steps) - 1
		switch {
		case isCommand:
			b.steps = append(b.steps, step{line: n, command: command})
		case last >= 0 && len(b.steps[last].output) == 0 && strings.HasSuffix(b.steps[last].command, `\`):
			b.steps[last].command += "\n" + line
		case last >= 0:
			b.steps[last].output = append(b.steps[last].output, line)
		}
	}
	return slices.DeleteFunc(all, func(b block) bool { return len(b.steps) == 0 })
}

// follows reports whether the pasted lines occur in the output in their order, each
// compared by its form; otherwise it returns the first that does not.
func follows(pasted []string, output string) (missing string, ok bool) {
	got := strings.Split(output, "\n")
	for _, p := range pasted {
		if p = strings.TrimSpace(p); p == "" || p == "..." || p == "…" {
			continue
		}
		begins, cut := strings.CutSuffix(p, " ...")
		i := slices.IndexFunc(got, func(g string) bool {
			return formOf(g) == formOf(p) || cut && strings.HasPrefix(formOf(g), formOf(begins))
		})
		if i < 0 {
			return p, false
		}
		got = got[i+1:]
	}
	return "", true
}

// accidents are what differs from one run to the next, with the word that stands for it.
var accidents = []struct {
	pattern *regexp.Regexp
	word    string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "<uuid>"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?(Z|UTC|[+-]\d\d:\d\d))?`), "<time>"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d`), "<date>"},
	{regexp.MustCompile(`\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d\d? [A-Z][a-z]{2} \d{4} \d\d:\d\d [A-Z]{3,4}\b`), "<local time>"},
	{regexp.MustCompile(`\b\d\d:\d\d(:\d\d(\.\d+)?)?\b`), "<clock>"},
	{regexp.MustCompile(`eyJ[A-Za-z0-9_.~-]*(\.\.\.|…)?`), "<token>"},
	{regexp.MustCompile(`\b[A-Za-z0-9_-]{20,}(=*|\.\.\.|…)?`), "<digest>"},
	{regexp.MustCompile(`\b[0-9a-f]{8,}(\.\.\.|…)?`), "<digest>"},
	{regexp.MustCompile(`\b\d+(\.\d+)?(ns|µs|us|ms|s)\b`), "<elapsed>"},
	{regexp.MustCompile(`\b(127\.0\.0\.1|localhost):\d+`), "<address>"},
	{regexp.MustCompile(`/tmp/[^\s"']+`), "<path>"},
	{regexp.MustCompile(`\b\d+ (bytes|B|KiB)\b`), "<size>"},
	{regexp.MustCompile(`\s+`), " "},
}

// formOf is a line without what is an accident of the run.
func formOf(line string) string {
	for _, a := range accidents {
		line = a.pattern.ReplaceAllString(line, a.word)
	}
	return strings.TrimSpace(line)
}

// TestBlocksOfCommandsAreRead as somebody reads them.
func TestBlocksOfCommandsAreRead(t *testing.T) {
	t.Parallel()
	const text = "# One\n```sh\n$ first --of \\\n    two\nout 1\nout 2\n$ second\n```\nbetween $ no\n```json\n$ no\n```\n" +
		"```sh background\n$ third\nready\n```\n```sh\nno command\n```\n"
	got := fmt.Sprintf("%+v", blocksOf(text))
	const want = "[{line:2 background:false steps:[{line:3 command:first --of \\\n    two output:[out 1 out 2]} {line:7 command:second output:[]}]} " +
		"{line:13 background:true steps:[{line:14 command:third output:[ready]}]}]"
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// TestPastedOutputIsComparedByItsForm and no more loosely than that.
func TestPastedOutputIsComparedByItsForm(t *testing.T) {
	t.Parallel()
	const out = "received 019a2b3c-0000-7000-8000-0123456789ab at 2026-11-24T16:00:00Z in 4.2ms\n\nsubject released\nhealth withheld by R7\n"
	tests := map[string]struct {
		pasted []string
		want   string
	}{
		"another run":    {[]string{"received 019a2b3d-1111-7111-9111-ba9876543210 at 2027-01-02T03:04:05Z in 17ms", "...", "health withheld by R7"}, ""},
		"nothing pasted": {nil, ""},
		"another word":   {[]string{"subject withheld"}, "subject withheld"},
		"another order":  {[]string{"health withheld by R7", "subject released"}, "subject released"},
		"another rule":   {[]string{"health withheld by R8"}, "health withheld by R8"},
		"part of a line": {[]string{"subject"}, "subject"},
		"the beginning":  {[]string{"subject ...", "health withheld ..."}, ""},
		"another one":    {[]string{"health released ..."}, "health released ..."},
	}
	for name, tt := range tests {
		if got, ok := follows(tt.pasted, out); got != tt.want || ok != (tt.want == "") {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}
