package nation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// post sends a consignment and returns the status, or 0 where no answer came.
func post(t *testing.T, s *System, key string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.Replace(s.URL(), "{role}", "coordinator", 1), strings.NewReader(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	req.GetBody = nil
	req.Header.Set("Idempotency-Key", key)
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode
}

// TestFaultsDoWhatTheySay: each has the answer and the effect that its comment promises,
// and is over after one request.
func TestFaultsDoWhatTheySay(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault  Fault
		status int
		effect bool
	}{
		"served":    {Served, 201, true},
		"answer":    {Answer(500), 500, false},
		"later":     {Later(1), 503, false},
		"taken":     {Taken(500), 500, true},
		"cut":       {Cut, 0, false},
		"lost":      {Lost, 0, true},
		"silent":    {Silent, 0, false},
		"mute":      {Mute, 0, true},
		"slow":      {Slow(time.Millisecond), 201, true},
		"too slow":  {Slow(time.Hour), 0, false},
		"elsewhere": {Elsewhere("http://192.0.2.1/"), 307, false},
		"echo":      {Echo(422), 422, false},
		"flood":     {Flood, 201, true},
		"garbage":   {Garbage, 0, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := New(t)
			s.Next(tt.fault)
			if got := post(t, s, "one"); got != tt.status {
				t.Errorf("answered %d, want %d", got, tt.status)
			}
			if got := len(s.Keys()) == 1; got != tt.effect {
				t.Errorf("took effect: %t, want %t", got, tt.effect)
			}
			if got := post(t, s, "one"); got != 201 {
				t.Errorf("the request after the fault was answered %d", got)
			}
			if c := s.Cases(); len(c) != 1 || c[0].Effect != 1 || c[0].Role != "coordinator" || string(c[0].Body) != `{"a":1}` {
				t.Errorf("has %+v after both, want one case with one effect", c)
			}
			if s.Requests() != 2 {
				t.Errorf("counted %d requests, want 2", s.Requests())
			}
		})
	}
}

// TestForgetfulSystemTakesEffectAgain and can be asked what it has.
func TestForgetfulSystemTakesEffectAgain(t *testing.T) {
	t.Parallel()
	s := New(t)
	s.Forgetful = true
	post(t, s, "one")
	post(t, s, "one")
	if c := s.Cases(); len(c) != 1 || c[0].Effect != 2 {
		t.Errorf("has %+v, want one case with two effects", c)
	}
	for key, want := range map[string]int{"one": 200, "two": 404} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.NewReplacer("{role}", "coordinator", "{key}", key).Replace(s.Query()), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("asked for %s: %d, want %d", key, resp.StatusCode, want)
		}
	}
}

// TestSystemLeavesAndReturns with what it had.
func TestSystemLeavesAndReturns(t *testing.T) {
	t.Parallel()
	s := New(t)
	post(t, s, "one")
	s.Leave()
	if got := post(t, s, "two"); got != 0 {
		t.Errorf("answered %d while it was away", got)
	}
	s.Return()
	if got := post(t, s, "three"); got != 201 {
		t.Errorf("answered %d when it was back", got)
	}
	if got := fmt.Sprint(s.Keys()); got != "[one three]" {
		t.Errorf("has %s, want [one three]", got)
	}
	if _, err := s.Cases()[0].Document(); err != nil {
		t.Error(errors.New("the document does not parse"))
	}
}
