package harness

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Programs says, in the environment of a test, in which folder the built programs are.
const Programs = "TRM_TEST_PROGRAMS"

// Main builds gatewayd and adapterd once for all tests of a package and runs them: a
// TestMain is os.Exit(harness.Main(m)). With [Programs] set it builds nothing, with
// -short neither.
func Main(m *testing.M) int {
	flag.Parse()
	if testing.Short() || os.Getenv(Programs) != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "trm-programs-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "building the programs:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	root, err := moduleRoot()
	if err != nil {
		fmt.Fprintln(os.Stderr, "building the programs:", err)
		return 1
	}
	build := exec.Command("go", "build", "-o", dir, "./cmd/gatewayd", "./cmd/adapterd")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the programs: %v\n%s", err, out)
		return 1
	}
	if err := os.Setenv(Programs, dir); err != nil {
		fmt.Fprintln(os.Stderr, "building the programs:", err)
		return 1
	}
	return m.Run()
}

// moduleRoot is the folder of go.mod at or above the working directory.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("finding go.mod: none above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}

// Program is one process of the region, which can be killed and started again. Its
// methods are safe for concurrent use.
type Program struct {
	Name string
	t    testing.TB
	path string
	args []string
	out  string // file that takes what it prints, in every life

	mu      sync.Mutex // guards what follows
	cmd     *exec.Cmd
	ended   chan struct{} // closed when cmd has ended
	ending  bool          // somebody asked for it
	deaths  []error       // ends that nobody asked for
	started int
}

// newProgram is a program that does not run yet.
func newProgram(t testing.TB, name, dir string, path string, args ...string) *Program {
	return &Program{Name: name, t: t, path: path, args: args, out: filepath.Join(dir, name+".output")}
}

// Start starts the process; it does not wait until it serves.
func (p *Program) Start() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		p.t.Fatalf("starting %s: it runs", p.Name)
	}
	out, err := os.OpenFile(p.out, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.t.Fatal(err)
	}
	defer out.Close() // the child has its own
	cmd := exec.Command(p.path, p.args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = append(os.Environ(), "TZ=UTC")
	if err := cmd.Start(); err != nil {
		p.t.Fatalf("starting %s: %v", p.Name, err)
	}
	p.cmd, p.ended, p.ending = cmd, make(chan struct{}), false
	p.started++
	go p.wait(cmd, p.ended)
}

func (p *Program) wait(cmd *exec.Cmd, ended chan struct{}) {
	err := cmd.Wait()
	p.mu.Lock()
	if !p.ending {
		if err == nil {
			err = fmt.Errorf("%s ended by itself", p.Name)
		}
		p.deaths = append(p.deaths, err)
	}
	p.cmd = nil
	p.mu.Unlock()
	close(ended)
}

// Kill ends the process as a power cut does, with SIGKILL, and waits until it is gone.
func (p *Program) Kill() { p.end(syscall.SIGKILL) }

// Stop ends the process as its operator does, with SIGTERM. One that is still there
// after 20 seconds is killed, and the test fails.
func (p *Program) Stop() { p.end(syscall.SIGTERM) }

// Restart kills the process and starts it again.
func (p *Program) Restart() {
	p.t.Helper()
	p.Kill()
	p.Start()
}

// Reload has the process read again what may change while it runs, with SIGHUP.
func (p *Program) Reload() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(syscall.SIGHUP)
	}
}

func (p *Program) end(sig syscall.Signal) {
	p.t.Helper()
	p.mu.Lock()
	cmd, ended := p.cmd, p.ended
	p.ending = true
	p.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = cmd.Process.Signal(sig)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	select {
	case <-ended:
	case <-ctx.Done():
		p.t.Errorf("%s did not stop within 20 seconds", p.Name)
		_ = cmd.Process.Kill()
		<-ended
	}
}

// ready asks a page of the process whether it is ready. It fails the test at once where
// there is no process to become so.
func (p *Program) ready(url string) error {
	p.t.Helper()
	p.mu.Lock()
	runs := p.cmd != nil
	p.mu.Unlock()
	if !runs {
		p.t.Fatalf("waiting for %s: it does not run", p.Name)
	}
	b, status, err := get(url, "")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("answered %d: %s", status, bytes.TrimSpace(b))
	}
	return err
}

// died returns the ends that nobody asked for.
func (p *Program) died() []error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.deaths
}

// Output is all that the process has printed, in all its lives.
func (p *Program) Output() []byte {
	p.t.Helper()
	b, err := os.ReadFile(p.out)
	if err != nil && !os.IsNotExist(err) {
		p.t.Fatal(err)
	}
	return b
}

// tail is the end of what the process printed, for a failed test's reader.
func (p *Program) tail(n int) string {
	lines := bytes.Split(bytes.TrimRight(p.Output(), "\n"), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-n):], []byte("\n")))
}
