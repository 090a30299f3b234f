package witness_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"example.org/trm/gateway/ledger"
	"example.org/trm/gateway/ledger/quorum"
	"example.org/trm/gateway/ledger/witness"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// world is a witness that can be closed and opened again.
type world struct {
	t       testing.TB
	options witness.Options
	key     quorum.Key
	*witness.Witness
}

func newWorld(t testing.TB, logs ...witness.Log) *world {
	t.Helper()
	dir, memory := t.TempDir(), filepath.Join(t.TempDir(), "memory")
	if err := os.Mkdir(memory, 0o700); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, options: witness.Options{
		Key: filepath.Join(dir, "key"), State: filepath.Join(memory, "state"), Logs: logs, Now: func() time.Time { return noon },
	}}
	var err error
	if w.key, err = witness.Create(w.options.Key, w.options.State, "audit.example/trm"); err != nil {
		t.Fatal(err)
	}
	w.open()
	return w
}

func (w *world) open() {
	w.t.Helper()
	opened, err := witness.New(w.options)
	if err != nil {
		w.t.Fatal(err)
	}
	w.Witness = opened
	w.t.Cleanup(func() { _ = opened.Close() })
}

func (w *world) reopen() {
	w.t.Helper()
	if err := w.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.open()
}

// ask posts a request over HTTP.
func (w *world) ask(body string) (status int, kind, answer string) {
	w.t.Helper()
	r := httptest.NewRecorder()
	w.Handler().ServeHTTP(r, httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, "/add-checkpoint", strings.NewReader(body)))
	return r.Code, r.Header().Get("Content-Type"), r.Body.String()
}

// cosigned fails unless the request gets the cosignature of the tree as it is, which is
// verified with the gateway's own verifier, not with the witness's.
func (w *world) cosigned(x *tree, old int64) {
	w.t.Helper()
	status, _, line := w.ask(x.request(old))
	if status != http.StatusOK {
		w.t.Fatalf("answered %d: %s", status, line)
	}
	if strings.Count(line, "\n") != 1 || !strings.HasPrefix(line, "— audit.example/trm ") || !strings.HasSuffix(line, "\n") {
		w.t.Fatalf("the answer is not one signature line: %q", line)
	}
	v, err := ledger.NewVerifier(w.key.String())
	if err != nil {
		w.t.Fatal(err)
	}
	n, err := note.Open([]byte(x.checkpoint(x.size)+line), note.VerifierList(v))
	if err != nil {
		w.t.Fatalf("the cosignature does not verify: %v", err)
	}
	if got := ledger.CosignedAt(n, w.key); !got.Equal(w.options.Now()) {
		w.t.Errorf("cosigned at %v, want %v", got, w.options.Now())
	}
}

func TestALogIsCosignedAsItGrows(t *testing.T) {
	t.Parallel()
	x := newTree(t, "log.example/2026")
	w := newWorld(t, x.log())
	w.cosigned(x, 0) // empty
	for _, n := range []int{1, 1, 1, 5, 0, 248, 1, 300} {
		old := x.size
		x.grow(n, "entry")
		w.cosigned(x, old)
		w.reopen() // and what it cosigned it remembers
	}
	heads := w.Heads()
	if len(heads) != 1 || heads[0].Size != x.size || heads[0].Root.String() != x.root(x.size) || !heads[0].Time.Equal(noon) {
		t.Errorf("the witness remembers %+v", heads)
	}
}

// TestRequestsThatAreRefused are all those of the protocol, and those that only look well.
func TestRequestsThatAreRefused(t *testing.T) {
	t.Parallel()
	x, other := newTree(t, "log.example/2026").grow(7, "entry"), newTree(t, "log.example/other").grow(7, "entry")
	w := newWorld(t, x.log())
	w.cosigned(x, 0)
	old := x.size
	fork := x.copy()
	fork.size, fork.hashes = 0, nil
	fork.grow(6, "entry").grow(5, "another history") // the seventh is another
	same := newTree(t, "log.example/2026").grow(7, "entry")
	x.grow(4, "entry")
	proof, head := x.proof(old, x.size), x.checkpoint(x.size)
	text, _, _ := strings.Cut(head, "\n\n")
	second := x.copy()
	second.size, second.hashes = 0, nil
	second.grow(7, "a second history")
	hash := strings.SplitAfter(proof, "\n")[0]
	for name, c := range map[string]struct {
		body   string
		status int
		says   string // the whole body for a size
	}{
		"a log that is not watched":         {other.request(0), 404, "does not watch"},
		"a log's name, another's signature": {body(old, proof, same.sign(text+"\n")), 403, "no signature"},
		"an older old size":                 {x.request(3), 409, "7\n"},
		"an old size of zero":               {x.request(0), 409, "7\n"},
		"a newer old size":                  {x.request(9), 409, "7\n"},
		"an older checkpoint":               {body(5, "", x.checkpoint(5)), 409, "7\n"},
		"an older one as an extension":      {body(7, "", x.checkpoint(5)), 400, "larger"},
		"the same size, another root":       {body(7, "", second.checkpoint(7)), 409, "two histories"},
		"the same with a proof":             {body(7, hash, x.checkpoint(7)), 422, "no consistency proof"},
		"a fork":                            {fork.request(7), 422, "does not lead"},
		"a second history":                  {second.copy().grow(4, "entry").request(7), 422, "does not lead"},
		"no proof":                          {body(7, "", head), 422, "does not lead"},
		"a proof too long":                  {body(7, proof+hash, head), 422, "does not lead"},
		"a proof cut short":                 {body(7, strings.TrimPrefix(proof, hash), head), 422, "does not lead"},
		"a proof of another size":           {body(7, x.proof(6, x.size), head), 422, "does not lead"},
		"64 hashes":                         {body(7, strings.Repeat(hash, 64), head), 400, "63 hashes"},
		"63 hashes":                         {body(7, strings.Repeat(hash, 63), head), 422, "does not lead"},
		"a hash that is none":               {body(7, hash[1:], head), 400, "not a hash"},
		"a hash with other last bits":       {body(7, hash[:42]+"B=\n", head), 400, "not a hash"},
		"a carriage return":                 {strings.Replace(x.request(7), "\n", "\r\n", 1), 400, "first line"},
		"no first line":                     {proof + "\n" + head, 400, "first line"},
		"a first line of another":           {"size 7\n" + proof + "\n" + head, 400, "first line"},
		"a size with a zero before":         {"old 07\n" + proof + "\n" + head, 400, "first line"},
		"a size with a sign":                {"old +7\n" + proof + "\n" + head, 400, "first line"},
		"a size below zero":                 {"old -7\n" + proof + "\n" + head, 400, "first line"},
		"a size that is no number":          {"old x\n" + proof + "\n" + head, 400, "first line"},
		"a size without end":                {"old 99999999999999999999\n" + proof + "\n" + head, 400, "first line"},
		"no checkpoint":                     {"old 7\n" + proof + "\n", 400, "not a signed note"},
		"no empty line":                     {"old 7\n" + proof + head, 400, ""},
		"nothing":                           {"", 400, "no empty line"},
		"a checkpoint without signatures":   {body(7, proof, text+"\n"), 400, "not a signed note"},
		"a checkpoint of two lines":         {body(7, "", x.sign("log.example/2026\n11\n")), 400, "not a signed note"},
		"a size in the note with a zero":    {body(7, proof, x.sign(strings.Replace(text, "\n11\n", "\n011\n", 1)+"\n")), 400, "not a signed note"},
		"a tree that no memory holds":       {body(7, proof, x.sign(strings.Replace(text, "\n11\n", "\n9223372036854775807\n", 1)+"\n")), 400, "not a signed note"},
		"the largest tree":                  {body(7, proof, x.sign(strings.Replace(text, "\n11\n", "\n4611686018427387904\n", 1)+"\n")), 422, "does not lead"},
		"a root that is cut short":          {body(7, proof, x.sign("log.example/2026\n11\nAAAA\n")), 400, "not a signed note"},
		"an empty line in the note":         {body(7, proof, x.sign(text+"\n\nmore\n")), 400, "not a signed note"},
		"more than anybody sends":           {body(7, proof, x.sign(text+"\n"+strings.Repeat("x", 300<<10)+"\n")), 413, "too large"},
	} {
		status, kind, says := w.ask(c.body)
		if status != c.status || !strings.Contains(says, c.says) {
			t.Errorf("%s: answered %d %q, want %d %q", name, status, says, c.status, c.says)
		}
		// Only a size that the log can act on has that type: others it must not try again with.
		if isSize := says == "7\n"; isSize != (kind == "text/x.tlog.size") {
			t.Errorf("%s: the answer %q has type %q", name, says, kind)
		}
		if strings.Contains(says, "—") {
			t.Fatalf("%s: cosigned", name)
		}
	}
	// After all that it still cosigns what is right, from where it was.
	w.cosigned(x, old)
}

func TestAnotherRootOfOneSizeIsKeptAsEvidence(t *testing.T) {
	t.Parallel()
	x := newTree(t, "log.example/2026").grow(7, "entry")
	w := newWorld(t, x.log())
	w.cosigned(x, 0)
	two := newTree(t, "log.example/2026")
	two.signer, two.key = x.signer, x.key
	two.grow(7, "another history")
	if status, _, _ := w.ask(two.request(7)); status != http.StatusConflict {
		t.Fatalf("answered %d", status)
	}
	w.reopen()
	w.cosigned(x.grow(1, "entry"), 7)
	w.reopen()
	h := w.Heads()[0]
	if h.Fork != two.checkpoint(7) {
		t.Errorf("kept as evidence: %q", h.Fork)
	}
	if _, err := note.Open([]byte(h.Fork), note.VerifierList(verifier(t, x.key))); err != nil {
		t.Errorf("the evidence does not verify: %v", err)
	}
}

func verifier(t *testing.T, k quorum.Key) note.Verifier {
	t.Helper()
	v, err := note.NewVerifier(k.String())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestOneHistoryWhoeverAsksFirst lets two histories and older heads be asked for at once.
func TestOneHistoryWhoeverAsksFirst(t *testing.T) {
	t.Parallel()
	x := newTree(t, "log.example/2026").grow(10, "entry")
	w := newWorld(t, x.log())
	w.cosigned(x, 0)
	histories := []*tree{x.copy().grow(9, "one"), x.copy().grow(9, "two"), x.copy().grow(9, "three")}
	var bodies []string
	for _, h := range histories {
		for size := int64(10); size <= 19; size++ {
			for old := int64(10); old <= size; old++ {
				bodies = append(bodies, body(old, h.proof(old, size), h.checkpoint(size)))
			}
		}
	}
	var mu sync.Mutex
	granted := map[string]map[int]bool{} // which histories were cosigned at a size
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for round := range 3 {
				for i := range bodies {
					n := (i*7 + worker*31 + round) % len(bodies)
					if _, err := w.AddCheckpoint(t.Context(), []byte(bodies[n])); err != nil {
						continue
					}
					lines := strings.Split(bodies[n][strings.Index(bodies[n], "\n\n")+2:], "\n")
					mu.Lock()
					if granted[lines[1]+lines[2]] == nil {
						granted[lines[1]+lines[2]] = map[int]bool{}
					}
					granted[lines[1]+lines[2]][n/(len(bodies)/3)] = true
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	winners := map[int]bool{}
	for head, by := range granted {
		if strings.HasPrefix(head, "10") {
			continue // common to all
		}
		for h := range by {
			winners[h] = true
		}
	}
	if len(winners) != 1 {
		t.Errorf("cosigned %d histories, want one", len(winners))
	}
	if got := w.Heads()[0].Size; got != 19 {
		t.Errorf("cosigned up to %d, want 19", got)
	}
}

// TestNothingIsAnsweredThatIsNotOnDisk: where the state cannot be written there is no
// cosignature, and another tree of that size may still have one.
func TestNothingIsAnsweredThatIsNotOnDisk(t *testing.T) {
	t.Parallel()
	x := newTree(t, "log.example/2026").grow(3, "entry")
	w := newWorld(t, x.log())
	w.cosigned(x, 0)
	before, err := os.ReadFile(w.options.State)
	if err != nil {
		t.Fatal(err)
	}
	memory := filepath.Dir(w.options.State)
	if err := os.Rename(memory, memory+" away"); err != nil {
		t.Fatal(err)
	}
	x.grow(1, "entry")
	status, _, says := w.ask(x.request(3))
	if status != http.StatusInternalServerError || strings.Contains(says, "—") {
		t.Errorf("answered %d %q", status, says)
	}
	if w.Heads()[0].Size != 3 {
		t.Error("it believes to have cosigned what is not on disk")
	}
	if err := os.Rename(memory+" away", memory); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(w.options.State)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the state has changed: %v", err)
	}
	w.cosigned(x, 3)
}

// TestAnAnswerThatIsLost: the log asks with the size that it knows, is told the one that
// was cosigned, and gets the cosignature after all.
func TestAnAnswerThatIsLost(t *testing.T) {
	t.Parallel()
	x := newTree(t, "log.example/2026").grow(3, "entry")
	w := newWorld(t, x.log())
	w.cosigned(x, 0)
	x.grow(1, "entry")
	lost := x.request(3)
	if status, _, _ := w.ask(lost); status != http.StatusOK {
		t.Fatalf("answered %d", status)
	}
	w.reopen()
	if status, _, says := w.ask(lost); status != http.StatusConflict || says != "4\n" {
		t.Errorf("asked again: answered %d %q", status, says)
	}
	w.cosigned(x, 4)
	w.cosigned(x, 4)
}

// TestAKeyWithoutItsMemoryCosignsNothing: whoever forgot what it cosigned would cosign a
// second history.
func TestAKeyWithoutItsMemoryCosignsNothing(t *testing.T) {
	t.Parallel()
	x := newTree(t, "log.example/2026").grow(3, "entry")
	w := newWorld(t, x.log())
	w.cosigned(x, 0)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	state, err := os.ReadFile(w.options.State)
	if err != nil {
		t.Fatal(err)
	}
	stranger := newWorld(t)
	foreign, err := os.ReadFile(stranger.options.State)
	if err != nil {
		t.Fatal(err)
	}
	x.grow(1, "entry")
	for name, now := range map[string][]byte{
		"gone":                nil,
		"empty":               {},
		"cut short":           state[:len(state)/2],
		"another key's":       foreign,
		"a root was changed":  bytes.Replace(state, []byte(x.root(3)[:8]), []byte("AAAAAAAA"), 1),
		"a size was changed":  bytes.Replace(state, []byte(`2026\n3\n`), []byte(`2026\n4\n`), 1),
		"a log listed twice":  bytes.Replace(state, []byte(`"logs": [`), []byte(`"logs": [`+entry(state)+`,`), 1),
		"not cosigned at all": bytes.Replace(state, []byte(`audit.example/trm `), []byte(`audit.example/tr `), 1),
	} {
		if err := os.Remove(w.options.State); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if name != "gone" {
			if name != "empty" && bytes.Equal(now, state) {
				t.Errorf("%s: nothing was changed", name)
			}
			if err := os.WriteFile(w.options.State, now, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if opened, err := witness.New(w.options); err == nil {
			t.Errorf("%s: opened", name)
			_ = opened.Close()
		}
	}
	if err := os.WriteFile(w.options.State, state, 0o600); err != nil {
		t.Fatal(err)
	}
	w.open()
	w.cosigned(x, 3)
}

// entry is the text of the first log in a state.
func entry(state []byte) string {
	from := bytes.IndexByte(state[1:], '{') + 1
	return string(state[from : bytes.IndexByte(state, '}')+1])
}

func TestAKeyIsUsedByOneProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.options
	o.State = filepath.Join(t.TempDir(), "copy")
	raw, err := os.ReadFile(w.options.State)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(o.State, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if second, err := witness.New(o); err == nil {
		t.Error("a second witness with the key of one that runs")
		_ = second.Close()
	}
	w.reopen()
}

func TestAKeyThatOthersCanReadIsRefused(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("files have no modes")
	}
	w := newWorld(t)
	for _, f := range []string{w.options.Key, w.options.State} {
		info, err := os.Stat(f)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s is made with mode %v, %v", filepath.Base(f), info.Mode(), err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(w.options.Key, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := witness.New(w.options); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("opened, or not said what to do: %v", err)
	}
}

func TestCreateNeverReplacesAFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	for _, c := range [][2]string{{w.options.Key, filepath.Join(dir, "s")}, {filepath.Join(dir, "k"), w.options.State}} {
		if _, err := witness.Create(c[0], c[1], "audit.example/trm"); err == nil {
			t.Error("made over another")
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := witness.Create(filepath.Join(dir, "k"), filepath.Join(dir, "s"), "two words"); err == nil {
		t.Error("a name with a space")
	}
}

// TestAClockThatGoesBack does not make the witness contradict itself: a larger tree is
// never cosigned at an earlier time.
func TestAClockThatGoesBack(t *testing.T) {
	t.Parallel()
	x := newTree(t, "log.example/2026").grow(1, "entry")
	w := newWorld(t, x.log())
	now := noon
	w.options.Now = func() time.Time { return now }
	w.reopen()
	w.cosigned(x, 0)
	now = noon.Add(-3 * time.Second)
	status, _, line := w.ask(x.grow(1, "entry").request(1))
	if at := timeOf(t, w, x, line); status != http.StatusOK || !at.Equal(noon) {
		t.Errorf("a little: answered %d, cosigned at %v", status, at)
	}
	now = noon.Add(-time.Hour)
	w.reopen()
	if status, _, says := w.ask(x.grow(1, "entry").request(2)); status != http.StatusServiceUnavailable || !strings.Contains(says, "clock") {
		t.Errorf("an hour: answered %d %q", status, says)
	}
	now = noon.Add(time.Second)
	w.cosigned(x, 2)
}

func timeOf(t *testing.T, w *world, x *tree, line string) time.Time {
	t.Helper()
	v, err := ledger.NewVerifier(w.key.String())
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open([]byte(x.checkpoint(x.size)+line), note.VerifierList(v))
	if err != nil {
		t.Fatal(err)
	}
	return ledger.CosignedAt(n, w.key)
}

func TestAnEmptyLogHasOneRoot(t *testing.T) {
	t.Parallel()
	x := newTree(t, "log.example/2026")
	w := newWorld(t, x.log())
	lie := x.sign("log.example/2026\n0\n" + x.copy().grow(1, "entry").root(1) + "\n")
	if status, _, says := w.ask(body(0, "", lie)); status != http.StatusUnprocessableEntity {
		t.Errorf("answered %d %s", status, says)
	}
	w.cosigned(x, 0)
}

// TestLogsAreKeptApart: several logs, several keys of one, and a log that is not listed
// for a while.
func TestLogsAreKeptApart(t *testing.T) {
	t.Parallel()
	x, y := newTree(t, "trm/2026").grow(3, "entry"), newTree(t, "log.example/y").grow(5, "entry")
	w := newWorld(t, x.log(), y.log())
	w.cosigned(x, 0)
	w.cosigned(y, 0)
	renewed := x.copy()
	fresh := newTree(t, "trm/2026")
	renewed.signer, renewed.key = fresh.signer, fresh.key
	renewed.grow(1, "entry")
	if status, _, _ := w.ask(renewed.request(3)); status != http.StatusForbidden {
		t.Errorf("a key that is not listed: answered %d", status)
	}
	if err := w.Watch([]witness.Log{renewed.log(), x.log()}); err != nil {
		t.Fatal(err)
	}
	w.cosigned(renewed, 3)
	if status, _, _ := w.ask(y.grow(1, "entry").request(5)); status != http.StatusNotFound {
		t.Errorf("a log that is no longer listed: answered %d", status)
	}
	w.options.Logs = []witness.Log{y.log()}
	w.reopen()
	w.cosigned(y, 5) // it was not forgotten
	if got := len(w.Heads()); got != 2 {
		t.Errorf("remembers %d logs, want 2", got)
	}
}

// TestOtherSignaturesAreNotKept: what stands in the note beside the log's own signature is
// the requester's invention.
func TestOtherSignaturesAreNotKept(t *testing.T) {
	t.Parallel()
	x, stranger := newTree(t, "log.example/2026").grow(3, "entry"), newTree(t, "somebody")
	w := newWorld(t, x.log())
	text, _, _ := strings.Cut(x.checkpoint(3), "\n\n")
	signed, err := note.Sign(&note.Note{Text: text + "\n"}, stranger.signer, x.signer)
	if err != nil {
		t.Fatal(err)
	}
	if status, _, says := w.ask(body(0, "", string(signed))); status != http.StatusOK {
		t.Fatalf("answered %d %s", status, says)
	}
	if strings.Contains(w.Heads()[0].Checkpoint, "somebody") {
		t.Error("a stranger's signature is kept")
	}
}

func TestLinesAfterTheThirdAreCosignedToo(t *testing.T) {
	t.Parallel()
	x := newTree(t, "log.example/2026").grow(3, "entry")
	w := newWorld(t, x.log())
	signed := x.sign("log.example/2026\n3\n" + x.root(3) + "\nextension of the log\n")
	status, _, line := w.ask(body(0, "", signed))
	v, err := ledger.NewVerifier(w.key.String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open([]byte(signed+line), note.VerifierList(v)); err != nil || status != http.StatusOK {
		t.Errorf("answered %d, %v", status, err)
	}
}

func TestLogsAsOperatorsWriteThem(t *testing.T) {
	t.Parallel()
	x := newTree(t, "trm/2026")
	region := x.key.Named("trm")
	_, cosigner, err := quorum.Generate("audit.example/w", quorum.Witness)
	if err != nil {
		t.Fatal(err)
	}
	file := fmt.Sprintf("# the gateway's\n%s\n\n  trm/2027   %s\ngo.sum database tree sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8\n", x.key, region)
	logs, err := witness.ParseLogs([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range logs {
		got = append(got, l.Origin+" by "+l.Key.Name)
	}
	if want := "trm/2026 by trm/2026, trm/2027 by trm, go.sum database tree by sum.golang.org"; strings.Join(got, ", ") != want {
		t.Errorf("read %q, want %q", strings.Join(got, ", "), want)
	}
	for _, bad := range []string{"", "trm/2026", "trm/2026+00000000+AAAA", cosigner.String(), "trm/2026 " + cosigner.String(), x.key.String() + " trm/2026"} {
		if _, err := witness.ParseLog(bad); err == nil {
			t.Errorf("%q is read as a log", bad)
		}
	}
	if _, err := witness.ParseLogs([]byte("\n# one\nx\n")); err == nil || !strings.Contains(err.Error(), "line 3") {
		t.Errorf("the line is not named: %v", err)
	}
	// The region's key signs under each origin's name.
	w := newWorld(t, witness.Log{Origin: "trm/2026", Key: region})
	w.cosigned(x.grow(2, "entry"), 0)
}

// TestTheGoChecksumDatabaseIsCosigned with a checkpoint that it really signed: a log that
// is not ours in any way.
func TestTheGoChecksumDatabaseIsCosigned(t *testing.T) {
	t.Parallel()
	const checkpoint = "go.sum database tree\n15067302\ngJyioq6dwR9n+NjEWORfYmH+ubeYm3kH42BBQ0bTpYI=\n\n— sum.golang.org Az3grp1rvWOs5NKlr/xR4GLN/CDyzzakmt1o61uSxYKpK1SerqOP2ClbX/peKUZjYnyomH5Xz7GZG3TpB7OeKn4E2ww=\n"
	l, err := witness.ParseLog("go.sum database tree sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, l)
	status, _, line := w.ask(body(0, "", checkpoint))
	v, err := ledger.NewVerifier(w.key.String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open([]byte(checkpoint+line), note.VerifierList(v)); err != nil || status != http.StatusOK {
		t.Errorf("answered %d %s, %v", status, line, err)
	}
}

func TestAKeyThatWasMadeElsewhereBegins(t *testing.T) {
	t.Parallel()
	x := newTree(t, "log.example/2026").grow(2, "entry")
	w := newWorld(t, x.log())
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := witness.Begin(w.options.Key, w.options.State); err == nil {
		t.Error("begun over a state that is there")
	}
	w.options.State += " new"
	k, err := witness.Begin(w.options.Key, w.options.State)
	if err != nil || !k.Equal(w.key) {
		t.Fatalf("begun as %s, %v", k, err)
	}
	w.open()
	w.cosigned(x, 0)
}

func TestThePrivateKeyOfOtherMakesIsRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	raw, err := os.ReadFile(w.options.Key)
	if err != nil {
		t.Fatal(err)
	}
	// As golang.org/x/mod and other witnesses write it: type 0x01, and the id of that.
	parts := strings.SplitN(strings.TrimSpace(string(raw)), "+", 5)
	seed, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil {
		t.Fatal(err)
	}
	plain := w.key
	plain.Kind = quorum.Log
	seed[0] = byte(quorum.Log)
	line := fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s\n", plain.Name, plain.ID(), base64.StdEncoding.EncodeToString(seed))
	if _, err := note.NewSigner(strings.TrimSpace(line)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.options.Key, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	w.open()
	if !w.Key().Equal(w.key) {
		t.Errorf("it is the witness %s, want %s", w.Key(), w.key)
	}
}
