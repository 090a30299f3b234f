// Package redistest gives a test a redis-server of its own, which it can kill, restart
// and empty. The server keeps its data as the gateway asks for (append-only file, nothing
// evicted) in a folder of the test's own.
package redistest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Server is a private redis-server. Its methods fail the test when they cannot do what
// they say; they are for the test's own goroutine.
type Server struct {
	t      testing.TB
	dir    string
	port   int
	args   []string
	cmd    *exec.Cmd
	client *redis.Client
}

// Start starts a server that ends with the test. args are further settings, such as
// "--appendfsync", "always". Where there is no redis-server on the PATH the test is
// skipped, or fails if CI is set to true.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a redis-server: not in a short run")
	}
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no redis-server on the PATH: install it (apt-get install redis-server)")
		}
		t.Skip("no redis-server on the PATH: this test needs a real one (apt-get install redis-server)")
	}
	s := &Server{t: t, dir: t.TempDir(), args: args}
	t.Cleanup(s.end)
	for try := 0; ; try++ {
		s.port = freePort(t)
		err := s.start()
		if err == nil {
			break
		}
		if try == 5 {
			t.Fatalf("starting redis-server: %v\n%s", err, s.output())
		}
	}
	s.client = redis.NewClient(&redis.Options{Addr: s.Addr()})
	return s
}

// Addr is the server's host:port on loopback, the same after a restart.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Client is a client of the server, closed with the test.
func (s *Server) Client() *redis.Client { return s.client }

// Dir is the folder with the server's data files.
func (s *Server) Dir() string { return s.dir }

// Kill ends the server as a power cut would (SIGKILL).
func (s *Server) Kill() {
	s.t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		s.t.Fatalf("killing redis-server: %v", err)
	}
	_ = s.cmd.Wait() // says that it was killed
	s.cmd = nil
}

// Restart starts the server again after Kill, with what its files still have.
func (s *Server) Restart() {
	s.t.Helper()
	if s.cmd != nil {
		s.Kill()
	}
	if err := s.start(); err != nil {
		s.t.Fatalf("restarting redis-server: %v\n%s", err, s.output())
	}
}

// Flush removes all data (FLUSHALL).
func (s *Server) Flush() {
	s.t.Helper()
	if err := s.client.FlushAll(s.t.Context()).Err(); err != nil {
		s.t.Fatalf("flushing redis-server: %v", err)
	}
}

// start returns once the server answers.
func (s *Server) start() error {
	out, err := os.OpenFile(filepath.Join(s.dir, "redis.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close() // the child has its own
	s.cmd = exec.Command("redis-server", append([]string{
		"--bind", "127.0.0.1", "--port", strconv.Itoa(s.port), "--dir", s.dir, "--save", "",
		"--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction", "--proto-max-bulk-len", "1mb",
	}, s.args...)...)
	s.cmd.Stdout, s.cmd.Stderr = out, out
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		return err
	}
	c := redis.NewClient(&redis.Options{Addr: s.Addr(), MaxRetries: -1})
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		// The process id tells this server from a stranger on the same port.
		if info, err := c.InfoMap(ctx, "server").Result(); err == nil && info["Server"]["process_id"] == strconv.Itoa(s.cmd.Process.Pid) {
			return nil
		}
		select {
		case <-ctx.Done():
			s.end()
			return fmt.Errorf("no answer on %s", s.Addr())
		case <-tick.C:
		}
	}
}

func (s *Server) end() {
	if s.client != nil {
		_ = s.client.Close()
	}
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

func (s *Server) output() string {
	b, _ := os.ReadFile(filepath.Join(s.dir, "redis.log"))
	return string(b)
}

// freePort picks a port below those that the kernel gives to outgoing connections, so
// that it is still free when the server comes back.
func freePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		p := 20000 + rand.N(12000)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p)))
		if err == nil {
			_ = l.Close()
			return p
		}
	}
	t.Fatal("no free port on loopback")
	return 0
}
