package main

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.org/trm/adapters"
	"example.org/trm/adapters/outgoing"
	"example.org/trm/cmd/internal/region"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

//go:embed story/*.json story/full/*.json
var stories embed.FS

// scene is one message of a story, or a time in which none comes.
type scene struct {
	draft string // file below story; empty: nothing is sent
	title string
	all   bool // signed at the desk with everything, so that the gateway has to withhold

	after   time.Duration  // since the scene before
	thread  string         // which conversation, by a name of the story; empty is the only one
	name    string         // what later scenes call the message
	answers string         // the message that it answers; empty: the last one
	targets string         // the message that it changes
	with    map[string]any // members of the report block, where a draft serves twice
}

var conversation = []scene{
	{draft: "1-capacity-request.json", title: "Montenegro asks whether Serbia has room for a child. No name, no facts."},
	{draft: "2-capacity-answer.json", title: "Serbia answers."},
	{draft: "3-referral-request.json", title: "Montenegro refers the child. The sender sends more than it may: the gateway will have to withhold.", all: true},
	{draft: "4-referral-answer.json", title: "Serbia accepts in part: a foster place now, a guardian later."},
	{draft: "5-status-notice.json", title: "Serbia decides that the child is a victim, formally, and tells Montenegro."},
	{draft: "6-ack-answer.json", title: "Somebody in Montenegro takes it on, which closes the notice."},
}

// tell plays the conversation and proves every hop.
func (a *app) tell(ctx context.Context, r *region.Region) error {
	began := time.Now()
	t, err := a.teller(r, &region.Clock{})
	if err != nil {
		return err
	}
	for i, s := range conversation {
		a.printf("%d  %s\n", i+1, s.title)
		if err := t.play(ctx, s); err != nil {
			return fmt.Errorf("scene %d: %w", i+1, err)
		}
		a.printf("\n")
	}
	a.printf("%d messages sent, delivered, proven in %s.\n", len(conversation), since(began))
	return nil
}

// teller keeps what the next scene needs of the ones before.
type teller struct {
	*app
	desk    *desk
	region  *region.Region
	clock   *region.Clock
	zone    *time.Location
	threads map[string]string            // by the story's name for them
	named   map[string]gateway.MessageID // messages, by the story's name for them
	last    gateway.MessageID
	waited  gateway.MessageID // the last with a name
	began   time.Time         // of the scene
	brief   bool
	signed  map[string]telling
	shown   map[string]bool
}

// detail prints what the short story tells of every message.
func (t *teller) detail(format string, args ...any) {
	if !t.brief {
		t.printf(format, args...)
	}
}

func (a *app) teller(r *region.Region, clock *region.Clock) (*teller, error) {
	d, err := a.deskAt(clock.Now)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation("Europe/Belgrade") // of six of the seven countries
	return &teller{app: a, desk: d, region: r, clock: clock, zone: zone, threads: map[string]string{}, named: map[string]gateway.MessageID{}, signed: map[string]telling{}, shown: map[string]bool{}}, err
}

// play sends a scene's message and follows it to its end.
func (t *teller) play(ctx context.Context, s scene) error {
	raw, err := stories.ReadFile("story/" + s.draft)
	if err != nil {
		return err
	}
	plain, err := t.dated(raw, s)
	if err != nil {
		return err
	}
	draft, err := outgoing.ParseDraft(plain)
	if err != nil {
		return err
	}
	t.printf("   %s → %s   %s\n", draft.From, draft.To, draft.Type)
	t.began = time.Now()
	if s.all {
		err = t.sendFromDesk(ctx, draft)
	} else {
		err = t.sendByAdapter(ctx, plain, draft)
	}
	if err != nil {
		return err
	}
	if s.name != "" {
		t.named[s.name], t.waited = t.last, t.last
	}
	return t.report(ctx, draft)
}

// dated adds to a draft what a file cannot hold: the thread, the messages it answers or
// changes, and dates that lie ahead.
func (t *teller) dated(raw []byte, s scene) ([]byte, error) {
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, err
	}
	if t.threads[s.thread] == "" {
		t.threads[s.thread] = newID()
	}
	m["thread"] = t.threads[s.thread]
	now := t.clock.Now().UTC().Truncate(time.Second)
	tomorrow := now.Add(24 * time.Hour).Format(time.RFC3339)
	switch name := text(m["type"]); {
	case strings.Contains(name, ".answer/"):
		m["inReplyTo"] = t.last.ID
		if s.answers != "" {
			m["inReplyTo"] = t.named[s.answers].ID
		}
	case strings.Contains(name, ".notice/"):
		m["effectiveAt"], m["ackBy"] = now.Format(time.RFC3339), tomorrow
	case strings.Contains(name, ".change/"):
		m["target"] = cmp.Or(t.named[s.targets].ID, t.threads[s.thread])
		if strings.HasPrefix(name, "consent.") {
			m["effectiveAt"] = now.Format(time.RFC3339)
			break
		}
		m["answerBy"] = tomorrow
	default:
		m["answerBy"] = tomorrow
	}
	if s.with != nil {
		blocks, _ := m["blocks"].(map[string]any)
		blocks["report"] = s.with
	}
	return json.Marshal(m)
}

// sendFromDesk signs here, with everything, as `trm sign --all` and `trm send` do.
func (t *teller) sendFromDesk(ctx context.Context, draft outgoing.Draft) error {
	signed, err := t.desk.sign(draft, gateway.ThreadFacts{}, true)
	if err != nil {
		return err
	}
	p, err := envelope.Codec{}.Decode(signed.Raw)
	if err != nil {
		return err
	}
	names := make([]string, len(p.Units))
	for i, u := range p.Units {
		names[i] = u.Name
	}
	t.detail("   signed     at the desk, %d bytes: %s\n", len(signed.Raw), strings.Join(names, ", "))
	receipt, err := t.desk.send(ctx, p.Head, signed.Raw)
	if err != nil {
		return err
	}
	t.last = p.Head.MessageID()
	t.printReceipt(receipt)
	return nil
}

// sendByAdapter gives plain JSON to the country's adapter, which seals, signs, stores and
// submits it.
func (t *teller) sendByAdapter(ctx context.Context, plain []byte, draft outgoing.Draft) error {
	office := t.region.Adapters[draft.From.Country()]
	var sent adapters.Sent
	if err := callOffice(ctx, office, http.MethodPost, "/v1/drafts", plain, &sent); err != nil {
		return err
	}
	t.last = gateway.MessageID{Issuer: sent.Issuer, ID: sent.ID}
	t.detail("   signed     by the adapter of %s, from plain JSON\n", draft.From.Country().Name())
	for deadline := time.Now().Add(10 * time.Second); sent.Receipt == ""; {
		if sent.Problem != nil {
			return fmt.Errorf("refused: %s at %s", sent.Problem.Code, sent.Problem.Pointer)
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return errors.New("no receipt came")
		}
		time.Sleep(10 * time.Millisecond)
		if err := callOffice(ctx, office, http.MethodGet, "/v1/outbox/"+sent.ID, nil, &sent); err != nil {
			return err
		}
	}
	t.printReceipt(sent.Receipt)
	return nil
}

func (t *teller) printReceipt(receipt string) {
	if s, _, err := (envelope.Codec{}).Examine(receipt); err == nil {
		t.detail("   received   signed receipt of the gateway, number %s\n", pairText(s.Pair))
	}
}

// report follows the message to its end: evidence, who saw what, what was withheld, and
// the proof that a recipient has.
func (t *teller) report(ctx context.Context, draft outgoing.Draft) error {
	line, err := t.desk.follow(ctx, t.last.Issuer, t.last, 15*time.Second)
	if err != nil {
		return err
	}
	final := line.Steps[slices.IndexFunc(line.Steps, func(s step) bool { return s.Event.Final() })]
	if line.State != gateway.StateDelivered {
		return fmt.Errorf("the message is %s: %s %s", line.State, final.Event, final.Code)
	}
	t.detail("   delivered  %s signed by %s, %s after the draft\n", final.Event, final.Signer, since(t.began))
	for _, w := range line.Withheld {
		t.printf("   withheld   %s by rule %s (read with the sender's key; nobody else can)\n", w.Unit, w.Rule)
	}
	return t.showRoles(draft)
}

// showRoles prints what lies in the folder of every role that got something.
func (t *teller) showRoles(draft outgoing.Draft) error {
	proven := false
	for _, p := range t.desk.directory.Parties() {
		if p.Country() != draft.To.Country() {
			continue
		}
		list, err := deliveries(t.home, p)
		if err != nil {
			return err
		}
		for _, f := range list {
			if text(f.doc.Head["jti"]) != t.last.ID {
				continue
			}
			t.printf("   seen       by %s: %s\n", p, seen(f.doc))
			if f.doc.Envelope == nil {
				continue
			}
			what, err := t.desk.verify(f.doc.Envelope, t.clock.Now())
			if err != nil {
				return fmt.Errorf("verifying as the recipient: %w", err)
			}
			t.detail("   verified   as %s would: %s\n", p, what)
			proven = true
		}
	}
	if !proven {
		return errors.New("the recipient has nothing to verify")
	}
	return nil
}

// seen says in words what a role's file holds.
func seen(d adapters.Document) string {
	open := sortedKeys(d.Blocks)
	for _, name := range sortedKeys(d.Sealed) {
		open = append(open, name+" (opened with its own key)")
	}
	s := strings.Join(open, ", ")
	if len(d.SealedFor) > 0 {
		s += "; closed to it: " + strings.Join(d.SealedFor, ", ")
	}
	return s
}

// callOffice calls an adapter's local API, as a national system does.
func callOffice(ctx context.Context, o *region.Office, method, path string, in []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, o.API+path, bytes.NewReader(in))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+o.Token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		var d gateway.Document
		if err := json.NewDecoder(resp.Body).Decode(&d); err != nil {
			return fmt.Errorf("the adapter answered %d", resp.StatusCode)
		}
		return gateway.Refuse(d.Code, d.Pointer, d.Detail)
	}
	return json.NewDecoder(resp.Body).Decode(out)
}
