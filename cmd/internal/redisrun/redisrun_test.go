package redisrun

import (
	"errors"
	"os"
	"os/exec"
	"testing"
)

func needRedis(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("redis-server is not installed")
		}
		t.Skip("redis-server is not installed")
	}
}

func TestARedisThatAnEarlierRunLeftIsEndedBeforeTheNextStarts(t *testing.T) {
	t.Parallel()
	needRedis(t)
	o := Options{Dir: t.TempDir()}
	killed, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	kept := killed.Dial()
	if err := kept.Set(t.Context(), "key", "kept", 0).Err(); err != nil {
		t.Fatal(err)
	}
	// What a kill does: the connections are gone, the child is not.
	for _, c := range killed.clients {
		_ = c.Close()
	}
	next, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Stop()
	killed.clients = nil
	if answers(killed.Addr) {
		t.Error("two redis-servers append to one file")
	}
	killed.Stop()
	if got, err := next.Dial().Get(t.Context(), "key").Result(); err != nil || got != "kept" {
		t.Errorf("what the first had is gone: %q, %v", got, err)
	}
}

func TestTwoRegionsDoNotShareAFolder(t *testing.T) {
	t.Parallel()
	needRedis(t)
	o := Options{Dir: t.TempDir()}
	first, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Stop()
	second, err := Start(t.Context(), o)
	if err == nil {
		second.Stop()
	}
	if !errors.Is(err, ErrInUse) {
		t.Errorf("the second starts: %v", err)
	}
	if err := first.Dial().Ping(t.Context()).Err(); err != nil {
		t.Errorf("the first does not answer any more: %v", err)
	}
}
