package deploy

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.org/trm/test/harness"
)

// process is one that runs until the test ends, or is killed before.
type process struct {
	name string
	args []string
	log  string // file that takes what it prints
	cmd  *exec.Cmd
}

func launch(t *testing.T, dir, name string, args ...string) *process {
	t.Helper()
	p := &process{name: name, args: args, log: filepath.Join(dir, name+".log")}
	p.start(t)
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("what %s printed:\n%s", name, p.printed(t))
		}
	})
	return p
}

func (p *process) start(t *testing.T) {
	t.Helper()
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close() // the child has its own
	p.cmd = exec.Command(p.args[0], p.args[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", p.name, err)
	}
}

// kill ends it as a power cut would.
func (p *process) kill() {
	if p.cmd != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait() // says that it was killed
		p.cmd = nil
	}
}

// stop ends it as Docker does, and returns how it ended.
func (p *process) stop() error {
	c := p.cmd
	p.cmd = nil
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	late := time.AfterFunc(30*time.Second, func() { _ = c.Process.Kill() }) // stop_grace_period
	defer late.Stop()
	return c.Wait()
}

func (p *process) printed(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile(p.log)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(b)
}

// program is one that harness.Main built.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(filepath.Join(os.Getenv(harness.Programs), name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// buildTool builds trm, which harness.Main does not.
func buildTool(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "trm")
	c := exec.CommandContext(t.Context(), "go", "build", "-o", path, "./cmd/trm")
	c.Dir = root
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("building trm: %v\n%s", err, out)
	}
	return path
}

// output runs a command that must succeed.
func output(t *testing.T, in []byte, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.Stdin = bytes.NewReader(in)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(args, " "), err, out.Bytes(), errs.Bytes())
	}
	return out.Bytes()
}

// await asks again and again until done returns nil.
func await(t *testing.T, what string, done func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	for {
		err := done()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waiting for %s: %v", what, err)
		}
	}
}

// freePort is a port of loopback where nobody listens, below those that the kernel gives
// to callers.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := fmt.Sprint(12000 + rand.N(19000))
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
		if err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no free port on loopback")
	return ""
}
