package region

import (
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

// queueServer is the Redis of a region on one machine: a redis-server of its own where one
// is installed, otherwise one inside this process.
type queueServer struct {
	addr    string
	what    string // for the person who started it
	clients []*redis.Client
	end     func()
}

// dial opens a client of its own for each part of the region, as separate processes have:
// readers that wait in Redis hold a connection each, and one pool would run dry.
func (q *queueServer) dial() *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: q.addr})
	q.clients = append(q.clients, c)
	return c
}

func (q *queueServer) stop() {
	for _, c := range q.clients {
		_ = c.Close()
	}
	q.end()
}

// startQueue starts the region's Redis under dir.
func startQueue(ctx context.Context, dir string, embedded bool) (*queueServer, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil || embedded {
		return startEmbedded()
	}
	return startServer(ctx, path, filepath.Join(dir, "redis"))
}

func startEmbedded() (*queueServer, error) {
	m, err := miniredis.Run()
	if err != nil {
		return nil, fmt.Errorf("starting the queue in this process: %w", err)
	}
	return &queueServer{
		addr: m.Addr(),
		what: "in this process; it keeps nothing when the region stops (install redis-server for one that does)",
		end:  m.Close,
	}, nil
}

// startServer runs redis-server as a child on a free port of loopback, with every write
// appended to a file, and waits until it answers.
func startServer(ctx context.Context, path, dir string) (*queueServer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path,
		"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", dir,
		"--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction",
		"--logfile", filepath.Join(dir, "redis.log"))
	cmd.SysProcAttr = childAttributes()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting redis-server: %w", err)
	}
	q := &queueServer{
		addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		what: path + ", on 127.0.0.1:" + strconv.Itoa(port) + ", appending every write to " + dir,
		end: func() {
			_ = cmd.Process.Signal(os.Interrupt)
			_ = cmd.Wait()
		},
	}
	c := q.dial()
	for deadline := time.Now().Add(10 * time.Second); ; {
		if err = c.Ping(ctx).Err(); err == nil {
			return q, nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			q.stop()
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
