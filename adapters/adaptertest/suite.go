// Package adaptertest is the suite that every transport passes, and a partner's own
// endpoint behind one: what a country must be able to rely on before it lets a referral
// through.
package adaptertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/trm/adapters"
	"example.org/trm/gateway"
)

// Canary stands in every consignment of the suite, where a person would. It must be in no
// error.
const Canary = "Canary-Person-5R2K"

// Harness is a transport and the national system behind it. Transport, Effects and Content
// must be set. A fault that cannot happen to this transport is nil, and its tests are
// skipped: the reason why it cannot belongs beside it.
type Harness struct {
	Transport adapters.Transport
	// Effects says how often a consignment took effect.
	Effects func(c adapters.Consignment) int
	// Content is what the national system has of it.
	Content func(c adapters.Consignment) []byte

	// Each of these changes what the system does from now on, until Recover.
	Refuse  func() // it says never
	Trouble func() // it cannot now, and takes no effect
	Lose    func() // it takes effect, and its answer is lost
	Hang    func() // it takes no effect and says nothing
	Hostile func() // it answers with whatever could hurt, quoting what it was sent
	Recover func()
}

// Run tries a transport. open makes a fresh one, with a system that has nothing yet.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for name, test := range map[string]func(*testing.T, Harness){
		"what is delivered is there, whole":              whole,
		"the same again takes no second effect":          again,
		"each role has its own":                          roles,
		"many at once, and the same at once":             concurrent,
		"the largest consignment":                        large,
		"a refusal is permanent":                         refused,
		"trouble is temporary":                           trouble,
		"a lost answer is repeated without effect":       lost,
		"it returns at the deadline":                     deadline,
		"a call that was cancelled before has no effect": cancelled,
		"a hostile answer does no harm":                  hostile,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// Sample is a consignment of an invented message, the n-th.
func Sample(n int) adapters.Consignment {
	id := fmt.Sprintf("019ab3c4-5d6e-7000-8000-%012d", n)
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	return adapters.Consignment{
		Delivery: id, Message: gateway.MessageID{Issuer: "ba/coordinator", ID: id}, Reader: "rs/coordinator", Audience: "rs/coordinator",
		Thread: id, Lane: gateway.Normal, ReceivedAt: at, Expires: at.Add(72 * time.Hour),
		Head:      map[string]any{"jti": id, "iss": "ba/coordinator", "aud": "rs/coordinator", "type": "referral.request/1.0"},
		Blocks:    map[string]any{"subject": map[string]any{"child": "yes"}},
		Sealed:    map[string]any{"facts@coordinator": map[string]any{"note": Canary}},
		SealedFor: []string{"health@child-protection"},
		Binding: gateway.Binding{
			Delivery: id, Audience: "rs/coordinator", IssuedAt: at, Released: []string{"facts@coordinator", "subject"}, Policy: "policy",
			Pair: gateway.PairNumber{From: "ba", To: "rs", Origin: "trm/2026", N: int64(n)}, SDHash: "hash",
		},
	}
}

func whole(t *testing.T, h Harness) {
	c := Sample(1)
	deliver(t, h, c)
	var got, want any
	if err := json.Unmarshal(h.Content(c), &got); err != nil {
		t.Fatalf("reading what was delivered: %v", err)
	}
	raw, err := c.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	if !same(got, want) {
		t.Error("what was delivered is not the consignment's document")
	}
}

func again(t *testing.T, h Harness) {
	c := Sample(1)
	for range 3 {
		deliver(t, h, c)
	}
	effects(t, h, c, 1)
}

func roles(t *testing.T, h Harness) {
	c := Sample(1)
	other := c
	other.Reader, other.Blocks, other.SealedFor = "rs/child-protection", nil, nil
	other.Sealed = map[string]any{"health@child-protection": map[string]any{"diagnoses": []any{"Z04.8"}}}
	deliver(t, h, c)
	deliver(t, h, other)
	effects(t, h, c, 1)
	effects(t, h, other, 1)
	if bytes.Contains(h.Content(c), []byte("Z04.8")) || bytes.Contains(h.Content(other), []byte(Canary)) {
		t.Error("one role has what is for another")
	}
}

func concurrent(t *testing.T, h Harness) {
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			if err := h.Transport.Deliver(t.Context(), Sample(i%8)); err != nil {
				t.Errorf("delivering: %v", err)
			}
		})
	}
	wg.Wait()
	for i := range 8 {
		effects(t, h, Sample(i), 1)
	}
}

func large(t *testing.T, h Harness) {
	c := Sample(1)
	c.Sealed["note@coordinator"] = strings.Repeat("Ж", 100<<10)
	deliver(t, h, c)
	if n := len(h.Content(c)); n < 200<<10 {
		t.Errorf("%d bytes arrived", n)
	}
}

func refused(t *testing.T, h Harness) {
	need(t, h.Refuse)
	h.Refuse()
	err := h.Transport.Deliver(t.Context(), Sample(1))
	if !gateway.IsPermanent(err) {
		t.Errorf("got %v, want a permanent error", err)
	}
	harmless(t, err)
	effects(t, h, Sample(1), 0)
}

func trouble(t *testing.T, h Harness) {
	need(t, h.Trouble)
	h.Trouble()
	err := h.Transport.Deliver(t.Context(), Sample(1))
	if err == nil || gateway.IsPermanent(err) {
		t.Errorf("got %v, want a temporary error", err)
	}
	harmless(t, err)
	effects(t, h, Sample(1), 0)
	h.Recover()
	deliver(t, h, Sample(1))
	effects(t, h, Sample(1), 1)
}

func lost(t *testing.T, h Harness) {
	need(t, h.Lose)
	h.Lose()
	err := h.Transport.Deliver(t.Context(), Sample(1))
	if err == nil || gateway.IsPermanent(err) || adapters.IsUnsent(err) {
		t.Errorf("got %v, want an ambiguous error", err)
	}
	h.Recover()
	c := Sample(1)
	c.Repeat = true
	deliver(t, h, c)
	effects(t, h, c, 1)
}

func deadline(t *testing.T, h Harness) {
	need(t, h.Hang)
	h.Hang()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := h.Transport.Deliver(ctx, Sample(1))
	if err == nil || gateway.IsPermanent(err) {
		t.Errorf("got %v, want a temporary error", err)
	}
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("it returned after %s", d)
	}
}

func cancelled(t *testing.T, h Harness) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := h.Transport.Deliver(ctx, Sample(1))
	if !errors.Is(err, context.Canceled) || gateway.IsPermanent(err) || !adapters.IsUnsent(err) {
		t.Errorf("got %v, want the cancellation, unsent", err)
	}
	effects(t, h, Sample(1), 0)
}

func hostile(t *testing.T, h Harness) {
	need(t, h.Hostile)
	h.Hostile()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for i := range 8 {
		harmless(t, h.Transport.Deliver(ctx, Sample(i)))
	}
	h.Recover()
	deliver(t, h, Sample(100))
}

func deliver(t *testing.T, h Harness, c adapters.Consignment) {
	t.Helper()
	if err := h.Transport.Deliver(t.Context(), c); err != nil {
		t.Fatalf("delivering: %v", err)
	}
}

func effects(t *testing.T, h Harness, c adapters.Consignment, want int) {
	t.Helper()
	if got := h.Effects(c); got != want {
		t.Errorf("%s took effect %d times, want %d", c.Key(), got, want)
	}
}

// harmless checks that an error quotes nothing of what was sent.
func harmless(t *testing.T, err error) {
	t.Helper()
	if err != nil && strings.Contains(err.Error(), Canary) {
		t.Error("the error quotes what was delivered")
	}
}

func need(t *testing.T, fault func()) {
	t.Helper()
	if fault == nil {
		t.Skip("this fault cannot happen to this transport")
	}
}

func same(a, b any) bool {
	x, err := json.Marshal(a)
	if err != nil {
		return false
	}
	y, err := json.Marshal(b)
	return err == nil && bytes.Equal(x, y)
}
