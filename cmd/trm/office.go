package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.org/trm/adapters"
	"example.org/trm/gateway"
)

// officeFlags say where an office's adapter answers, where it is not the demo region's.
type officeFlags struct{ api, token string }

func (f *officeFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.api, "api", "", "address of the adapter's local API (default: of the running demo region)")
	c.Flags().StringVar(&f.token, "token-file", "", "file with the token of a caller of it")
}

// office is the local API of a country's adapter.
type office struct {
	url, token string
	http       *http.Client
}

// office finds the adapter of a country: of a region that runs in the home folder, or the
// one that the flags name.
func (a *app) office(c gateway.Country, f officeFlags) (office, error) {
	if !c.Valid() {
		return office{}, usage("only the offices of a country have an adapter; name one such as rs/coordinator")
	}
	o := office{url: strings.TrimSuffix(f.api, "/"), http: &http.Client{Timeout: time.Minute, CheckRedirect: adapters.NoRedirects}}
	data := filepath.Join(a.home, "adapters", string(c))
	line := func(name string) (string, error) {
		raw, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("no adapter of %s in %s: start trm demo --data %s, or name one with --api and --token-file", c, a.home, a.home)
		}
		return strings.TrimSpace(string(raw)), err
	}
	var err error
	if o.url == "" {
		if o.url, err = line(filepath.Join(data, "address")); err != nil {
			return o, err
		}
	}
	token := f.token
	if token == "" {
		token = filepath.Join(data, "token")
	}
	o.token, err = line(token)
	return o, err
}

// call asks the adapter. What it refuses is its problem, as the gateway's would be.
func (o office) call(ctx context.Context, method, path, key string, body, into any) error {
	raw, given := body.([]byte)
	if body != nil && !given {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return errors.New("writing the request as JSON")
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, o.url+path, bytes.NewReader(raw))
	if err != nil {
		return errors.New("the adapter's address is not a URL")
	}
	req.Header.Set("Authorization", "Bearer "+o.token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := o.http.Do(req)
	if err != nil {
		return fmt.Errorf("calling the adapter: %w", adapters.NetworkCause(err))
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	if err != nil {
		return fmt.Errorf("calling the adapter: %w", adapters.NetworkCause(err))
	}
	if resp.StatusCode >= 300 {
		var d gateway.Document
		if json.Unmarshal(answer, &d) != nil || d.Code == "" {
			return fmt.Errorf("calling the adapter: it answered %d", resp.StatusCode)
		}
		p := gateway.Refuse(d.Code, d.Pointer, d.Detail)
		p.Rule = d.Rule
		return p
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return errors.New("calling the adapter: its answer is not the JSON it should be")
	}
	return nil
}

// await asks the adapter until the gateway has refused a message or its delivery has ended.
func (o office) await(ctx context.Context, sent adapters.Sent, wait time.Duration) (adapters.Sent, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for {
		var now adapters.Sent
		if err := o.call(ctx, http.MethodGet, "/v1/outbox/"+sent.ID, "", nil, &now); err != nil && ctx.Err() == nil {
			return sent, err
		} else if err == nil {
			sent = now
		}
		if p := sent.Problem; p != nil {
			refused := gateway.Refuse(p.Code, p.Pointer, p.Detail)
			refused.Rule = p.Rule
			return sent, refused
		}
		if slices.ContainsFunc(sent.Evidence, func(e adapters.Proven) bool { return e.Event.Final() }) {
			return sent, nil
		}
		select {
		case <-ctx.Done():
			return sent, exitWith(exitPending, fmt.Errorf("not delivered yet: the message is %s", cmp.Or(string(sent.Gateway), string(sent.State))))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (a *app) postCommand() *cobra.Command {
	var (
		flags officeFlags
		key   string
		ref   string
		wait  time.Duration
	)
	c := &cobra.Command{
		Use:   "post DRAFT",
		Short: "Give a draft to the sender's adapter, which signs, stores and sends it",
		Long: `post gives a draft to the adapter of the sender's country, as the office's own system does. The
adapter seals, signs and stores it before anything leaves, and sends it until the gateway has
answered. With --wait it then waits until the message has arrived in the other country's system, or
failed. What is posted is in the adapter's journal: only of such messages it knows later who is to
be told of a correction or a withdrawal.

--case is the office's own reference of the person's case. It stays in the country, and there only
as a digest: it may be a name. With the same --key the same message is made once.`,
		Example: "  trm post draft.json --wait 30s\n  trm post draft.json --case 114",
		Args:    args("DRAFT"),
		RunE: func(c *cobra.Command, args []string) error {
			raw, err := a.read(args[0])
			if err != nil {
				return err
			}
			var d map[string]any
			if err := json.Unmarshal(raw, &d); err != nil {
				return gateway.Refuse(gateway.CodeMalformed, "", "A draft is a JSON object.")
			}
			from, err := parseParty(text(d["from"]))
			if err != nil {
				return err
			}
			if ref != "" {
				d["case"] = ref
				if raw, err = json.Marshal(d); err != nil {
					return errors.New("writing the draft as JSON")
				}
			}
			o, err := a.office(from.Country(), flags)
			if err != nil {
				return err
			}
			if key == "" {
				key = newID()
			}
			var sent adapters.Sent
			if err := o.call(c.Context(), http.MethodPost, "/v1/drafts", key, raw, &sent); err != nil {
				return err
			}
			found := sent.Found
			if !a.json {
				a.printf("stored %s %s, thread %s\n", sent.Issuer, sent.ID, sent.Thread)
				a.printFound(found)
			}
			if wait > 0 {
				if sent, err = o.await(c.Context(), sent, wait); err != nil {
					return err
				}
				sent.Found = found
			}
			switch {
			case a.json:
				a.printJSON(a.out, sent)
			case wait > 0:
				a.printf("  %s\n", sent.Gateway)
			}
			return nil
		},
	}
	flags.add(c)
	c.Flags().StringVar(&key, "key", "", "name of this request: the same again makes no second message")
	c.Flags().DurationVar(&wait, "wait", 0, "wait this long for the delivery, such as 30s")
	c.Flags().StringVar(&ref, "case", "", "the office's own reference of the case")
	return c
}
