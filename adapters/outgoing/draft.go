package outgoing

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// Draft is what an officer's system writes: the head it decides about, clear blocks, and
// the content of sealed blocks by unit name, still in the plain. What a draft leaves out
// and a message needs, [Desk.Sign] fills in.
type Draft struct {
	Type        string
	From, To    gateway.Party
	Thread      string // empty begins a new one
	InReplyTo   string
	Lane        gateway.Lane // empty is normal
	AnswerBy    time.Time
	Purpose     string
	Basis       string
	Agreement   gateway.Agreement
	Attests     []string
	Act         []string // notices and changes; in requests and answers it follows from the blocks
	Outcome     string
	Target      string
	EffectiveAt time.Time
	AckBy       time.Time
	Expires     time.Time // zero is as late as the type allows
	Test        bool
	Supersedes  string
	Override    string                    // why rules that let themselves be overridden do not hold; needs a second person's approval
	Case        string                    // the office's own reference of the person's case: it stays in the country and is not in the message
	Blocks      map[string]map[string]any // clear block -> content
	Sealed      map[string]map[string]any // unit, such as "health@child-protection" -> content
}

// LogValue keeps the content out of every log: a draft is its type there.
func (d Draft) LogValue() slog.Value { return slog.StringValue(d.Type) }

// Format keeps the content out of every error.
func (d Draft) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "draft of %s", d.Type) }

// MarshalJSON keeps the content out of a log line in which a draft lies inside something
// else: there the handler asks for JSON and not for a LogValue. A draft is only ever read.
func (d Draft) MarshalJSON() ([]byte, error) { return json.Marshal(map[string]string{"type": d.Type}) }

// ParseDraft reads a draft in JSON, as strictly as an envelope: no duplicate names, no
// trailing data, and a member that a draft does not have is refused, because an officer
// who misspells a member believes it was sent. What it refuses is a *gateway.Problem,
// whose pointer stops at the deepest member that drafts have.
func ParseDraft(raw []byte) (Draft, error) {
	v, err := envelope.DecodeJSON(raw)
	if err != nil {
		return Draft{}, fmt.Errorf("reading a draft: %w", err)
	}
	m, ok := v.(map[string]any)
	if !ok {
		return Draft{}, gateway.Refuse(gateway.CodeSchema, "", "A draft is a JSON object.")
	}
	r := &members{m: m}
	d := Draft{
		Type: r.text("type"), From: r.party("from"), To: r.party("to"), Thread: r.text("thread"), InReplyTo: r.text("inReplyTo"),
		Lane: gateway.Lane(r.text("lane")), AnswerBy: r.time("answerBy"), Purpose: r.text("purpose"), Basis: r.text("basis"),
		Attests: r.list("attests"), Act: r.list("act"), Outcome: r.text("outcome"), Target: r.text("target"), EffectiveAt: r.time("effectiveAt"),
		AckBy: r.time("ackBy"), Expires: r.time("expires"), Test: r.flag("test"), Supersedes: r.text("supersedes"), Override: r.text("override"), Case: r.text("case"),
	}
	if a, ok := r.object("agreement"); ok {
		d.Agreement = gateway.Agreement{State: a.text("state"), Reason: a.text("reason"), By: a.text("by"), Heard: a.flag("heard")}
		r.close(a)
	}
	if len(d.Case) > maxCase {
		r.fail("case", "A reference has at most 128 bytes.")
	}
	d.Blocks = r.contents("blocks")
	d.Sealed = r.contents("sealed")
	r.close(r)
	if r.err == nil {
		for _, name := range []string{"type", "from", "to"} {
			if _, ok := m[name]; !ok {
				r.fail(name, "The member is missing.")
			}
		}
	}
	if r.err != nil {
		return Draft{}, r.err
	}
	return d, nil
}

// maxCase is how long an office's reference of a case may be, in bytes.
const maxCase = 128

// members reads an object of which every member is known. It keeps the first fault.
type members struct {
	m     map[string]any
	at    string
	known []string
	err   error
}

func (r *members) fail(name, hint string) {
	if r.err == nil {
		r.err = gateway.Refuse(gateway.CodeSchema, r.at+"/"+name, hint)
	}
}

func (r *members) take(name string) (any, bool) {
	r.known = append(r.known, name)
	v, ok := r.m[name]
	return v, ok
}

func (r *members) text(name string) string {
	v, ok := r.take(name)
	s, isText := v.(string)
	if ok && !isText {
		r.fail(name, "Write a text, or leave the member out.")
	}
	return s
}

func (r *members) party(name string) gateway.Party {
	s := r.text(name)
	p, err := gateway.ParseParty(s)
	if s != "" && err != nil {
		r.fail(name, "Write country/role, such as rs/coordinator.")
	}
	return p
}

func (r *members) flag(name string) bool {
	v, ok := r.take(name)
	b, isFlag := v.(bool)
	if ok && !isFlag {
		r.fail(name, "Write true or false.")
	}
	return b
}

// time reads a moment. Other offsets than UTC are understood; the message is written in UTC.
func (r *members) time(name string) time.Time {
	v, ok := r.take(name)
	if !ok {
		return time.Time{}
	}
	s, _ := v.(string)
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.Nanosecond() != 0 {
		r.fail(name, "Write a time of RFC 3339 in whole seconds, such as 2026-11-24T16:00:00Z.")
		return time.Time{}
	}
	return t.UTC()
}

func (r *members) list(name string) []string {
	v, ok := r.take(name)
	if !ok {
		return nil
	}
	items, isList := v.([]any)
	out := make([]string, 0, len(items))
	for _, item := range items {
		s, isText := item.(string)
		isList = isList && isText && s != ""
		out = append(out, s)
	}
	if !isList {
		r.fail(name, "Write a list of codes.")
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (r *members) object(name string) (*members, bool) {
	v, ok := r.take(name)
	m, isObject := v.(map[string]any)
	if ok && !isObject {
		r.fail(name, "Write an object.")
	}
	return &members{m: m, at: r.at + "/" + name}, ok && isObject
}

// contents reads the objects under a member by their names, which the type knows.
func (r *members) contents(name string) map[string]map[string]any {
	o, ok := r.object(name)
	if !ok {
		return nil
	}
	out := make(map[string]map[string]any, len(o.m))
	for _, unit := range slices.Sorted(maps.Keys(o.m)) {
		content, ok := o.m[unit].(map[string]any)
		if !ok {
			r.fail(name, "Write an object for each block.")
		}
		out[unit] = content
	}
	return out
}

// close makes the fault of a member that nobody asked for. It is not named: what a
// draft does not know may be anything, also a person's name.
func (r *members) close(o *members) {
	if r.err == nil {
		r.err = o.err
	}
	if r.err != nil {
		return
	}
	for name := range o.m {
		if !slices.Contains(o.known, name) {
			r.err = gateway.Refuse(gateway.CodeSchema, o.at, "There is a member here that is not known. Known are "+strings.Join(o.known, ", ")+".")
			return
		}
	}
}
