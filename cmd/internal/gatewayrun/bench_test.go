package gatewayrun_test

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/gateway/api"
)

// BenchmarkReceive submits 200 messages, signed beforehand, over 16 connections to a
// gateway with its journal on disk, and reports what a sender waits for a receipt.
func BenchmarkReceive(b *testing.B) {
	const batch, callers = 200, 16
	w := newWorld(b, nil)
	w.quiet = true
	w.start()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callers}}
	defer client.CloseIdleConnections()
	var waits []time.Duration
	for b.Loop() {
		b.StopTimer()
		requests := make(chan *http.Request, batch)
		for range batch {
			m := w.signed(capacity, outgoing.Options{}, nil)
			r, err := http.NewRequestWithContext(b.Context(), "POST", w.url+"/v1/messages", bytes.NewReader(m.Raw))
			if err != nil {
				b.Fatal(err)
			}
			r.Header.Set("Content-Type", api.TypeEnvelope)
			r.Header.Set("Authorization", "Bearer "+w.assertion(m.Head.Issuer))
			requests <- r
		}
		close(requests)
		var mu sync.Mutex
		var wg sync.WaitGroup
		b.StartTimer()
		for range callers {
			wg.Go(func() {
				for r := range requests {
					began := time.Now()
					res, err := client.Do(r)
					if err != nil {
						b.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, res.Body)
					res.Body.Close()
					if res.StatusCode != 202 {
						b.Errorf("got %d", res.StatusCode)
					}
					mu.Lock()
					waits = append(waits, time.Since(began))
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		w.now.add(time.Second) // the party's rate
	}
	slices.Sort(waits)
	b.ReportMetric(float64(waits[len(waits)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(waits[len(waits)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(len(waits))/b.Elapsed().Seconds(), "messages/s")
}
