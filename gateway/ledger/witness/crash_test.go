package witness_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"example.org/trm/gateway/ledger/witness"
)

// child says, in the environment, that this process is a witness to be killed: in which
// folder, and for which log.
const child = "TRM_WITNESS_CHILD"

func TestMain(m *testing.M) {
	if args := strings.SplitN(os.Getenv(child), " ", 2); len(args) == 2 {
		fmt.Fprintln(os.Stderr, live(args[0], args[1]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// live is a witness that serves until it is killed.
func live(dir, log string) error {
	l, err := witness.ParseLog(log)
	if err != nil {
		return err
	}
	w, err := witness.New(witness.Options{Key: filepath.Join(dir, "key"), State: filepath.Join(dir, "state"), Logs: []witness.Log{l}})
	if err != nil {
		return err
	}
	at, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + at.Addr().String())
	return http.Serve(at, w.Handler())
}

// cosignatures are all that were ever given out.
type cosignatures struct {
	mu    sync.Mutex
	roots map[int64]string // by size
	most  int64
	found []string // what must not be
}

func (c *cosignatures) got(size int64, root string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if before, ok := c.roots[size]; ok && before != root {
		c.found = append(c.found, fmt.Sprintf("two trees of size %d", size))
	}
	c.roots[size] = root
	c.most = max(c.most, size)
}

// TestAWitnessThatIsKilledAgainAndAgain is asked for two histories of one log by several
// callers, and killed in the middle of it: it never cosigns both, and never forgets what
// it has answered.
func TestAWitnessThatIsKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts processes")
	}
	const lives, length = 30, 400
	common := newTree(t, "log.example/2026").grow(1, "entry")
	histories := []*tree{common.copy().grow(length, "one"), common.copy().grow(length, "two")}
	dir := t.TempDir()
	if _, err := witness.Create(filepath.Join(dir, "key"), filepath.Join(dir, "state"), "audit.example/trm"); err != nil {
		t.Fatal(err)
	}
	given := &cosignatures{roots: map[int64]string{}}
	for range lives {
		given.oneLife(t, dir, histories)
	}
	// What is on disk at the end is the newest that was answered, or one beyond it whose
	// answer was lost.
	_, heads, err := witness.Look(filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	if len(heads) != 1 || heads[0].Size < given.most {
		t.Fatalf("cosigned size %d and remembers %+v", given.most, heads)
	}
	winner := histories[0]
	if winner.root(heads[0].Size) != heads[0].Root.String() {
		winner = histories[1]
	}
	for size, root := range given.roots {
		if winner.root(size) != root {
			t.Errorf("size %d was cosigned in another history", size)
		}
	}
	for _, f := range given.found {
		t.Error(f)
	}
	if given.most < lives {
		t.Errorf("cosigned up to %d in %d lives: it was not at work when it was killed", given.most, lives)
	}
}

// oneLife starts the witness, asks it from all sides, and kills it.
func (c *cosignatures) oneLife(t *testing.T, dir string, histories []*tree) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), child+"="+dir+" "+histories[0].key.String())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("a witness that was killed does not start again: %v", err)
	}
	url := strings.TrimSpace(line)
	c.remembers(t, url)

	ctx, over := context.WithCancel(t.Context())
	var asked atomic.Int64
	death := 4 + rand.Int64N(40) // requests until it dies, somewhere in the next one
	dying := make(chan struct{})
	var wg sync.WaitGroup
	for n := range 4 {
		x := histories[n%2].copy()
		wg.Go(func() {
			size := int64(1)
			for ctx.Err() == nil {
				if asked.Add(1) == death {
					close(dying)
				}
				size = c.ask(ctx, url, x, size)
			}
		})
	}
	<-dying
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	over()
	wg.Wait()
}

// ask asks for one entry more than size, or for what the witness says it has, and returns
// the size to go on from.
func (c *cosignatures) ask(ctx context.Context, url string, x *tree, size int64) int64 {
	next := min(size+1, x.size)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/add-checkpoint", strings.NewReader(body(size, x.proof(size, next), x.checkpoint(next))))
	if err != nil {
		return size
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return size
	}
	defer resp.Body.Close()
	says, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
	case resp.StatusCode == http.StatusOK && strings.HasSuffix(string(says), "\n"):
		c.got(next, x.root(next))
		return next
	case resp.Header.Get("Content-Type") == "text/x.tlog.size":
		if known, err := strconv.ParseInt(strings.TrimSpace(string(says)), 10, 64); err == nil && known > 0 {
			return known
		}
		if size == 1 { // it knows nothing yet
			return 0
		}
	}
	return size
}

// remembers fails where a new life knows less than what an earlier one answered.
func (c *cosignatures) remembers(t *testing.T, url string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/checkpoints", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var heads []witness.Head
	if err := json.NewDecoder(resp.Body).Decode(&heads); err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.most > 0 && (len(heads) != 1 || heads[0].Size < c.most) {
		t.Errorf("cosigned size %d before it was killed, and remembers %+v", c.most, heads)
	}
}
