package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"
)

// process is one part of the region, running.
type process struct {
	name string
	pid  int
	addr string // of the gateway

	mu  sync.Mutex // guards the two below: one question at a time
	in  io.WriteCloser
	out *bufio.Reader

	cmd  *exec.Cmd
	logs string
}

// startProcess starts a part with a configuration of its own and waits until it serves.
func startProcess(ctx context.Context, o Options, name, kind string, config any) (*process, error) {
	raw, err := yaml.Marshal(config)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(o.Dir, name+".yaml")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		return nil, err
	}
	p := &process{name: name, logs: filepath.Join(o.Dir, name+".log")}
	args := append(append([]string(nil), o.Program[1:]...), kind, file)
	p.cmd = exec.CommandContext(ctx, o.Program[0], args...)
	p.cmd.WaitDelay = 5 * time.Second
	logs, err := os.OpenFile(p.logs, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer logs.Close() // the child has its own
	p.cmd.Stderr = logs
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	p.pid = p.cmd.Process.Pid
	var first ready
	if err := p.read(&first); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, errors.Join(err, p.stop()))
	}
	p.addr = first.Addr
	return p, nil
}

// ask tells the part to do something and reads its answer.
func (p *process) ask(line string, answer any) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := io.WriteString(p.in, line+"\n"); err != nil {
		return fmt.Errorf("asking %s: %w", p.name, err)
	}
	if err := p.read(answer); err != nil {
		return fmt.Errorf("asking %s: %w", p.name, err)
	}
	return nil
}

func (p *process) read(into any) error {
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("it has stopped, and said: %s", p.lastWords())
	}
	return json.Unmarshal(line, into)
}

// stop ends the part as its operator would and waits for it.
func (p *process) stop() error {
	_ = p.in.Close() // it has stopped already, or this tells it to
	late := time.AfterFunc(30*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	_, _ = io.Copy(io.Discard, p.out)
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("stopping %s: %w: %s", p.name, err, p.lastWords())
	}
	return nil
}

// lastWords are the end of its log.
func (p *process) lastWords() string {
	raw, err := os.ReadFile(p.logs)
	if err != nil {
		return "nothing"
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], "\n")
}
