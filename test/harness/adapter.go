package harness

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/test/nation"
)

// Adapter is a country's adapterd, with its office's end of it.
type Adapter struct {
	*Program
	Country gateway.Country
	API     string         // its local API
	Token   string         // what a caller of it shows
	Drop    string         // the folder that it delivers into, empty where it posts
	System  *nation.System // where it posts, nil where it has a folder

	region *Region
}

// startAdapter starts a country's adapterd; it does not wait until it serves.
func (r *Region) startAdapter(c gateway.Country, system *nation.System, https bool) {
	a := &Adapter{Country: c, System: system, Token: rand.Text() + rand.Text(), region: r}
	listen := freeAddress(r.t)
	a.API = "http://" + listen
	deliver := map[string]any{}
	if system != nil {
		// The query is for systems that do not recognise a key.
		post := map[string]any{"url": system.URL(), "deadline": "2s"}
		if system.Forgetful {
			post["query"] = system.Query()
		}
		deliver["rest"] = post
	} else {
		a.Drop = filepath.Join(r.Dir, "offices", string(c))
		deliver["filedrop"] = map[string]any{"dir": a.Drop}
	}
	token := filepath.Join(r.Dir, string(c)+".token")
	if err := os.WriteFile(token, []byte(a.Token+"\n"), 0o600); err != nil {
		r.t.Fatal(err)
	}
	quick := map[string]any{"first": "100ms", "last": "1s"}
	config := map[string]any{
		"country": c, "certs": r.Certs, "development": true, "data": filepath.Join(r.Dir, "adapters", string(c)), "listen": listen,
		"gateway": map[string]any{"url": r.URL},
		"deliver": deliver, "callers": []any{map[string]any{"tokenFile": token}}, "otlp": r.Spans.URL,
		// Outside the offices' folders: what people are told must name nobody either.
		"notify": map[string]any{
			"default": []any{map[string]any{"file": map[string]any{"path": filepath.Join(r.Dir, "notices", string(c)+".log")}}},
			"retry":   quick,
		},
		"retry": quick, "retell": map[string]any{"first": "1s", "last": "4s"}, "resubmit": quick, "attempt": "5s",
	}
	if https {
		config["source"] = "https"
	} else {
		config["redis"] = map[string]any{"addresses": []string{r.Redis.Addr()}}
	}
	if r.settings != nil {
		r.settings(c, config)
	}
	a.Program = newProgram(r.t, "adapterd-"+string(c), r.Dir, program(r.t, "adapterd"), r.write("adapterd-"+string(c)+".yaml", config))
	r.Adapters[c] = a
	a.Start()
}

// Ready waits until the adapter says that it can receive and send safely.
func (a *Adapter) Ready() {
	a.region.t.Helper()
	a.region.await(a.Name+" to be ready", 30*time.Second, func() error { return a.ready(a.API + "/readyz") })
}

// Call calls the local API as the national system and returns its answer, which is kept
// for the search. Where nobody answers it calls again for a while, as a national system
// does: body's effect is the same under the same key. A body of bytes goes as it is.
func (a *Adapter) Call(method, path, key string, body any) (answer []byte, status int, err error) {
	raw, isRaw := body.([]byte)
	if body != nil && !isRaw {
		if raw, err = json.Marshal(body); err != nil {
			return nil, 0, err
		}
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(30 * time.Second); ; {
		answer, status, err = a.call(method, path, key, raw)
		if err == nil && status < 500 {
			a.region.keep(answer)
			return answer, status, nil
		}
		select {
		case <-tick.C:
		case <-deadline:
			return answer, status, errors.Join(err, fmt.Errorf("%s answers %d", a.Name, status))
		}
	}
}

func (a *Adapter) call(method, path, key string, raw []byte) ([]byte, int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, a.API+path, bytes.NewReader(raw))
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("Authorization", "Bearer "+a.Token)
	if raw != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	return do(req)
}

// get fetches a page.
func get(url, token string) ([]byte, int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, 0, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return do(req)
}

func do(req *http.Request) ([]byte, int, error) {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	return b, resp.StatusCode, err
}
