package witness

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
)

// Handler serves the witness: POST /add-checkpoint of C2SP tlog-witness, and for anybody
// who wants to compare what he was shown,
//
//	GET /             the witness's public key
//	GET /checkpoints  the newest cosigned checkpoint of each log, a list of [Head] in JSON
//
// A caller is not asked who it is: what counts is the log's signature.
func (w *Witness) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", w.add)
	mux.HandleFunc("GET /checkpoints", func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Content-Type", "application/json")
		e := json.NewEncoder(out)
		e.SetEscapeHTML(false)
		_ = e.Encode(w.Heads()) // a reader who has gone needs no error
	})
	mux.HandleFunc("GET /{$}", func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(out, w.Key().String()+"\n")
	})
	return mux
}

func (w *Witness) add(out http.ResponseWriter, in *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(out, in.Body, maxRequest))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		answer(out, refuse(http.StatusRequestEntityTooLarge, "the request is too large"))
		return
	case err != nil:
		answer(out, refuse(http.StatusBadRequest, "the request ended early"))
		return
	}
	line, err := w.AddCheckpoint(in.Context(), body)
	if err != nil {
		answer(out, err)
		return
	}
	out.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = out.Write(line)
}

// answer says in HTTP why there is no cosignature. Only a size that a log can act on has
// the type that says so: who receives it asks again with that size.
func answer(out http.ResponseWriter, err error) {
	var r *Refusal
	if !errors.As(err, &r) {
		http.Error(out, "the witness cannot keep what it would cosign", http.StatusInternalServerError)
		return
	}
	if !r.Behind {
		http.Error(out, r.Reason, r.Status)
		return
	}
	out.Header().Set("Content-Type", "text/x.tlog.size")
	out.WriteHeader(r.Status)
	_, _ = io.WriteString(out, strconv.FormatInt(r.Size, 10)+"\n")
}
