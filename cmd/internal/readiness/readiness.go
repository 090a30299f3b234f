// Package readiness asks a process of this machine whether it is ready: what gatewayd and
// adapterd do with -health, for a container that has no shell and no other program.
package readiness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Ask asks /readyz at the address that a configuration gives for operators, over loopback
// where that is every address. The error names the checks that fail, where the process
// says so; it ends within three seconds.
func Ask(ctx context.Context, operators string) error {
	host, port, err := net.SplitHostPort(operators)
	if err != nil {
		return fmt.Errorf("asking whether it is ready: operators: give host:port")
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("asking whether it is ready: %w", err)
	}
	// No proxy, and no redirect: what is asked is this process.
	c := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := c.Do(req)
	if err != nil {
		return fmt.Errorf("asking whether it is ready: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	var problem struct {
		Failing []string `json:"failing"`
	}
	// An answer in another form is as good as none: it is the status that counts.
	_ = json.NewDecoder(io.LimitReader(resp.Body, 16<<10)).Decode(&problem)
	if len(problem.Failing) > 0 {
		return errors.New("not ready: " + strings.Join(problem.Failing, ", "))
	}
	return fmt.Errorf("not ready: answered %d", resp.StatusCode)
}
