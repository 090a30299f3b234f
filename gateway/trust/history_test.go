package trust

import (
	"testing"
	"time"

	"example.org/trm/gateway"
)

// TestThePastIsJudgedByTheDirectoryOfItsTime: a pair that was switched off later was on, a
// key that was revoked later was good, and both are known to have ended.
func TestThePastIsJudgedByTheDirectoryOfItsTime(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	h := NewHistory(r.pins)
	if _, ok := h.At(noon); ok {
		t.Error("a directory is in force before there is one")
	}
	if _, err := h.Take(r.open(t).Signed()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Take(r.open(t).Signed()); err == nil {
		t.Error("the same number was taken twice")
	}
	id := r.keys["rs/coordinator"][gateway.UseMessage].ID()
	for _, jws := range []string{
		r.revoke(t, "rs/coordinator", gateway.UseMessage, noon.Add(2*time.Hour)),
		r.switched(t, "rs", "me", true, noon.Add(time.Hour)),
	} {
		if _, err := h.Hear(jws); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.Hear("a.b.c"); err == nil {
		t.Error("a statement of nobody was heard")
	}
	for _, row := range []struct {
		at     time.Duration
		on, ok bool
	}{{0, true, true}, {time.Hour, false, true}, {2 * time.Hour, false, false}, {30 * time.Minute, true, true}} {
		at := noon.Add(row.at)
		d, ok := h.At(at)
		if !ok {
			t.Fatal("no directory was in force")
		}
		p, _ := d.Pair("rs", "me")
		key, _ := d.Key(id)
		if p.On != row.on || key.ValidAt(at) != row.ok {
			t.Errorf("after %s the pair is on: %v, and the key good: %v", row.at, p.On, key.ValidAt(at))
		}
	}
	if key, ok := h.Key(id); !ok || !key.ValidAt(noon) || key.ValidAt(noon.Add(2*time.Hour)) {
		t.Errorf("the key is %+v, %v", key, ok)
	}
}
