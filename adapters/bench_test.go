package adapters

import (
	"fmt"
	"sync/atomic"
	"testing"

	"example.org/trm/adapters/incoming"
	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// BenchmarkTake measures what the adapter itself costs for a delivery of two roles:
// journal, attempts, outcome and evidence on disk, without cryptography and without a
// national system.
func BenchmarkTake(b *testing.B) {
	for _, workers := range []int{1, 16} {
		b.Run(fmt.Sprintf("%d at once", workers), func(b *testing.B) {
			w := newWorld(b)
			a, _ := w.live(nil)
			var n atomic.Int64
			b.SetParallelism(workers)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					i := n.Add(1)
					it := w.arrive(fmt.Sprintf("019ab3c4-0000-7000-8000-%012d", i), i, func(o *incoming.Opened) { o.Head.Thread = fmt.Sprint(i) })
					if err := a.take(b.Context(), it); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// BenchmarkObligations reads what an office owes out of a journal of 10,000 messages: as
// many as a busy one has in three years.
func BenchmarkObligations(b *testing.B) {
	w := newWorld(b)
	a, _ := w.live(func(c *Config) { c.Procedure = ruled{} })
	for i := range 5000 {
		thread := fmt.Sprintf("t-%d", i)
		for _, id := range []string{"a", "b"} {
			h := gateway.Head{ID: thread + id, Issuer: "rs/coordinator", Audience: "ba/coordinator", Thread: thread, Type: "referral.request/1.0"}
			if _, _, err := a.Store.Put(b.Context(), store.Outgoing{
				ID: h.MessageID(), Audience: h.Audience, Thread: thread, StoredAt: noon, Expires: noon,
				Exchange: &store.Exchange{Head: h, Own: true, Received: noon, KeepUntil: noon.AddDate(3, 0, 0)},
			}); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if o, err := a.Obligations(b.Context(), office, false); err != nil || len(o.Owed) != 10_000 {
			b.Fatal(len(o.Owed), err)
		}
	}
}
