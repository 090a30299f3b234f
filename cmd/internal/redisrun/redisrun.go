// Package redisrun runs the Redis of a region on one machine: a redis-server of its own
// where one is installed, otherwise one inside this process. It is for trying the exchange
// out and for measuring it; an operator runs Redis as gateway/doc says.
package redisrun

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// Options say how it is run.
type Options struct {
	// Dir is where a redis-server keeps its append-only file. Required; made if it is not
	// there.
	Dir string
	// Embedded keeps the queue in this process also where redis-server is installed.
	Embedded bool
	// Fsync is when a redis-server flushes what it appended: "always" or "everysec".
	// Default "everysec".
	Fsync string
}

// Server is a running Redis.
type Server struct {
	Addr string // host:port on loopback
	What string // for the person who started it
	PID  int    // of the redis-server; 0 where it is in this process

	clients []*redis.Client
	end     func()
}

// Start starts it and waits until it answers.
func Start(ctx context.Context, o Options) (*Server, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil || o.Embedded {
		return startEmbedded()
	}
	return startServer(ctx, path, o)
}

// Dial opens a client of its own for each part of the region, as separate processes have:
// readers that wait in Redis hold a connection each, and one pool would run dry. Stop
// closes it. Not safe for concurrent use.
func (s *Server) Dial() *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: s.Addr})
	s.clients = append(s.clients, c)
	return c
}

// Stop ends it and waits for it. What a redis-server appended stays in its folder.
func (s *Server) Stop() {
	for _, c := range s.clients {
		_ = c.Close()
	}
	s.end()
}

func startEmbedded() (*Server, error) {
	m, err := miniredis.Run()
	if err != nil {
		return nil, fmt.Errorf("starting the queue in this process: %w", err)
	}
	return &Server{
		Addr: m.Addr(),
		What: "in this process; it keeps nothing when the region stops (install redis-server for one that does)",
		end:  m.Close,
	}, nil
}

// startServer runs redis-server as a child on a free port of loopback, with every write
// appended to a file.
func startServer(ctx context.Context, path string, o Options) (*Server, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	note := filepath.Join(o.Dir, "address")
	if err := release(ctx, o.Dir, note); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path,
		"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", o.Dir,
		"--appendonly", "yes", "--appendfsync", cmp.Or(o.Fsync, "everysec"), "--save", "", "--maxmemory-policy", "noeviction",
		"--logfile", filepath.Join(o.Dir, "redis.log"))
	cmd.SysProcAttr = childAttributes()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting redis-server: %w", err)
	}
	s := &Server{
		Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		What: path + ", on 127.0.0.1:" + strconv.Itoa(port) + ", appending every write to " + o.Dir,
		PID:  cmd.Process.Pid,
		end: func() {
			_ = cmd.Process.Signal(os.Interrupt)
			_ = cmd.Wait()
			_ = os.Remove(note)
		},
	}
	if err := os.WriteFile(note, []byte(s.Addr), 0o600); err != nil {
		s.Stop()
		return nil, err
	}
	c := s.Dial()
	for deadline := time.Now().Add(10 * time.Second); ; {
		if err = c.Ping(ctx).Err(); err == nil {
			return s, nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			s.Stop()
			return nil, fmt.Errorf("waiting for redis-server: %w", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
