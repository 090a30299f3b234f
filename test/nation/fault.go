package nation

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Fault is how a request goes wrong. It may call take, which is the request's effect,
// before it answers, after, or not at all. The body is what was sent.
type Fault func(w http.ResponseWriter, r *http.Request, body []byte, take func())

// Served is no fault: it lets a request through between two others.
func Served(w http.ResponseWriter, _ *http.Request, _ []byte, take func()) {
	take()
	w.WriteHeader(http.StatusCreated)
}

// Answer takes no effect and answers with the status.
func Answer(status int) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ []byte, _ func()) { w.WriteHeader(status) }
}

// Later takes no effect and asks to be called again after a number of seconds.
func Later(seconds int) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ []byte, _ func()) {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// Taken takes effect and answers with the status nevertheless.
func Taken(status int) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ []byte, take func()) {
		take()
		w.WriteHeader(status)
	}
}

// Cut takes no effect and ends the connection without an answer.
func Cut(w http.ResponseWriter, _ *http.Request, _ []byte, _ func()) { cut(w) }

// Lost takes effect and ends the connection without an answer.
func Lost(w http.ResponseWriter, _ *http.Request, _ []byte, take func()) {
	take()
	cut(w)
}

// Silent takes no effect and says nothing until the caller gives up.
func Silent(_ http.ResponseWriter, r *http.Request, _ []byte, _ func()) { <-r.Context().Done() }

// Mute takes effect and says nothing until the caller gives up.
func Mute(_ http.ResponseWriter, r *http.Request, _ []byte, take func()) {
	take()
	<-r.Context().Done()
}

// Slow takes effect and answers after a while.
func Slow(d time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ []byte, take func()) {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
			take()
			w.WriteHeader(http.StatusCreated)
		case <-r.Context().Done():
		}
	}
}

// Elsewhere takes no effect and sends the caller to a stranger.
func Elsewhere(url string) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ []byte, _ func()) {
		http.Redirect(w, r, url, http.StatusTemporaryRedirect)
	}
}

// Echo takes no effect and refuses with everything that it was sent, in the body and in
// headers, as case systems do that quote what they could not read: an adapter that logs
// the answer logs the person.
func Echo(status int) Fault {
	return func(w http.ResponseWriter, _ *http.Request, body []byte, _ func()) {
		line := strings.Join(strings.Fields(string(body)), " ")
		w.Header().Set("X-Error", line[:min(len(line), 4000)])
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		_, _ = w.Write(body) // the caller may have enough
	}
}

// Flood takes effect and answers without end, until the caller has enough or 64 MiB went
// out.
func Flood(w http.ResponseWriter, _ *http.Request, _ []byte, take func()) {
	take()
	w.WriteHeader(http.StatusCreated)
	junk := bytes.Repeat([]byte("<!-- more -->"), 1<<12)
	for n := 0; n < 64<<20; n += len(junk) {
		if _, err := w.Write(junk); err != nil {
			return
		}
	}
}

// Garbage takes no effect and answers something that is no HTTP.
func Garbage(w http.ResponseWriter, _ *http.Request, _ []byte, _ func()) {
	c, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_, _ = buf.WriteString("220 mail.example ESMTP\r\n\x00\xff\r\n\r\n")
	_ = buf.Flush()
	_ = c.Close()
}

// cut ends a request's connection.
func cut(http.ResponseWriter) { panic(http.ErrAbortHandler) }
