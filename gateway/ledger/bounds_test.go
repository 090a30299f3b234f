package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"example.org/trm/gateway/ledger"
	"example.org/trm/gateway/ledger/quorum"
)

// TestATreeThatNobodyHoldsKeepsNobodyWaiting: a log that signs a size without end is not
// verified for ever.
func TestATreeThatNobodyHoldsKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	line, key, err := quorum.Generate("trm/2026", quorum.Log)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ledger.ParseSigner(line, nil)
	if err != nil {
		t.Fatal(err)
	}
	alone, err := quorum.Parse("quorum none\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int64{1 << 62, 1<<62 + 1, 1<<63 - 1} {
		signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("trm/2026\n%d\n%s\n", size, tlog.Hash{1})}, signer)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		done := make(chan error, 1)
		go func() {
			_, err := ledger.Proof{Index: 3, Path: tlog.RecordProof{{}, {}}, Checkpoint: signed}.Verify([]byte("entry"), key, alone)
			done <- err
		}()
		select {
		case err := <-done:
			if !errors.Is(err, ledger.ErrProof) && !errors.Is(err, ledger.ErrCheckpoint) {
				t.Errorf("a tree of %d: %v", size, err)
			}
		case <-ctx.Done():
			t.Errorf("a tree of %d: verifying it does not end", size)
		}
		cancel()
	}
}
