package adapters

import (
	"fmt"
	"sync/atomic"
	"testing"

	"example.org/trm/adapters/incoming"
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
