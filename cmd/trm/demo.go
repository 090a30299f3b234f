package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"example.org/trm/cmd/internal/redislog"
	"example.org/trm/cmd/internal/region"
	"example.org/trm/gateway"
)

func (a *app) demoCommand() *cobra.Command {
	var (
		once     bool
		data     string
		listen   string
		embedded bool
		story    string
	)
	c := &cobra.Command{
		Use:     "demo",
		Short:   "Run a whole region on this machine: gateway, queue, seven countries",
		Example: "  trm demo --data home\n  trm demo --once\n  trm demo --once --story full",
		Long: `demo runs the gateway, its queue and the adapters of seven countries on loopback, with keys made on
the spot and invented people, and says what to try. Ctrl-C stops it.

With --once it plays a conversation instead (capacity asked and answered, a referral, its
partial acceptance, a status notice taken on), prints each hop, what every role saw and what
was withheld, proves it as the recipient would, and exits.

With --once --story full it plays a case of a year instead: a child from the night on which she is
found to the twelfth month after her return, with what each role saw, when, and who was told. The
clock of the region is put forward between the scenes.`,
		Args: args(),
		RunE: func(c *cobra.Command, _ []string) error {
			if story != "short" && story != "full" {
				return usage("--story is short or full")
			}
			if story == "full" && !once {
				return usage("--story full is played with --once")
			}
			dir := data
			if dir == "" {
				tmp, err := os.MkdirTemp("", "trm-demo-")
				if err != nil {
					return err
				}
				defer os.RemoveAll(tmp)
				dir = tmp
			}
			return a.demo(c.Context(), region.Options{Dir: dir, Listen: listen, Embedded: embedded}, once, data != "", story)
		},
	}
	c.Flags().BoolVar(&once, "once", false, "play one conversation and exit")
	c.Flags().StringVar(&story, "story", "short", "which conversation: short, or full, which takes a year")
	c.Flags().StringVar(&data, "data", "", "folder that keeps everything between runs (default: a temporary one)")
	c.Flags().StringVar(&listen, "listen", "", "address of the gateway (default: 127.0.0.1:8440, or a free port with --once)")
	c.Flags().BoolVar(&embedded, "embedded", false, "keep the queue in this process even if redis-server is installed")
	return c
}

func (a *app) demo(ctx context.Context, o region.Options, once, kept bool, story string) error {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return err
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return err
	}
	o.Dir = dir
	logs, err := os.OpenFile(filepath.Join(dir, "demo.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer logs.Close()
	o.Log = slog.New(slog.NewJSONHandler(logs, nil))
	redislog.To(o.Log)
	if o.Listen == "" && !once {
		o.Listen = "127.0.0.1:8440"
	}
	clock := &region.Clock{}
	if story == "full" {
		o.Now = clock.Now
	}
	r, err := region.Start(ctx, o)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w; does a region run already? --listen names another address", err)
	}
	if err != nil {
		return err
	}
	if err := a.introduce(r); err != nil {
		return errors.Join(err, r.Stop())
	}
	if once && story == "full" {
		return a.live(ctx, r, clock, o) // it stops and starts the region
	}
	err = a.runDemo(ctx, r, once, kept)
	return errors.Join(err, r.Stop())
}

// introduce says what runs, and lets the other commands find it.
func (a *app) introduce(r *region.Region) error {
	a.home = r.Dir
	if err := writeGatewayAddress(r.Dir, gatewayAddress{URL: r.URL, Audience: region.Audience}); err != nil {
		return err
	}
	a.printf("A region on this machine. Synthetic people only; no institution operates or endorses this.\n\n")
	a.printf("gateway   %s\n", r.URL)
	a.printf("queue     %s\n", r.Queue)
	a.printf("adapters ")
	for _, c := range gateway.Countries {
		a.printf(" %s", c.Name())
		if c != gateway.Countries[len(gateway.Countries)-1] {
			a.printf(",")
		}
	}
	a.printf("\n          %s\n", gateway.FootnoteXK)
	return nil
}

func (a *app) runDemo(ctx context.Context, r *region.Region, once, kept bool) error {
	if once {
		a.printf("\n")
		return a.tell(ctx, r)
	}
	a.printf("data      %s", r.Dir)
	if !kept {
		a.printf(" (removed at the end; --data DIR keeps it)")
	}
	a.printf(`

In another terminal, with trm as "go build -o trm ./cmd/trm" makes it on the PATH:

  export TRM_HOME=%s
  trm types example referral.request > draft.json   an invented case
  trm preview draft.json                            what would leave, and who would see it
  trm sign draft.json -o message.json
  trm send message.json --wait 10s
  trm inbox rs/coordinator

Ctrl-C stops the region.
`, r.Dir)
	if err := r.Wait(ctx); err != nil {
		return fmt.Errorf("a part of the region failed: %w", err)
	}
	a.printf("\nstopping\n")
	return nil
}

// since is a duration for people.
func since(t time.Time) string { return time.Since(t).Round(time.Millisecond).String() }
