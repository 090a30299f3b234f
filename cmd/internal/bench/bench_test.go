package bench_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"example.org/trm/cmd/internal/bench"
)

// TestMain is a part of the region where it is started as one.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "part" {
		if err := bench.Part(context.Background(), os.Args[2], os.Args[3], os.Stdin, os.Stdout, os.Stderr); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) == 4 && os.Args[1] == "broken" {
		fmt.Fprintln(os.Stderr, "it broke")
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// options are of a load so small that nothing is measured: what is tested is that it is
// sent, delivered and proven.
func options(t *testing.T) bench.Options {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return bench.Options{
		Type: "referral.request", Messages: 16, Warmup: 4, Threads: 5, Pairs: []bench.Pair{{From: "me", To: "rs"}, {From: "al", To: "mk"}},
		Senders: 4, Fsync: "everysec", Patience: 2 * time.Minute, Program: []string{self, "part"}, Dir: t.TempDir(),
	}
}

func TestEveryMessageOfALoadIsProven(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	t.Parallel()
	for name, change := range map[string]func(*bench.Options){
		"at a rate":          func(o *bench.Options) { o.Rate = 100 },
		"as fast as answers": func(o *bench.Options) { o.Embedded, o.Type = true, "capacity.request" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			change(&o)
			o.Profile = t.TempDir()
			r, err := bench.Run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			p := r.Proven
			if p.Receipts != 20 || p.Delivered != 20 || p.Evidence != 20 || p.Consignments < 20 || p.Threads != 5 || p.Pairs != 2 {
				t.Errorf("proven is %+v", p)
			}
			if r.Load.Messages != 16 || r.Receive.P50 <= 0 || r.Deliver.P50 <= 0 || r.Evidence.P50 < r.Deliver.P50 || r.Evidence.Max < r.Evidence.P99 || r.Published.Max < r.Published.P50 {
				t.Errorf("measured %+v, %+v, %+v", r.Receive, r.Deliver, r.Evidence)
			}
			if r.Bare.Gateway.Times <= 0 || r.Bare.Adapter.Times <= 0 || r.Bare.Append.P50 <= 0 || r.Bare.XAdd.P50 <= 0 {
				t.Errorf("bare costs are %+v", r.Bare)
			}
			for _, part := range []string{"gateway", "adapter-rs", "adapter-mk"} {
				if i, err := os.Stat(o.Profile + "/" + part + ".pprof"); err != nil || i.Size() == 0 {
					t.Errorf("%s has no profile: %v", part, err)
				}
			}
			shown(t, r)
		})
	}
}

// shown checks both forms of the report.
func shown(t *testing.T, r bench.Report) {
	t.Helper()
	var text strings.Builder
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"16 messages", "me-rs al-mk", "receive ", "evidence ", "published, after the receipt ", "gateway ", "adapters (2) ", "proven: 20 receipts, 20 messages delivered once"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the text does not say %q:\n%s", want, &text)
		}
	}
	raw, err := json.Marshal(r)
	if err != nil || !strings.Contains(string(raw), `"pairs":["me-rs","al-mk"]`) {
		t.Errorf("as JSON it is %s, %v", raw, err)
	}
}

func TestOptionsThatCannotBeRunAreAllNamed(t *testing.T) {
	t.Parallel()
	err := bench.Options{Messages: bench.MaxMessages, Warmup: 1, Pairs: []bench.Pair{{From: "me", To: "me"}}, Rate: -1, Fsync: "no"}.Validate()
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	for _, want := range []string{"messages:", "threads:", "me-me", "rate:", "senders:", "fsync:", "patience:", "program:"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not named in %v", want, err)
		}
	}
}

func TestAPartThatDoesNotStartIsQuoted(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	t.Parallel()
	o := options(t)
	o.Embedded, o.Program = true, []string{o.Program[0], "broken"}
	_, err := bench.Run(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "starting gateway") || !strings.Contains(err.Error(), "it broke") {
		t.Errorf("got %v", err)
	}
}
