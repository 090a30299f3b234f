package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
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

func (a *app) postCommand() *cobra.Command {
	var (
		flags officeFlags
		key   string
		ref   string
	)
	c := &cobra.Command{
		Use:   "post DRAFT",
		Short: "Give a draft to the sender's adapter, which signs, stores and sends it",
		Long: `post gives a draft to the adapter of the sender's country, as the office's own system does. The
adapter seals, signs and stores it before anything leaves, and sends it until the gateway has
answered. What is posted is in the adapter's journal: only of such messages it knows later who is to
be told of a correction or a withdrawal.

--case is the office's own reference of the person's case. It stays in the country, and there only
as a digest: it may be a name. With the same --key the same message is made once.`,
		Example: "  trm post draft.json\n  trm post draft.json --case 114",
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
			if a.json {
				a.printJSON(a.out, sent)
				return nil
			}
			a.printf("stored %s %s, thread %s\n", sent.Issuer, sent.ID, sent.Thread)
			a.printFound(sent.Found)
			return nil
		},
	}
	flags.add(c)
	c.Flags().StringVar(&key, "key", "", "name of this request: the same again makes no second message")
	c.Flags().StringVar(&ref, "case", "", "the office's own reference of the case")
	return c
}
