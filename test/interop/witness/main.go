// Command witness is the witness of transparency-dev, so that our log is cosigned by the
// code of other people. It is a module of its own for the same reason as the folder log.
//
//	witness KEY VKEY
//
// KEY is the file of a witness's private key, VKEY a log's public key. It prints its
// address and serves until it is killed, remembering what it cosigned in memory.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"

	tdnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/witness/persistence/inmemory"
	"github.com/transparency-dev/witness/witness"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "witness:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("give a key and a log")
	}
	raw, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	signer, err := tdnote.NewSignerForCosignatureV1(strings.TrimSpace(string(raw)))
	if err != nil {
		return err
	}
	log, err := tdnote.NewVerifier(args[1])
	if err != nil {
		return err
	}
	w, err := witness.New(context.Background(), witness.Opts{
		Persistence: inmemory.New(), Signers: []note.Signer{signer},
		VerifierForLog: func(_ context.Context, origin string) (note.Verifier, bool, error) {
			return log, origin == log.Name(), nil
		},
	})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", witness.NewHTTPHandler(w).AddCheckpoint)
	return http.Serve(l, mux)
}
