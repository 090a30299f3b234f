package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.org/trm/cmd/internal/bench"
	"example.org/trm/gateway"
)

func (a *app) benchCommand() *cobra.Command {
	o := bench.Options{}
	var pairs []string
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure what a message costs on its way, and prove that it arrived",
		Long: `bench signs messages beforehand, runs the gateway, the adapters of the receiving countries and
Redis as processes of their own on loopback, sends the messages at a fixed rate and is the
national systems at the other end. A latency counts from the time at which its message was due,
so that a pause of the gateway is not hidden by the messages that were not sent in it.

It prints how long receiving, delivering and the evidence took, what each process used, and
beside it, from the same run, what nothing could do without: bare cryptography, a flushed append
to a file, an XADD. Then it proves every receipt and every piece of evidence, that each message
was delivered once, and that order was kept in each thread; if not, it fails.

With --rate 0 each sender sends its next message when it has a receipt. Where redis-server is not
installed, Redis is in this process and keeps nothing, and its figures mean little.`,
		Example: "  trm bench\n  trm bench --rate 0 --senders 16 --fsync always --type capacity.request\n  trm bench --profile profiles && go tool pprof -top profiles/gateway.pprof",
		Args:    args(),
		RunE: func(c *cobra.Command, _ []string) error {
			for _, p := range pairs {
				from, to, _ := strings.Cut(p, "-")
				o.Pairs = append(o.Pairs, bench.Pair{From: gateway.Country(from), To: gateway.Country(to)})
			}
			self, err := os.Executable()
			if err != nil {
				return err
			}
			o.Program = []string{self, "bench", "part"}
			o.Log = func(s string) { fmt.Fprintln(a.errs, s) }
			if err := o.Validate(); err != nil {
				return usage("%w", err)
			}
			r, err := bench.Run(c.Context(), o)
			if err != nil {
				return err
			}
			if a.json {
				a.printJSON(a.out, r)
				return nil
			}
			return r.WriteText(a.out)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Type, "type", "referral.request", "what is sent: the example of this type")
	f.IntVar(&o.Messages, "messages", 2000, "how many are measured")
	f.IntVar(&o.Warmup, "warmup", 400, "how many are sent before them, not measured")
	f.IntVar(&o.Threads, "threads", 200, "over how many threads they go in turn")
	f.StringSliceVar(&pairs, "pairs", []string{"me-rs", "ba-rs", "al-mk", "rs-mk"}, "directed pairs of countries over which threads go in turn")
	f.Float64Var(&o.Rate, "rate", 200, "messages in a second; 0: as fast as they are answered")
	f.IntVar(&o.Senders, "senders", 32, "connections that send")
	f.StringVar(&o.Fsync, "fsync", "everysec", "when redis-server flushes: always or everysec")
	f.BoolVar(&o.Embedded, "embedded", false, "Redis in this process even if redis-server is installed")
	f.DurationVar(&o.Patience, "patience", 5*time.Minute, "how long the whole may take")
	f.StringVar(&o.Dir, "data", "", "folder that keeps what the region wrote (default: a temporary one)")
	f.StringVar(&o.Profile, "profile", "", "folder for a CPU profile of each process")
	c.AddCommand(a.benchPartCommand())
	return c
}

// benchPartCommand is what bench starts: gatewayd or adapterd out of this binary, so that
// measuring needs no other.
func (a *app) benchPartCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "part KIND CONFIG",
		Short:  "Run one process of a region that is measured",
		Hidden: true,
		Args:   args("KIND", "CONFIG"),
		RunE: func(c *cobra.Command, args []string) error {
			return bench.Part(c.Context(), args[0], args[1], a.in, a.out, a.errs)
		},
	}
}
