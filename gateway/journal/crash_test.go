//go:build unix

package journal_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal"
)

// Tests that need a process to die run this test binary again, as one of these.
var lives = map[string]func(path string) error{"load": load, "full": full, "remind": remind}

func TestMain(m *testing.M) {
	if live, ok := lives[os.Getenv("JOURNAL_TEST_LIFE")]; ok {
		if err := live(os.Getenv("JOURNAL_TEST_PATH")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func again(t *testing.T, life, path string) *exec.Cmd {
	t.Helper()
	if testing.Short() {
		t.Skip("starts processes: not in a short run")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), exe)
	c.Env = append(os.Environ(), "JOURNAL_TEST_LIFE="+life, "JOURNAL_TEST_PATH="+path)
	c.Stderr = os.Stderr
	return c
}

var errTorn = errors.New("a bad message")

// load receives messages without end, of which every fifth fails and every seventh is
// refused, and says which were received.
func load(path string) error {
	j, err := journal.Open(path, journal.Options{Origin: "o", Backlog: 1 << 30})
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	var said sync.Mutex
	var n atomic.Int64
	for range 16 {
		all.Go(func() {
			for {
				i := n.Add(1)
				id := fmt.Sprintf("m-%d-%d", os.Getpid(), i)
				record := usual(id)
				got, err := j.Receive(context.Background(), nameOf(id), "thread "+id, "ba", "rs", func(s gateway.Slot) (gateway.Record, error) {
					switch {
					case i%5 == 0:
						return gateway.Record{}, errTorn
					case i%7 == 0:
						r, err := record(s)
						return gateway.Record{Head: r.Head, Digest: r.Digest, At: r.At, Evidence: r.Evidence, Answer: gateway.Answer{
							Refusal: gateway.Refuse(gateway.CodePolicy, "", ""), Signed: string(r.Answer.Receipt),
						}}, err
					}
					return record(s)
				})
				if err != nil && !errors.Is(err, errTorn) {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				if err == nil {
					said.Lock()
					fmt.Println(id, string(got.Answer.Receipt)+got.Answer.Signed)
					said.Unlock()
				}
			}
		})
	}
	all.Wait()
	return nil
}

func TestWhatWasAnsweredSurvivesKills(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	answered := map[string]string{}
	for range 6 {
		c := again(t, "load", path)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		lines, kill := bufio.NewScanner(out), 50+rand.N(200)
		for n := 0; lines.Scan(); n++ {
			id, answer, ok := strings.Cut(lines.Text(), " ")
			if ok && strings.HasSuffix(answer, id) { // the last line may be torn
				answered[id] = answer
			}
			if n == kill {
				if err := c.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = c.Wait() // says that it was killed
		if s := c.ProcessState.Sys().(syscall.WaitStatus); s.Signal() != syscall.SIGKILL {
			t.Fatalf("it was to be killed, and ended with %v", c.ProcessState)
		}
	}
	j, err := journal.Open(path, journal.Options{Origin: "o"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = j.Close() }()
	received := 0
	for id, want := range answered {
		got, ok, err := j.Find(t.Context(), nameOf(id))
		if err != nil || !ok || string(got.Answer.Receipt)+got.Answer.Signed != want {
			t.Errorf("%s was answered and is gone: %v, %v", id, ok, err)
		}
		if got.Answer.Refusal == nil {
			received++
		}
	}
	n := gateway.PairNumber{From: "ba", To: "rs", Origin: "o"}
	for {
		n.N++
		s, ok, err := j.Pair(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		if s.State != gateway.StateReceived || len(s.Evidence) != 1 || s.Delivery == "" {
			t.Errorf("number %d is half recorded: %+v", n.N, s)
		}
	}
	// Beyond what was answered there may be what was committed as the process died.
	last, err := j.Receive(t.Context(), nameOf("last"), "thread", "ba", "rs", usual("last"))
	if err != nil || len(last.Answer.Receipt) == 0 {
		t.Fatal(err)
	}
	s, _, err := j.Status(t.Context(), nameOf("last"))
	if err != nil || s.Pair.N != n.N || n.N-1 < int64(received) {
		t.Errorf("the numbers have a gap: %d are there in a row for %d answered, and the next is %d (%v)", n.N-1, received, s.Pair.N, err)
	}
	if len(answered) < 300 || received == len(answered) {
		t.Errorf("%d answers, %d of them receipts, test too little", len(answered), received)
	}
}

// full runs out of room in the middle of a load, gets it back, and looks.
func full(path string) error {
	signal.Ignore(syscall.SIGXFSZ)
	j, err := journal.Open(path, journal.Options{Origin: "o"})
	if err != nil {
		return err
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	lifted := limit.Cur
	limit.Cur = 2 << 20 // for each file: the write-ahead log hits it first
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	acked, failed := map[string]string{}, 0
	for k := range 8 {
		all.Go(func() {
			for i := range 40 {
				id := fmt.Sprintf("m-%d-%d", k, i)
				got, err := j.Receive(context.Background(), nameOf(id), "thread "+id, "ba", "rs", usual(id))
				mu.Lock()
				if err != nil {
					failed++
				} else {
					acked[id] = string(got.Answer.Receipt)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if failed == 0 || len(acked) == 0 {
		return fmt.Errorf("%d failed and %d did not: that is no test", failed, len(acked))
	}
	limit.Cur = lifted
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	if _, err := j.Receive(context.Background(), nameOf("after"), "thread", "ba", "rs", usual("after")); err != nil {
		return fmt.Errorf("with room again: %w", err)
	}
	for id, want := range acked {
		got, ok, err := j.Find(context.Background(), nameOf(id))
		if err != nil || !ok || string(got.Answer.Receipt) != want {
			return fmt.Errorf("%s was acknowledged and is gone: %v, %w", id, ok, err)
		}
	}
	s, ok, err := j.Status(context.Background(), nameOf("after"))
	if err != nil || !ok || s.Pair.N < int64(len(acked)+1) {
		return fmt.Errorf("the last of %d has number %d, %v", len(acked)+1, s.Pair.N, err)
	}
	for n := int64(1); n <= s.Pair.N; n++ {
		if _, ok, err := j.Pair(context.Background(), gateway.PairNumber{From: "ba", To: "rs", Origin: "o", N: n}); !ok || err != nil {
			return fmt.Errorf("the numbers have a gap at %d: %w", n, err)
		}
	}
	return j.Close()
}

func TestADiskWithoutRoomLosesNothingThatWasAnswered(t *testing.T) {
	t.Parallel()
	if out, err := again(t, "full", filepath.Join(t.TempDir(), "journal.db")).Output(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
