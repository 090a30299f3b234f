package harness

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"example.org/trm/gateway"
)

// Sent is a message that an office gave to its adapter.
type Sent struct {
	ID      gateway.MessageID
	Thread  string
	To      gateway.Party
	Readers []gateway.Party // who must get something of it, sorted
	Urgent  bool

	direct bool // past the sender's adapter, which does not know of it
}

// Status is what the sender's adapter says of a message.
type Status struct {
	State    string            `json:"state"` // at the adapter: stored, received, refused
	Gateway  gateway.State     `json:"gateway"`
	Receipt  string            `json:"receipt"`
	Problem  *gateway.Document `json:"problem"`
	Evidence []Testimony       `json:"evidence"`
}

// Testimony is a piece of evidence as the sender is shown it.
type Testimony struct {
	Event gateway.Event `json:"event"`
	Code  gateway.Code  `json:"code"`
	JWS   string        `json:"jws"`
}

// Send gives a draft to the sender's adapter, again and again under one key until the
// adapter has it. Whatever in the draft can be a canary is searched for from then on.
// Safe for concurrent use.
func (r *Region) Send(d Draft) *Sent {
	r.t.Helper()
	answer, status := r.Try(d)
	var a struct {
		Issuer gateway.Party `json:"iss"`
		ID     string        `json:"jti"`
		Thread string        `json:"thread"`
	}
	if err := json.Unmarshal(answer, &a); err != nil || status != http.StatusAccepted {
		r.t.Errorf("sending a draft: answered %d: %s", status, answer)
		return nil
	}
	s := &Sent{ID: gateway.MessageID{Issuer: a.Issuer, ID: a.ID}, Thread: a.Thread, To: party(d["to"]), Urgent: d["lane"] == "urgent", Readers: readers(d)}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = append(r.sent, s)
	return s
}

// Try gives a draft to the sender's adapter and returns what it answers, also where that
// is a refusal.
func (r *Region) Try(d Draft) (answer []byte, status int) {
	r.t.Helper()
	if err := r.guard(d); err != nil {
		r.t.Error(err)
	}
	a, ok := r.Adapters[party(d["from"]).Country()]
	if !ok {
		r.t.Errorf("sending a draft: the region has no adapter of the sender's country")
		return nil, 0
	}
	answer, status, err := a.Call(http.MethodPost, "/v1/drafts", rand.Text(), d)
	if err != nil {
		r.t.Errorf("sending a draft: %v", err)
	}
	return answer, status
}

// Status asks the sender's adapter how far a message came.
func (r *Region) Status(s *Sent) (Status, error) {
	if s.direct {
		return r.ask(s)
	}
	b, code, err := r.Adapters[s.ID.Issuer.Country()].Call(http.MethodGet, "/v1/outbox/"+s.ID.ID, "", nil)
	if err != nil {
		return Status{}, err
	}
	var st Status
	if err := json.Unmarshal(b, &st); err != nil || code != http.StatusOK {
		return st, fmt.Errorf("asking about a message: answered %d", code)
	}
	return st, nil
}

// Settle waits until every message has ended, people were told of those that arrived, and
// the sender knows both.
func (r *Region) Settle() {
	r.t.Helper()
	open := r.Sent()
	r.await("all messages to end", patience, func() error {
		var last string
		open = slices.DeleteFunc(open, func(s *Sent) bool {
			st, err := r.Status(s)
			if err != nil {
				last = err.Error()
				return false
			}
			last = fmt.Sprintf("%s is %s, at the gateway %q", s.ID.ID, st.State, st.Gateway)
			return st.State == "refused" || ended(st.Gateway) && (st.Gateway == gateway.StateFailed || st.Gateway == gateway.StateExpired || announced(st))
		})
		if len(open) > 0 {
			return fmt.Errorf("%d have not; %s", len(open), last)
		}
		return nil
	})
}

// announced reports whether the recipient signed that its people were told.
func announced(st Status) bool {
	return slices.ContainsFunc(st.Evidence, func(t Testimony) bool { return t.Event == gateway.ConsignmentNotification })
}

// Await waits until the gateway says that a message is in the state.
func (r *Region) Await(s *Sent, want gateway.State) {
	r.t.Helper()
	r.await("a message to be "+string(want), patience, func() error {
		st, err := r.Status(s)
		if err == nil && st.Gateway != want {
			err = fmt.Errorf("it is %s, at the gateway %q", st.State, st.Gateway)
		}
		return err
	})
}

// Until waits until something is true that the region does not know of.
func (r *Region) Until(what string, holds func() bool) {
	r.t.Helper()
	r.await(what, patience, func() error {
		if !holds() {
			return errors.New("not yet")
		}
		return nil
	})
}

// Sent lists the messages that were sent, in that order.
func (r *Region) Sent() []*Sent {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.sent)
}

func ended(s gateway.State) bool {
	return !slices.Contains([]gateway.State{"", gateway.StateReceived, gateway.StateQueued}, s)
}

// readers are the addressee and every role to which something is sealed.
func readers(d Draft) []gateway.Party {
	to := party(d["to"])
	list := []gateway.Party{to}
	sealed, _ := d["sealed"].(map[string]any)
	for unit, content := range sealed {
		if m, ok := content.(map[string]any); ok && len(m) > 0 {
			_, role, _ := gateway.SplitUnit(unit)
			list = append(list, to.In(role))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func party(v any) gateway.Party { return gateway.Party(fmt.Sprint(v)) }

// place says where a canary may be, by folders of the region.
type place []string

func (p place) holds(rel string) bool {
	return slices.ContainsFunc(p, func(dir string) bool { return rel == dir || strings.HasPrefix(rel, dir+string(filepath.Separator)) })
}

// telling are the values of a draft that no other text holds by chance.
var telling = regexp.MustCompile(`^(Canary [A-Z]+|canary-.*|\+38200[0-9]+|[A-Z][0-9]{2}[.][0-9]{2}|[A-Z][0-9]{2}[A-Z]{2}[0-9]{2}|[0-9a-f]{8}-[0-9a-f-]{27}|[an][a-z0-9]{11})$`)

// guard makes canaries of a draft's content, and says where each may be: what is sealed
// to a role only in that role's folder, what is clear only in the addressee's folder and
// in the outbox of its sender.
func (r *Region) guard(d Draft) error {
	to, from := party(d["to"]), party(d["from"])
	folder := func(p gateway.Party) string { return filepath.Join("offices", string(p.Country()), p.Role()) }
	sealed, _ := d["sealed"].(map[string]any)
	for unit, content := range sealed {
		_, role, _ := gateway.SplitUnit(unit)
		if err := r.release(content, place{folder(to.In(role))}); err != nil {
			return err
		}
	}
	return r.release(d["blocks"], place{folder(to), filepath.Join("adapters", string(from.Country()))})
}

// Secret makes canaries of content that an office gives to its adapter otherwise than in a
// draft, and says whose folders may hold it.
func (r *Region) Secret(content any, readers ...gateway.Party) {
	r.t.Helper()
	where := place{}
	for _, p := range readers {
		where = append(where, filepath.Join("offices", string(p.Country()), p.Role()))
	}
	if err := r.release(content, where); err != nil {
		r.t.Fatal(err)
	}
}

// release makes canaries of the telling values, and names of members, inside v.
func (r *Region) release(v any, where place) error {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if err := r.release(name, where); err != nil {
				return err
			}
			if err := r.release(inner, where); err != nil {
				return err
			}
		}
	case []any:
		for _, inner := range v {
			if err := r.release(inner, where); err != nil {
				return err
			}
		}
	case []string:
		for _, inner := range v {
			if err := r.release(inner, where); err != nil {
				return err
			}
		}
	case string:
		if !telling.MatchString(v) {
			return nil
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		name := fmt.Sprintf("canary %d, of %s", r.birds.Len()+1, strings.Join(where, " and "))
		r.places[name] = where
		return r.birds.Add(name, v)
	}
	return nil
}
