package api_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/api"
)

// archives is an exporter of bundles of three pages.
type archives struct {
	err  error
	hold chan struct{} // if it is there, a page waits for it
}

func (a *archives) Begin(ctx context.Context, w io.Writer, viewer gateway.Party, origin string, from, to time.Time) (api.AuditRange, int64, error) {
	if origin != "" && origin != "test/2026" {
		return api.AuditRange{}, 0, gateway.Refuse(gateway.CodeNotFound, "", "")
	}
	if a.hold != nil {
		<-a.hold
	}
	fmt.Fprintf(w, "%s from %s to %s;", viewer, from.Format(time.DateOnly), to.Format(time.DateOnly))
	return api.AuditRange{Origin: "test/2026", First: 7, Size: 3000}, 1024, a.err
}

func (a *archives) Page(_ context.Context, w io.Writer, viewer gateway.Party, r api.AuditRange, after int64) (int64, error) {
	fmt.Fprintf(w, "%s %s %d to %d after %d;", viewer, r.Origin, r.First, r.Size, after)
	if after == 2048 {
		return 0, a.err
	}
	return after + 1024, a.err
}

const november = "/v1/audit?from=2026-11-01&to=2026-11-30"

// TestABundleIsFetchedPageByPage: each answer names the next, and the last none.
func TestABundleIsFetchedPageByPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var got strings.Builder
	for path, n := november, 0; path != ""; n++ {
		a := w.get("rs/auditor", path)
		if a.StatusCode != 200 || a.Header.Get("Content-Type") != "application/x-tar" || a.ContentLength != int64(len(a.body)) || n > 3 {
			t.Fatalf("page %d: %d %s", n, a.StatusCode, a.body)
		}
		got.WriteString(a.body)
		link, more := strings.CutSuffix(strings.TrimPrefix(a.Header.Get("Link"), "<"), `>; rel="next"`)
		path = link
		if !more && a.Header.Get("Link") != "" {
			t.Fatalf("the link is %q", a.Header.Get("Link"))
		}
	}
	const want = "rs/auditor from 2026-11-01 to 2026-11-30;rs/auditor test/2026 7 to 3000 after 1024;rs/auditor test/2026 7 to 3000 after 2048;"
	if got.String() != want {
		t.Errorf("got %q, want %q", got.String(), want)
	}
}

// TestWhatIsNoRangeIsRefused before anything is read.
func TestWhatIsNoRangeIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, q := range []string{
		"", "?from=2026-11-01", "?to=2026-11-01", "?from=2026-11-02&to=2026-11-01", "?from=November&to=December", "?from=2026-11-01&from=2026-11-02&to=2026-11-03",
		"?from=2026-11-01&to=2026-11-30&origin=" + strings.Repeat("x", 65),
		"?after=1", "?origin=test/2026&first=0&size=3000&after=0", "?origin=test/2026&first=0&size=3000&after=3000", "?origin=test/2026&first=0&size=3000&after=-1",
		"?origin=test/2026&first=-1&size=3000&after=1", "?first=0&size=3000&after=1", "?origin=test/2026&first=0&size=99999999999999999999&after=1",
	} {
		w.wantProblem(w.get("rs/auditor", "/v1/audit"+q), gateway.CodeRequest)
	}
	w.wantProblem(w.get("rs/auditor", november+"&origin=test/2025"), gateway.CodeNotFound)
}

// TestBundlesTakeNoMoreThanTheirPlaces: who comes too many is asked to come again.
func TestBundlesTakeNoMoreThanTheirPlaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.wantProblem(exporting(t), gateway.CodeBusy)
	for range 5 { // whoever is through leaves its place
		if a := w.get("rs/auditor", november); a.StatusCode != 200 {
			t.Fatalf("got %d", a.StatusCode)
		}
	}
}

// exporting is what a door answers whose places for bundles are taken.
func exporting(t *testing.T) answer {
	t.Helper()
	a := &archives{hold: make(chan struct{})}
	w := newWorld(t, func(w *world) { w.server.Audits = a })
	calls := []<-chan answer{}
	for range 3 {
		calls = append(calls, w.async(w.request(t.Context(), "rs/auditor", "GET", november, nil)))
	}
	defer close(a.hold)
	select {
	case got := <-calls[0]:
		return got
	case got := <-calls[1]:
		return got
	case got := <-calls[2]:
		return got
	}
}
