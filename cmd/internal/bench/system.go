package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"example.org/trm/gateway"
)

// system is the national systems of all countries: it takes what it is given at once,
// remembers nothing of it but that it came, and when.
type system struct {
	url    string
	server *http.Server
	served chan error
}

func startSystem(t *tally) (*system, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the national systems: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{country}/{role}", func(w http.ResponseWriter, r *http.Request) {
		role := r.PathValue("role")
		id, err := readHead(r.Body)
		if err != nil {
			http.Error(w, "not a consignment", http.StatusBadRequest)
			return
		}
		t.arrive(id, role, time.Now())
		w.WriteHeader(http.StatusCreated)
	})
	s := &system{url: "http://" + l.Addr().String(), server: &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}, served: make(chan error, 1)}
	go func() { s.served <- s.server.Serve(l) }()
	return s, nil
}

func (s *system) stop() {
	_ = s.server.Shutdown(context.Background()) // its callers have stopped
	<-s.served
}

// readHead finds out which message a consignment is. It reads all of the body, and decodes
// no more than it must: this program shares the machine with what it measures.
func readHead(body io.Reader) (gateway.MessageID, error) {
	d := json.NewDecoder(body)
	if _, err := d.Token(); err != nil {
		return gateway.MessageID{}, err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return gateway.MessageID{}, err
		}
		if name != "head" {
			if err := d.Decode(new(json.RawMessage)); err != nil {
				return gateway.MessageID{}, err
			}
			continue
		}
		var head struct {
			Issuer gateway.Party `json:"iss"`
			ID     string        `json:"jti"`
		}
		if err := d.Decode(&head); err != nil {
			return gateway.MessageID{}, err
		}
		rest, err := io.ReadAll(io.MultiReader(d.Buffered(), body))
		if err == nil && !strings.HasSuffix(strings.TrimSpace(string(rest)), "}") {
			err = io.ErrUnexpectedEOF
		}
		return gateway.MessageID{Issuer: head.Issuer, ID: head.ID}, err
	}
	return gateway.MessageID{}, errors.New("a consignment without a head")
}
