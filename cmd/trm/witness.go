package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"example.org/trm/cmd/internal/telemetry"
	"example.org/trm/gateway/ledger/witness"
)

func (a *app) witnessCommand() *cobra.Command {
	c := group(&cobra.Command{
		Use:   "witness",
		Short: "Be an independent witness of the gateway's log",
		Long: `A witness cosigns the newest state of a log, and only one that provably extends what it cosigned
before: the log's operator can then neither change nor hide what it has once shown. It sees a name,
a size and one hash, never an entry. It is one key in one file, and what it cosigned in another.

  trm witness new --name audit.example/trm -o witness.key
  trm witness serve --key witness.key --log VKEY --listen 0.0.0.0:8448

Any log of C2SP can be witnessed (c2sp.org/tlog-witness).`,
	})
	c.AddCommand(a.witnessNewCommand(), a.witnessServeCommand(), a.witnessShowCommand())
	return c
}

// stateOf is where the state of a key lies unless a flag says otherwise.
func stateOf(key, state string) string {
	if state != "" {
		return state
	}
	return key + ".state"
}

func (a *app) witnessNewCommand() *cobra.Command {
	var name, out, state string
	c := &cobra.Command{
		Use:     "new",
		Short:   "Make a witness: a key, and a state that has cosigned nothing",
		Example: "  trm witness new --name audit.example/trm -o witness.key",
		Long: `new makes the two files of a witness and prints its public key, which the coordinators put into the
directory and auditors are given. The name is the witness's for ever: by convention an address
without https://. Existing files are never replaced.`,
		Args: args(),
		RunE: func(*cobra.Command, []string) error {
			k, err := witness.Create(out, stateOf(out, state), name)
			if err != nil {
				return err
			}
			if a.json {
				a.printJSON(a.out, map[string]any{"key": out, "state": stateOf(out, state), "vkey": k.String()})
				return nil
			}
			a.printf("%s\n", k)
			return nil
		},
	}
	c.Flags().StringVar(&name, "name", "", "name of the witness, such as audit.example/trm (required)")
	c.Flags().StringVarP(&out, "out", "o", "", "file for the private key (required)")
	c.Flags().StringVar(&state, "state", "", "file for what it cosigns (default: the key's name and .state)")
	required(c, "name", "out")
	return c
}

// serving are the flags of serve.
type serving struct {
	key, state, logs, listen, cert, certKey string
	log                                     []string
}

func (a *app) witnessServeCommand() *cobra.Command {
	var s serving
	c := &cobra.Command{
		Use:     "serve",
		Short:   "Cosign the checkpoints of logs until it is stopped",
		Example: "  trm witness serve --key witness.key --logs logs.txt --listen 0.0.0.0:8448",
		Long: `serve answers POST /add-checkpoint of c2sp.org/tlog-witness, and for auditors GET /checkpoints: the
newest cosigned checkpoint of each log. What it cosigned is on disk before it answers.

A log is its verifier key, or its origin, a space and a verifier key, as for the years of one log:
  --log 'trm/2026 trm+5a1e...'
A file of --logs has one on each line and is read again while the witness runs.

Nothing that passes is secret and both ends sign, so plain HTTP is enough; --tls-cert and --tls-key
are for networks that want TLS. What is refused, and why, is on standard error in JSON.`,
		Args: args(),
		RunE: func(c *cobra.Command, _ []string) error { return a.serveWitness(c.Context(), s) },
	}
	f := c.Flags()
	f.StringVar(&s.key, "key", "", "file with the private key (required)")
	f.StringVar(&s.state, "state", "", "file with what it cosigned (default: the key's name and .state)")
	f.StringArrayVar(&s.log, "log", nil, "a log that is cosigned; may be given again")
	f.StringVar(&s.logs, "logs", "", "file with logs, one a line")
	f.StringVar(&s.listen, "listen", "127.0.0.1:8448", "address to listen at")
	f.StringVar(&s.cert, "tls-cert", "", "file with a certificate")
	f.StringVar(&s.certKey, "tls-key", "", "file with its key")
	required(c, "key")
	return c
}

func (a *app) serveWitness(ctx context.Context, s serving) (err error) {
	if len(s.log) == 0 && s.logs == "" {
		return usage("name what is cosigned: --log VKEY or --logs FILE")
	}
	if (s.cert == "") != (s.certKey == "") {
		return usage("--tls-cert and --tls-key go together")
	}
	logs, file, err := s.watched()
	if err != nil {
		return usage("%w", err)
	}
	log := telemetry.Logger(a.errs, slog.LevelInfo)
	w, err := witness.New(witness.Options{Key: s.key, State: stateOf(s.key, s.state), Logs: logs, Log: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	l, err := net.Listen("tcp", s.listen)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	server := &http.Server{
		Handler: w.Handler(), ReadTimeout: 10 * time.Second, WriteTimeout: 20 * time.Second, IdleTimeout: 5 * time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	ended := make(chan error, 1)
	url := "http://" + l.Addr().String()
	if s.cert != "" {
		url = "https://" + l.Addr().String()
		go func() { ended <- server.ServeTLS(l, s.cert, s.certKey) }()
	} else {
		go func() { ended <- server.Serve(l) }()
	}
	a.announce(w, url, logs)
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return fmt.Errorf("serving: %w", err)
		case <-tick.C:
			if file, err = s.again(w, file, log); err != nil {
				log.Error("reading the file of logs; the former list stays", "err", err)
			}
		case <-ctx.Done():
			grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			return server.Shutdown(grace)
		}
	}
}

func (a *app) announce(w *witness.Witness, url string, logs []witness.Log) {
	origins := []string{}
	for _, l := range logs {
		origins = append(origins, l.Origin)
	}
	if a.json {
		a.printJSON(a.out, map[string]any{"vkey": w.Key().String(), "url": url, "logs": origins})
		return
	}
	a.printf("witness  %s\nat       %s\n", w.Key(), url)
	for _, o := range origins {
		a.printf("log      %s\n", o)
	}
}

// watched lists the logs of all flags, and the content of the file among them.
func (s serving) watched() (logs []witness.Log, file []byte, err error) {
	for _, text := range s.log {
		l, err := witness.ParseLog(text)
		if err != nil {
			return nil, nil, err
		}
		logs = append(logs, l)
	}
	if s.logs == "" {
		return logs, nil, nil
	}
	if file, err = os.ReadFile(s.logs); err != nil {
		return nil, nil, err
	}
	more, err := witness.ParseLogs(file)
	if err != nil {
		return nil, file, fmt.Errorf("%s: %w", s.logs, err)
	}
	return append(logs, more...), file, nil
}

// again lets the witness watch what the file says now, where that has changed, and returns
// the content that it has seen. A file that cannot be read changes nothing.
func (s serving) again(w *witness.Witness, seen []byte, log *slog.Logger) ([]byte, error) {
	if s.logs == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(s.logs)
	if err != nil || bytes.Equal(raw, seen) {
		return seen, err
	}
	logs, raw, err := s.watched()
	if err != nil {
		return raw, err // said once, not every few seconds
	}
	log.Info("read the file of logs", "logs", len(logs))
	return raw, w.Watch(logs)
}

func (a *app) witnessShowCommand() *cobra.Command {
	var key, state string
	c := &cobra.Command{
		Use:     "show",
		Short:   "Print what a witness has cosigned",
		Example: "  trm witness show --key witness.key",
		Long: `show reads a witness's state, also while it runs, and prints the newest checkpoint of each log that
it cosigned. It exits with 4 where a log signed two trees of one size: the two checkpoints, which
--json prints, prove that it has two histories.`,
		Args: args(),
		RunE: func(*cobra.Command, []string) error {
			if key == "" && state == "" {
				return usage("name the witness: --key FILE or --state FILE")
			}
			return a.showWitness(stateOf(key, state))
		},
	}
	c.Flags().StringVar(&key, "key", "", "file with the private key, which is not read; its state lies beside it")
	c.Flags().StringVar(&state, "state", "", "file with what it cosigned")
	return c
}

func (a *app) showWitness(state string) error {
	k, heads, err := witness.Look(state)
	if err != nil {
		return err
	}
	forks := 0
	for _, h := range heads {
		if h.Fork != "" {
			forks++
		}
	}
	if a.json {
		a.printJSON(a.out, map[string]any{"vkey": k.String(), "logs": heads})
	} else {
		a.printf("witness  %s\n", k)
		for _, h := range heads {
			a.printf("log      %s  %d entries  root %s  cosigned %s\n", h.Origin, h.Size, h.Root, h.Time.Format(time.RFC3339))
			if h.Fork != "" {
				a.printf("         TWO HISTORIES: this log signed another tree of a size that was cosigned; --json prints both\n")
			}
		}
		if len(heads) == 0 {
			a.printf("nothing was cosigned yet\n")
		}
	}
	if forks > 0 {
		return silentError{exitInvalid}
	}
	return nil
}
