package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/transparency-dev/formats/log"
	tdnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
)

// grow adds entries to a log of tessera's in a folder, which asks its witnesses, and waits
// for the checkpoint that covers them all.
func grow(ctx context.Context, f flags) (any, error) {
	skey, err := os.ReadFile(f.key)
	if err != nil {
		return nil, err
	}
	signer, verifier, err := tdnote.NewEd25519SignerVerifier(strings.TrimSpace(string(skey)))
	if err != nil {
		return nil, err
	}
	policy, err := os.ReadFile(f.policy)
	if err != nil {
		return nil, err
	}
	witnesses, err := tessera.NewWitnessGroupFromPolicy(policy)
	if err != nil {
		return nil, err
	}
	driver, err := posix.New(ctx, posix.Config{Path: f.dir})
	if err != nil {
		return nil, err
	}
	a, shutdown, reader, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
		WithCheckpointSigner(signer).WithBatching(256, 10*time.Millisecond).WithCheckpointInterval(100*time.Millisecond).
		WithWitnesses(witnesses, &tessera.WitnessOptions{Timeout: 5 * time.Second}))
	if err != nil {
		return nil, err
	}
	var last tessera.IndexFuture
	for i := range f.n {
		last = a.Add(ctx, tessera.NewEntry(fmt.Appendf(nil, "%s %d", f.text, i)))
	}
	_, checkpoint, err := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 50*time.Millisecond).Await(ctx, last)
	if err != nil {
		return nil, err
	}
	if err := shutdown(ctx); err != nil {
		return nil, err
	}
	c, _, _, err := log.ParseCheckpoint(checkpoint, verifier.Name(), verifier)
	if err != nil {
		return nil, err
	}
	if !witnesses.Satisfied(checkpoint) {
		return nil, fmt.Errorf("published without its witnesses")
	}
	return map[string]any{"size": c.Size, "root": base64.StdEncoding.EncodeToString(c.Hash), "checkpoint": string(checkpoint)}, nil
}
