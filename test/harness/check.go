package harness

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"example.org/trm/adapters"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// Check settles the region and fails the test for everything that is not as promised. It
// always runs at the end of a test; a test may also call it before.
func (r *Region) Check() {
	r.t.Helper()
	r.Settle()
	for _, f := range slices.Concat(r.Lives(), r.Effects(), r.Proofs(), r.Ledger(), r.Audits(), r.Strays()) {
		r.t.Error(f)
	}
}

// Lives finds processes that ended by themselves, panics and races in what they printed,
// and errors that nobody expected.
func (r *Region) Lives() []string {
	var found []string
	missing := slices.Clone(r.alarms)
	for _, p := range r.programs() {
		for _, err := range p.died() {
			found = append(found, fmt.Sprintf("%s ended by itself: %v", p.Name, err))
		}
		for line := range strings.Lines(string(p.Output())) {
			expected := func(a string) bool { return strings.Contains(line, a) }
			switch {
			case strings.Contains(line, "panic:"), strings.Contains(line, "DATA RACE"):
				found = append(found, fmt.Sprintf("%s printed %s", p.Name, line))
			case strings.Contains(line, `"level":"ERROR"`):
				if !slices.ContainsFunc(r.alarms, expected) {
					found = append(found, fmt.Sprintf("%s reported %s", p.Name, line))
				}
				missing = slices.DeleteFunc(missing, expected)
			}
		}
	}
	for _, m := range missing {
		found = append(found, fmt.Sprintf("nothing was reported of %q", m))
	}
	return found
}

// Effect is one consignment in a national system.
type Effect struct {
	adapters.Document
	Reader gateway.Party
	Times  int       // how often it took effect
	At     time.Time // when, where the system says so
	rank   int       // order among those of the same country
}

// Arrived lists what a country's national system has, in the order of effect.
func (r *Region) Arrived(c gateway.Country) ([]Effect, error) {
	a := r.Adapters[c]
	var all []Effect
	if a.System != nil {
		for i, k := range a.System.Cases() {
			e := Effect{Reader: gateway.Party(string(c) + "/" + k.Role), Times: k.Effect, rank: i}
			if err := json.Unmarshal(k.Body, &e.Document); err != nil {
				return nil, fmt.Errorf("reading a case of %s: it is not JSON", c)
			}
			all = append(all, e)
		}
		return all, nil
	}
	files, err := filepath.Glob(filepath.Join(a.Drop, "*", "*"))
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		info, err := os.Stat(f)
		if err != nil {
			return nil, err
		}
		e := Effect{Reader: gateway.Party(string(c) + "/" + filepath.Base(filepath.Dir(f))), Times: 1, At: info.ModTime()}
		if err := json.Unmarshal(b, &e.Document); err != nil {
			return nil, fmt.Errorf("reading a file of %s: it is not JSON", e.Reader)
		}
		if want := e.Delivery + ".json"; filepath.Base(f) != want {
			return nil, fmt.Errorf("a file of %s is not named by its delivery", e.Reader)
		}
		all = append(all, e)
	}
	slices.SortStableFunc(all, func(a, b Effect) int { return a.At.Compare(b.At) })
	for i := range all {
		all[i].rank = i
	}
	return all, nil
}

// Effects finds messages that did not take effect once for each of their readers,
// effects that nobody sent, and threads whose order was lost.
func (r *Region) Effects() []string {
	var found []string
	arrived := map[string][]Effect{} // by jti
	for _, c := range r.countries {
		es, err := r.Arrived(c)
		if err != nil {
			found = append(found, err.Error())
		}
		for _, e := range es {
			id, _ := e.Head["jti"].(string)
			arrived[id] = append(arrived[id], e)
		}
	}
	last := map[string]Effect{} // by conversation and direction
	for _, s := range r.Sent() {
		es := arrived[s.ID.ID]
		delete(arrived, s.ID.ID)
		st, err := r.Status(s)
		if err != nil {
			found = append(found, fmt.Sprintf("message %s: %v", s.ID.ID, err))
			continue
		}
		if !slices.Contains([]gateway.State{gateway.StateDelivered, gateway.StateRead, gateway.StateTakenOn}, st.Gateway) {
			if len(es) > 0 {
				found = append(found, fmt.Sprintf("message %s took effect but is %s %s", s.ID.ID, st.State, st.Gateway))
			}
			continue
		}
		var got []gateway.Party
		for _, e := range es {
			got = append(got, e.Reader)
			if e.Times != 1 || e.ReceivedBy != e.Reader || e.Head["iss"] != string(s.ID.Issuer) {
				found = append(found, fmt.Sprintf("message %s took effect %d times for %s", s.ID.ID, e.Times, e.Reader))
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, s.Readers) {
			found = append(found, fmt.Sprintf("message %s took effect for %q, want once for each of %q", s.ID.ID, got, s.Readers))
			continue
		}
		if s.Urgent {
			continue
		}
		order := strings.Join([]string{string(s.ID.Issuer), string(s.To), s.Thread}, " ")
		own := es[slices.IndexFunc(es, func(e Effect) bool { return e.Reader == s.To })]
		if before, ok := last[order]; ok && (own.rank < before.rank && !own.At.Equal(before.At) || own.Binding.Pair.N <= before.Binding.Pair.N) {
			found = append(found, fmt.Sprintf("message %s, number %d, took effect before number %d of its thread", s.ID.ID, own.Binding.Pair.N, before.Binding.Pair.N))
		}
		last[order] = own
	}
	for id := range arrived {
		found = append(found, fmt.Sprintf("message %q took effect and nobody sent it", id))
	}
	return found
}

// Proofs finds messages whose sender does not hold complete evidence: the gateway's
// acceptance, and one statement of the recipient's that it was delivered, about the same
// released bytes. Every signature is checked here once more.
func (r *Region) Proofs() []string {
	var found []string
	for _, s := range r.Sent() {
		st, err := r.Status(s)
		if err != nil || st.State == "refused" {
			continue // Effects speaks of it
		}
		count := map[gateway.Event]int{}
		released := map[string]bool{}
		for _, e := range st.Evidence {
			ev, err := gateway.Witnessed(e.JWS, envelope.Codec{}, r.Directory)
			if err != nil {
				found = append(found, fmt.Sprintf("message %s: evidence cannot be verified: %v", s.ID.ID, err))
				continue
			}
			x := ev.Statement()
			count[x.Event]++
			want := gateway.TheGateway
			if x.Event == gateway.ContentConsignment {
				want = s.To
			}
			if x.Message != s.ID || x.Event.Final() && x.Event == gateway.ContentConsignment && x.Signer != want {
				found = append(found, fmt.Sprintf("message %s: %s is about another message or by another signer", s.ID.ID, x.Event))
			}
			if x.SDHash != "" {
				released[x.SDHash] = true
			}
		}
		if len(st.Evidence) > 0 && st.Evidence[0].JWS != st.Receipt {
			found = append(found, fmt.Sprintf("message %s: the receipt is not the first evidence", s.ID.ID))
		}
		if count[gateway.SubmissionAcceptance] != 1 || len(released) != 1 {
			found = append(found, fmt.Sprintf("message %s: accepted %d times, with %d sets of released bytes", s.ID.ID, count[gateway.SubmissionAcceptance], len(released)))
		}
		if n := count[gateway.ContentConsignment] + count[gateway.ContentConsignmentFailure]; n != 1 {
			found = append(found, fmt.Sprintf("message %s: %d final statements, want one", s.ID.ID, n))
		}
	}
	return found
}

// Strays finds canaries where they must not be: in any file of gateway, adapters and
// Redis, in what processes printed, in spans and metrics, and in every answer.
func (r *Region) Strays() []string {
	metrics := r.Metrics()
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []string
	searched := 0
	search := func(dir string) {
		fs, n, err := r.birds.Tree(dir, nil)
		if err != nil {
			found = append(found, fmt.Sprintf("searching for canaries: %v", err))
		}
		searched += n
		for _, f := range fs {
			rel := strings.TrimPrefix(f.Where, "the name ")
			if !r.places[f.Canary].holds(rel) {
				found = append(found, "astray: "+f.String())
			}
		}
	}
	search(r.Dir)
	search(r.Redis.Dir())
	for what, texts := range map[string][][]byte{"spans": r.Spans.Raw(), "answers": r.seen, "metrics": {metrics}} {
		for i, text := range texts {
			for _, f := range r.birds.Search(fmt.Sprintf("%s %d", what, i), text) {
				found = append(found, "astray: "+f.String())
			}
		}
	}
	if searched == 0 {
		found = append(found, "searching for canaries: nothing was searched")
	}
	return slices.Compact(found)
}
