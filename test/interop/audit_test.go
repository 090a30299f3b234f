package interop

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"example.org/trm/gateway/ledger"
	"example.org/trm/gateway/ledger/quorum"
	"example.org/trm/test/examiner"
	"example.org/trm/test/harness"
)

// audited is what other people's code read of a log.
type audited struct {
	Origin  string
	Size    int64
	Root    string
	Entries [][]byte
}

// audit lets it read a whole log from its tiles: the log's own fsck, a proof of every
// entry, and of everything since an earlier checkpoint.
func audit(t *testing.T, url string, key quorum.Key, policy, since string) (found audited, err error) {
	t.Helper()
	args := []string{"audit", "--url", url, "--vkey", key.String(), "--policy", put(t, "policy", []byte(policy)), "--within", "30s"}
	if since != "" {
		args = append(args, "--since", put(t, "since", []byte(since)))
	}
	err = others(t, &found, args...)
	return found, err
}

// addressed gives every witness of a policy an address: the other reader wants one, and
// asks nobody.
func addressed(policy string) string {
	var b strings.Builder
	for line := range strings.Lines(policy) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "witness" {
			line = strings.TrimSuffix(line, "\n") + " https://nowhere.example/\n"
		}
		b.WriteString(line)
	}
	return b.String()
}

// TestOthersAuditTheLogOfARunningGateway over its door, as an auditor who is let in.
func TestOthersAuditTheLogOfARunningGateway(t *testing.T) {
	t.Parallel()
	r := harness.New(t, harness.Options{})
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, in *http.Request) {
		body, status, err := r.Ask("rs/auditor", in.URL.Path) // each call has an assertion of its own
		if err != nil {
			http.Error(w, "the door does not answer", http.StatusBadGateway)
			return
		}
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}))
	t.Cleanup(door.Close)
	listed, _ := r.Directory.Log()
	policy := addressed(listed.Policy)
	since := ""
	for range 2 {
		for i := range 6 {
			d := harness.Capacity("me/coordinator", "rs/coordinator")
			if i%2 == 1 {
				d = harness.Referral("rs/coordinator", "me/coordinator")
			}
			r.Send(d)
		}
		r.Settle()
		report := r.Witnessed()
		var origin string
		var want [][]byte
		for _, e := range report.Entries {
			origin, want = e.Origin, append(want, e.Leaf)
		}
		got, err := audit(t, door.URL+"/v1/log/"+origin, r.Log().Key.Named(origin), policy, since)
		if err != nil {
			t.Fatal(err)
		}
		if got.Origin != origin || !slices.EqualFunc(got.Entries, want, bytes.Equal) {
			t.Errorf("%d entries of %s are read, and there are %d", len(got.Entries), got.Origin, len(want))
		}
		checkpoint, status := r.Get("rs/auditor", "/v1/log/"+origin+"/checkpoint")
		if status != http.StatusOK {
			t.Fatalf("the checkpoint: answered %d", status)
		}
		since = string(checkpoint)
	}
	if _, err := audit(t, door.URL+"/v1/log/trm/1999", r.Log().Key.Named("trm/1999"), policy, ""); err == nil {
		t.Error("a log that there is not is audited")
	}
	if body, status, err := r.Ask("rs/coordinator", "/v1/log/checkpoint"); err != nil || status != http.StatusOK || string(body) != since {
		t.Errorf("a party reads another checkpoint than the auditor: %d %s, %v", status, body, err)
	}
}

// serve serves a log's tiles and its newest witnessed checkpoint, as the door does.
func serve(t *testing.T, l *ledger.Log) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, in *http.Request) {
		var body []byte
		var err error
		if name, ok := strings.CutPrefix(in.URL.Path, "/tile/"); ok {
			body, err = l.Tile(in.Context(), examiner.Origin, name)
		} else {
			body, err = l.Checkpoint(in.Context(), examiner.Origin)
		}
		switch {
		case errors.Is(err, ledger.ErrUnknown):
			http.NotFound(w, in)
		case err != nil:
			http.Error(w, "it cannot be read", http.StatusInternalServerError)
		default:
			_, _ = w.Write(body)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestOthersAuditLogsOfAllShapes, with tiles that are full and tiles that are not, and each
// as the continuation of the one before.
func TestOthersAuditLogsOfAllShapes(t *testing.T) {
	t.Parallel()
	g := examiner.NewGrown(t)
	since := ""
	for _, n := range []int{1, 6, 249, 1, 255, 300} { // 1, 7, 256, 257, 512, 812
		g.Grow(n)
		l, closed := g.Open()
		got, err := audit(t, serve(t, l), g.Key.Named(examiner.Origin), g.Text, since)
		if err != nil || got.Size != int64(len(got.Entries)) {
			t.Errorf("a log of %d: %v", got.Size, err)
		}
		checkpoint, err := l.Checkpoint(t.Context(), examiner.Origin)
		if err != nil {
			t.Fatal(err)
		}
		since = string(checkpoint)
		closed()
	}
	other := examiner.NewGrown(t)
	other.Grow(900)
	l, closed := other.Open()
	defer closed()
	if _, err := audit(t, serve(t, l), other.Key.Named(examiner.Origin), other.Text, since); err == nil {
		t.Error("another log is taken for the continuation of this one")
	}
	if _, err := audit(t, serve(t, l), other.Key.Named(examiner.Origin), strings.Replace(other.Text, "institutions 2", "institutions 3", 1), ""); err == nil || !strings.Contains(err.Error(), "fewer witnesses") {
		t.Errorf("two cosignatures are taken for three: %v", err)
	}
}

// TestOthersFindWhatWasDoneToALog, each thing by itself, and none makes them wait for ever.
func TestOthersFindWhatWasDoneToALog(t *testing.T) {
	t.Parallel()
	g := examiner.NewGrown(t)
	g.Grow(examiner.Size)
	for _, c := range examiner.Tamperings() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			copied := g.In(t.TempDir())
			if err := c.Do(copied.Files); err != nil {
				t.Fatal(err)
			}
			l, closed := copied.Open()
			defer closed()
			if _, err := audit(t, serve(t, l), g.Key.Named(examiner.Origin), g.Text, ""); (err != nil) != c.Tiles {
				t.Errorf("other people's audit says %v, want that it finds something: %v", err, c.Tiles)
			}
		})
	}
}
