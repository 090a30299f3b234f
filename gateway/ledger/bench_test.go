package ledger_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/ledger"
)

// BenchmarkEntry gives entries their places while several callers record them, and ends
// when the last is under a signed checkpoint: what a log of this kind can take.
func BenchmarkEntry(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			w := newWorld(b, "quorum none\n")
			w.run()
			var n atomic.Int64
			var all sync.WaitGroup
			b.ResetTimer()
			for range callers {
				all.Go(func() {
					for n.Add(1) <= int64(b.N) {
						if err := w.journal.Enter(b.Context(), gateway.Deed{Event: gateway.Redriven, At: noon}); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
			w.published(int64(b.N))
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

// BenchmarkPublished records 200 entries a second and reports how long after its commit
// each is under a signed checkpoint, without witnesses.
func BenchmarkPublished(b *testing.B) {
	w := newWorld(b, "quorum none\n")
	w.run()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	often := time.NewTicker(200 * time.Microsecond)
	defer often.Stop()
	var waits []time.Duration
	for i := int64(1); b.Loop(); i++ {
		<-tick.C
		if err := w.journal.Enter(b.Context(), gateway.Deed{Event: gateway.Redriven, At: noon}); err != nil {
			b.Fatal(err)
		}
		begun := time.Now()
		for ; ; <-often.C {
			raw, err := w.log.Checkpoint(b.Context(), origin)
			if err == nil {
				if c, err := ledger.ParseCheckpoint(string(raw)); err == nil && c.Size >= i {
					break
				}
			}
		}
		waits = append(waits, time.Since(begun))
	}
	slices.Sort(waits)
	b.ReportMetric(waits[len(waits)/2].Seconds()*1e3, "p50-ms")
	b.ReportMetric(waits[len(waits)*99/100].Seconds()*1e3, "p99-ms")
}

// BenchmarkProve makes and verifies the proof of an entry among ten thousand.
func BenchmarkProve(b *testing.B) {
	w := newWorld(b, twoOfThree)
	w.run()
	const size = 10_000
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for range size / 64 {
				if err := w.journal.Enter(b.Context(), gateway.Deed{Event: gateway.Redriven, At: noon}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
	w.witnessed(size / 64 * 64)
	leaf := w.leaves(origin)[4321]
	key := w.signer.Named(origin).Key()
	b.Run("make", func(b *testing.B) {
		for b.Loop() {
			if _, err := w.log.Prove(b.Context(), origin, 4321); err != nil {
				b.Fatal(err)
			}
		}
	})
	p, err := w.log.Prove(b.Context(), origin, 4321)
	w.must(err)
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			if _, err := p.Verify(leaf, key, w.policy); err != nil {
				b.Fatal(err)
			}
		}
	})
}
