package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/ledger"
	"example.org/trm/test/examiner"
)

// Log is where the gateway's log lies.
func (r *Region) Log() examiner.Files {
	return examiner.Files{
		Journal: filepath.Join(r.Dir, "gateway", "journal.db"), Guard: filepath.Join(r.Dir, "guard", "log.guard"),
		Key: r.logKey, Policy: r.policy,
	}
}

// Examine looks at the log as it lies on disk and remembers how far it had come: from then
// on the log must begin with that.
func (r *Region) Examine() examiner.Report {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.t.Context()), patience) // at the end, too
	defer cancel()
	report, err := examiner.Examine(ctx, r.Log(), r.heads)
	if err != nil {
		r.t.Fatal(err)
	}
	if len(report.Findings) == 0 {
		r.heads = report.Heads
	}
	return report
}

// Witnessed waits until all that was recorded stands in the log, under a checkpoint that has
// its witnesses.
func (r *Region) Witnessed() examiner.Report {
	r.t.Helper()
	var report examiner.Report
	r.await("the log to be witnessed", patience, func() error {
		report = r.Examine()
		if len(report.Findings) > 0 {
			return nil // it will not get better
		}
		if report.Waiting > 0 {
			return fmt.Errorf("%d entries have no place yet", report.Waiting)
		}
		for origin, h := range report.Heads {
			if n := report.Witnessed[origin]; n < h.Size {
				return fmt.Errorf("%s has %d entries, %d of them witnessed", origin, h.Size, n)
			}
		}
		if len(report.Heads) == 0 {
			return errors.New("there is none")
		}
		return nil
	})
	return report
}

// Ledger finds where the log is not what its entries make it, does not begin with what it
// was at the last check, or does not hold exactly once what somebody has a signature for.
func (r *Region) Ledger() []string {
	r.t.Helper()
	// What people hold first, then the log: evidence that comes in between is in the log
	// and missed by nobody.
	held := map[gateway.MessageID]Status{}
	for _, s := range r.Sent() {
		if st, err := r.Status(s); err == nil { // else Effects speaks of it
			held[s.ID] = st
		}
	}
	report := r.Witnessed()
	found := report.Findings
	type about struct {
		event gateway.Event
		id    gateway.MessageID
	}
	entries := map[about][]examiner.Entry{}
	once := map[string]examiner.Entry{} // by evidence
	for _, e := range report.Entries {
		iss, _ := e.Opening["iss"].(string)
		id, _ := e.Opening["jti"].(string)
		k := about{e.Event, gateway.MessageID{Issuer: gateway.Party(iss), ID: id}}
		entries[k] = append(entries[k], e)
		if jws, _ := e.Opening["evidence"].(string); jws != "" {
			if other, ok := once[jws]; ok {
				found = append(found, fmt.Sprintf("one %s stands in the log twice: %d and %d", e.Event, other.Index, e.Index))
			}
			once[jws] = e
		}
	}
	for _, s := range r.Sent() {
		for _, e := range held[s.ID].Evidence {
			x, _, err := envelope.Codec{}.Examine(e.JWS)
			if err != nil {
				continue // Proofs speaks of it
			}
			list := entries[about{x.Event, s.ID}]
			unique := x.Event.Final() || x.Event == gateway.SubmissionAcceptance || x.Event == gateway.SubmissionRejection
			if len(list) == 0 || unique && len(list) > 1 {
				found = append(found, fmt.Sprintf("message %s: %s stands in the log %d times", s.ID.ID, x.Event, len(list)))
				continue
			}
			if x.Event != gateway.SubmissionAcceptance && x.Event != gateway.SubmissionRejection && once[e.JWS].Leaf == nil {
				found = append(found, fmt.Sprintf("message %s: another %s stands in the log than its sender holds", s.ID.ID, x.Event))
			}
			if x.Pair != (gateway.PairNumber{}) && list[0].Pair != x.Pair {
				found = append(found, fmt.Sprintf("message %s: the log has number %d for its %s, and the signature %d", s.ID.ID, list[0].Pair.N, x.Event, x.Pair.N))
			}
		}
	}
	return append(found, r.proofs()...)
}

// proofs asks the door for what a correspondent may have of a few messages, and verifies
// it with nothing but the directory.
func (r *Region) proofs() []string {
	log, _ := r.Directory.Log()
	var found []string
	sent := slices.DeleteFunc(r.Sent(), func(s *Sent) bool { return s.ID.Issuer.Kind() == "auditor" })
	if len(sent) > 4 {
		sent = append(sent[:2:2], sent[len(sent)-2:]...)
	}
	for _, s := range sent {
		body, status, err := r.door(s.ID.Issuer, http.MethodGet, "/v1/messages/"+string(s.ID.Issuer)+"/"+url.PathEscape(s.ID.ID)+"/proofs", nil, nil)
		var a struct {
			Entries []struct {
				Event, Origin, Entry, Proof string
			}
		}
		if err == nil {
			err = json.Unmarshal(body, &a)
		}
		if err != nil || status != http.StatusOK || len(a.Entries) == 0 {
			found = append(found, fmt.Sprintf("message %s: asked for proofs, the door answers %d (%v)", s.ID.ID, status, err))
			continue
		}
		for _, e := range a.Entries {
			if e.Proof == "" {
				continue // it was entered since: the log grows on
			}
			if _, err := ledger.VerifyProof([]byte(e.Entry), []byte(e.Proof), r.logKey.Named(e.Origin).String(), log.Policy); err != nil {
				found = append(found, fmt.Sprintf("message %s: the proof of %s: %v", s.ID.ID, e.Event, err))
			}
		}
		if a.Entries[0].Proof == "" {
			found = append(found, fmt.Sprintf("message %s: its acceptance is witnessed and not proven", s.ID.ID))
		}
	}
	return found
}
