package journal_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal"
)

// BenchmarkReceive records messages of the usual size from several callers at once, with
// the bare append and flush of as many bytes beside it: what no journal can beat.
func BenchmarkReceive(b *testing.B) {
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("journal/callers=%d", callers), func(b *testing.B) {
			j := openFor(b)
			fromCallers(b, callers, func(i int64) error {
				id := fmt.Sprintf("m-%d", i)
				_, err := j.Receive(b.Context(), nameOf(id), "thread "+id, "ba", "rs", usual(id))
				return err
			})
		})
		b.Run(fmt.Sprintf("append/callers=%d", callers), func(b *testing.B) {
			appendAndFlush(b, callers)
		})
	}
}

// BenchmarkFind looks up an answer, as every submission does first.
func BenchmarkFind(b *testing.B) {
	j := openFor(b)
	id := nameOf("m-1")
	if _, err := j.Receive(b.Context(), id, "thread", "ba", "rs", usual("m-1")); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, ok, err := j.Find(b.Context(), id); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

// BenchmarkNext selects what may be placed while as many deliveries wait behind another
// of their thread.
func BenchmarkNext(b *testing.B) {
	for _, behind := range []int{0, 5000} {
		b.Run(fmt.Sprintf("behind=%d", behind), func(b *testing.B) {
			j := openFor(b)
			for i := range behind + 1 {
				id := fmt.Sprintf("m-%d", i)
				record := usual(id)
				if _, err := j.Receive(b.Context(), nameOf(id), "thread", "ba", "rs", func(s gateway.Slot) (gateway.Record, error) {
					r, err := record(s)
					r.Order = "one thread"
					return r, err
				}); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				if ws, err := j.Next(b.Context(), "rs", noon, 64); len(ws) != 1 || err != nil {
					b.Fatal(len(ws), err)
				}
			}
		})
	}
}

func nameOf(id string) gateway.MessageID {
	return gateway.MessageID{Issuer: "ba/coordinator", ID: id}
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// fromCallers shares the benchmark's rounds among callers, and reports what one of them
// waits in the middle and at the end.
func fromCallers(b *testing.B, callers int, do func(i int64) error) {
	b.Helper()
	var n atomic.Int64
	var all sync.WaitGroup
	waits := make([]time.Duration, b.N)
	b.ResetTimer()
	for range callers {
		all.Go(func() {
			for i := n.Add(1); i <= int64(b.N); i = n.Add(1) {
				begun := time.Now()
				if err := do(i); err != nil {
					b.Error(err)
					return
				}
				waits[i-1] = time.Since(begun)
			}
		})
	}
	all.Wait()
	b.StopTimer()
	slices.Sort(waits)
	b.ReportMetric(waits[len(waits)/2].Seconds()*1e3, "p50-ms")
	b.ReportMetric(waits[len(waits)*99/100].Seconds()*1e3, "p99-ms")
}

func openFor(b *testing.B) *journal.Journal {
	b.Helper()
	j, err := journal.Open(filepath.Join(b.TempDir(), "journal.db"), journal.Options{Origin: "o", Backlog: 1 << 30})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = j.Close() })
	return j
}

// usual makes the record of a message of 4 KB with two sealed units and three tokens, as
// large as the receiver's, without its cryptography.
func usual(id string) func(gateway.Slot) (gateway.Record, error) {
	return func(s gateway.Slot) (gateway.Record, error) {
		h := gateway.Head{ID: id, Issuer: "ba/coordinator", Audience: "rs/coordinator", Thread: "thread " + id, Expires: noon.Add(time.Hour)}
		return gateway.Record{
			Head: h, At: noon, Order: "order of " + id, Facts: s.Facts.After(h),
			Core:   gateway.Core{Protected: strings.Repeat("p", 300), Payload: strings.Repeat("p", 2000), Signature: strings.Repeat("s", 86)},
			Units:  []gateway.Unit{{Name: "needs", Disclosure: "n"}, {Name: "subject", Disclosure: "s"}},
			Bound:  gateway.Bound{Binding: gateway.Binding{Delivery: "delivery of " + id, Serialized: strings.Repeat("k", 900), SDHash: "hash", Policy: "policy"}, Wrapped: strings.Repeat("w", 16000)},
			Sender: strings.Repeat("d", 5800), Auditor: strings.Repeat("d", 5800),
			Evidence: gateway.Statement{ID: "receipt of " + id, Signer: gateway.TheGateway, At: noon, Event: gateway.SubmissionAcceptance, Message: h.MessageID(), Pair: s.Number},
			Answer:   gateway.Answer{Receipt: []byte(strings.Repeat("r", 880) + id)},
		}, nil
	}
}

// appendAndFlush writes as many bytes as a record has to the end of a file and flushes
// them, for several callers at once who share a flush.
func appendAndFlush(b *testing.B, callers int) {
	f, err := os.Create(filepath.Join(b.TempDir(), "file"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	row := bytes.Repeat([]byte("x"), 32<<10)
	type caller chan error
	waiting := make(chan caller, 4096)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for first := range waiting {
			batch := []caller{first}
		drain:
			for len(batch) < 64 {
				select {
				case c := <-waiting:
					batch = append(batch, c)
				default:
					break drain
				}
			}
			_, err := f.Write(bytes.Repeat(row, len(batch)))
			if err == nil {
				err = f.Sync()
			}
			for _, c := range batch {
				c <- err
			}
		}
	}()
	fromCallers(b, callers, func(int64) error {
		c := make(caller, 1)
		waiting <- c
		return <-c
	})
	close(waiting)
	<-done
}
