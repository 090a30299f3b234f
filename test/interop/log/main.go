// Command log looks at a transparency log with the code of other people: tessera and its
// fsck, the formats and Merkle proofs of transparency-dev. Nothing in it is the gateway's.
// It is a module of its own, so that none of this becomes a dependency of the gateway.
//
//	log audit --url URL --vkey KEY --policy FILE [--since FILE]   the log as auditors read it
//	log proof --vkey KEY --policy FILE PROOF ENTRY                one proof, offline
//	log grow  --dir DIR --key FILE --policy FILE --n N            a tessera log and its witnesses
//
// It prints what it found as JSON and exits with 1, and the reason, where something is wrong.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/transparency-dev/formats/log"
	tdnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/formats/witness"
	"golang.org/x/mod/sumdb/note"
	"k8s.io/klog/v2"
)

func main() {
	klog.SetOutput(io.Discard)
	klog.LogToStderr(false)
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "log:", err)
		os.Exit(1)
	}
}

// flags are those of all verbs.
type flags struct {
	url, dir, key, vkey, policy, since, text string
	n                                        int
	within                                   time.Duration
	rest                                     []string
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("audit, proof or grow")
	}
	verbs := map[string]func(context.Context, flags) (any, error){"audit": audit, "proof": prove, "grow": grow}
	verb, ok := verbs[args[0]]
	if !ok {
		return fmt.Errorf("unknown verb %s", args[0])
	}
	var f flags
	set := flag.NewFlagSet(args[0], flag.ContinueOnError)
	set.StringVar(&f.url, "url", "", "prefix of the log's tiles")
	set.StringVar(&f.dir, "dir", "", "folder of a log")
	set.StringVar(&f.key, "key", "", "file with a log's private key")
	set.StringVar(&f.vkey, "vkey", "", "a log's public key")
	set.StringVar(&f.policy, "policy", "", "file with a policy of witnesses")
	set.StringVar(&f.since, "since", "", "file with an earlier checkpoint")
	set.StringVar(&f.text, "text", "entry", "what the entries say that are added")
	set.IntVar(&f.n, "n", 0, "number of entries to add")
	set.DurationVar(&f.within, "within", time.Minute, "what has not ended by then is wrong")
	if err := set.Parse(args[1:]); err != nil {
		return err
	}
	f.rest = set.Args()
	found, err := bounded(f, verb)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

// bounded ends what does not end by itself: tessera's fsck is known to hang where more is
// wrong than it has workers, whatever its context says.
func bounded(f flags, verb func(context.Context, flags) (any, error)) (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), f.within)
	defer cancel()
	type ending struct {
		found any
		err   error
	}
	done := make(chan ending, 1)
	go func() {
		found, err := verb(ctx, f)
		done <- ending{found, err}
	}()
	select {
	case e := <-done:
		return e.found, e.err
	case <-ctx.Done():
		return nil, errors.New("it does not end, which counts as wrong")
	}
}

// trusted is what a verifier is given beforehand.
type trusted struct {
	verifier note.Verifier
	policy   witness.Group
}

func (f flags) trusted() (t trusted, err error) {
	if t.verifier, err = tdnote.NewVerifier(f.vkey); err != nil {
		return t, fmt.Errorf("reading the log's key: %w", err)
	}
	raw, err := os.ReadFile(f.policy)
	if err != nil {
		return t, err
	}
	if t.policy, err = witness.ParsePolicy(raw); err != nil {
		return t, fmt.Errorf("reading the policy: %w", err)
	}
	return t, nil
}

// checkpoint verifies one: the log's signature, its origin, and the quorum of witnesses.
func (t trusted) checkpoint(raw []byte) (*log.Checkpoint, error) {
	c, _, _, err := log.ParseCheckpoint(raw, t.verifier.Name(), t.verifier)
	if err != nil {
		return nil, err
	}
	if !t.policy.Satisfied(raw) {
		return nil, errors.New("fewer witnesses have cosigned than the policy asks for")
	}
	return c, nil
}
