package outgoing

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// composition is a draft whose head is filled in and about which policy was asked: all
// of a message but its seals and its signature.
type composition struct {
	desk     Desk
	draft    Draft
	kind     gateway.Type
	head     gateway.Head
	expected []gateway.SealedBlock // for other roles: always there
	question gateway.Question
	decision gateway.Decision
	refusal  *gateway.Problem // of policy; nil if the message may travel
	found    []Found          // in free text
}

var errNoGatewayKey = errors.New("the directory has no current binding key of the gateway")

func (k Desk) compose(d Draft, facts gateway.ThreadFacts) (*composition, error) {
	t, ok := k.Catalogue.Type(d.Type)
	if !ok {
		return nil, gateway.Refuse(gateway.CodeTypeUnknown, "/type", "")
	}
	c := &composition{desk: k, draft: d, kind: t}
	if err := c.fill(); err != nil {
		return nil, err
	}
	c.found = d.Found()
	c.expected = gateway.ExpectedSeals(t, d.To, k.Directory)
	if err := c.checkContent(); err != nil {
		return nil, err
	}
	q, err := gateway.AskAbout(c.head, t, c.units(), facts, k.Directory)
	if err != nil {
		return nil, inDraft(err)
	}
	if c.refusal, err = k.admit(c.head); err != nil {
		return nil, err
	}
	c.question, c.decision = q, k.Policy.Decide(q)
	if c.refusal == nil {
		c.refusal = c.decision.Refusal
	}
	if c.refusal == nil {
		c.refusal = c.missing()
	}
	return c, nil
}

// admit is the conversation rules' refusal, nil if the message has its place.
func (k Desk) admit(h gateway.Head) (*gateway.Problem, error) {
	if k.Procedure == nil {
		return nil, nil
	}
	unknown := false
	err := k.Procedure.Admit(h, func(id gateway.MessageID) (gateway.Earlier, error) {
		e, known, err := k.Earlier(id)
		unknown = unknown || !known
		return e, err
	})
	p := gateway.AsProblem(err)
	switch {
	case err == nil || unknown:
		return nil, nil
	case p.Code == gateway.CodeInternal:
		return nil, err
	}
	return p, nil
}

// fill makes the head of what the draft says and what a message needs beside it.
func (c *composition) fill() error {
	d, k := c.draft, c.desk
	now := k.Now().UTC().Truncate(time.Second)
	binding := k.Directory.Keys(gateway.TheGateway, gateway.UseBinding, now)
	if len(binding) == 0 {
		return gateway.Unavailable(gateway.CodeDirectoryStale, time.Minute, errNoGatewayKey)
	}
	act, err := c.act()
	if err != nil {
		return err
	}
	c.head = gateway.Head{
		ID: k.NewID(), Issuer: d.From, Audience: d.To, IssuedAt: now, Expires: d.Expires, Confirmation: binding[0].ID,
		Type: d.Type, Codes: k.Catalogue.Release(), Thread: d.Thread, InReplyTo: d.InReplyTo, Lane: d.Lane, AnswerBy: d.AnswerBy,
		Purpose: d.Purpose, Basis: d.Basis, Agreement: d.Agreement, Attests: d.Attests, Act: act,
		Outcome: d.Outcome, Target: d.Target, EffectiveAt: d.EffectiveAt, AckBy: d.AckBy, Test: d.Test, Supersedes: d.Supersedes, Override: d.Override,
	}
	if c.head.Thread == "" {
		c.head.Thread = k.NewID()
	}
	if c.head.Lane == "" {
		c.head.Lane = gateway.Normal
	}
	if c.head.Expires.IsZero() {
		c.head.Expires = now.Add(c.kind.MaxLife)
	}
	return nil
}

// act is what the blocks say, where they say it, and what the sender chose where they do
// not.
func (c *composition) act() ([]string, error) {
	blocks := make(map[string]any, len(c.draft.Blocks))
	for name, content := range c.draft.Blocks {
		blocks[name] = content
	}
	said := c.desk.Catalogue.Act(c.draft.Type, blocks)
	switch {
	case len(said) == 0:
		return c.draft.Act, nil
	case len(c.draft.Act) > 0 && !slices.Equal(said, c.draft.Act):
		return nil, gateway.Refuse(gateway.CodeActMismatch, "/act", "Leave act out: it follows from the blocks.")
	}
	return said, nil
}

// checkContent checks the blocks that the draft names and, because nobody on the way can,
// the content of those that will be sealed.
func (c *composition) checkContent() error {
	for _, name := range slices.Sorted(maps.Keys(c.draft.Blocks)) {
		if !slices.Contains(c.kind.Must, name) && !slices.Contains(c.kind.May, name) {
			return gateway.Refuse(gateway.CodeUnitUnknown, "/blocks", "The type carries "+strings.Join(slices.Concat(c.kind.Must, c.kind.May), ", ")+".")
		}
	}
	for _, unit := range slices.Sorted(maps.Keys(c.draft.Sealed)) {
		if _, ok := c.sealed(unit); !ok {
			hint := "The type carries nothing sealed."
			if names := c.sealedNames(); len(names) > 0 {
				hint = "The type carries, sealed, " + strings.Join(names, ", ") + "."
			}
			return gateway.Refuse(gateway.CodeUnitUnknown, "/sealed", hint)
		}
		content := c.draft.Sealed[unit]
		if len(content) == 0 {
			continue // nothing to say
		}
		block, _, _ := gateway.SplitUnit(unit)
		if err := c.desk.Catalogue.ValidateBlock(c.head.Codes, block, content); err != nil {
			return below(err, "/sealed/"+unit, block)
		}
	}
	return nil
}

func (c *composition) sealed(unit string) (gateway.SealedBlock, bool) {
	i := slices.IndexFunc(c.kind.Sealed, func(sb gateway.SealedBlock) bool { return sb.Unit(c.draft.To) == unit })
	if i < 0 {
		return gateway.SealedBlock{}, false
	}
	return c.kind.Sealed[i], true
}

func (c *composition) sealedNames() []string {
	names := make([]string, 0, len(c.kind.Sealed))
	for _, sb := range c.kind.Sealed {
		names = append(names, sb.Unit(c.draft.To))
	}
	slices.Sort(names)
	return names
}

// units are the names of what the message will carry, sorted: what policy is asked about.
func (c *composition) units() []string {
	var names []string
	for block, content := range c.draft.Blocks {
		names = append(names, block)
		for _, f := range c.kind.Fields[block] {
			if _, ok := content[f]; ok {
				names = append(names, block+"/"+f)
			}
		}
	}
	for unit := range c.draft.Sealed {
		names = append(names, unit)
	}
	for _, sb := range c.expected {
		names = append(names, sb.Unit(c.draft.To))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// missing is the refusal of a message of which policy withholds what its type must carry.
func (c *composition) missing() *gateway.Problem {
	for _, w := range c.decision.Withheld {
		if slices.Contains(c.kind.Must, w.Unit) {
			p := gateway.Refuse(gateway.CodeRequiredWithheld, "/"+w.Unit, "")
			p.Rule = w.Rule
			return p
		}
	}
	return nil
}

// leaves reports whether a unit stays in the envelope: what policy releases does, and so
// does what every message of the type carries for another role, whose absence the gateway
// would refuse. It is sealed over {} if policy withholds it.
func (c *composition) leaves(unit string) bool {
	return c.released(unit) || slices.ContainsFunc(c.expected, func(sb gateway.SealedBlock) bool { return sb.Unit(c.draft.To) == unit })
}

func (c *composition) released(unit string) bool {
	_, ok := slices.BinarySearch(c.decision.Released, unit)
	return ok
}

// sign seals and signs. Unless all is kept, what policy withholds from another role is
// sealed over {}; other withheld units are signed, for [envelope.Drop] to leave out.
func (c *composition) sign(key *envelope.Private, thumbprint string, all bool) ([]byte, error) {
	d := envelope.Draft{Head: c.head, Clear: c.draft.Blocks, Sealed: map[string]string{}, Type: c.kind}
	for _, sb := range c.expected {
		if err := c.seal(d.Sealed, sb, nil); err != nil {
			return nil, err
		}
	}
	for unit, content := range c.draft.Sealed {
		sb, _ := c.sealed(unit)
		if sb.Always(c.draft.To) && !all && !c.released(unit) {
			continue
		}
		if err := c.seal(d.Sealed, sb, content); err != nil {
			return nil, err
		}
	}
	raw, err := envelope.Sign(d, key, thumbprint, nil)
	if err != nil {
		return nil, inDraft(err)
	}
	return raw, nil
}

// seal closes one unit for the newest key of the role that reads it.
func (c *composition) seal(into map[string]string, sb gateway.SealedBlock, content map[string]any) error {
	unit := sb.Unit(c.draft.To)
	block, role, _ := gateway.SplitUnit(unit)
	reader := c.draft.To.In(role)
	keys := c.desk.Directory.Keys(reader, gateway.UseEncryption, c.head.IssuedAt)
	if len(keys) == 0 {
		return gateway.Refuse(gateway.CodePartyUnknown, "/sealed/"+unit, "This role has no current encryption key; telephone its duty officer.")
	}
	plain := []byte("{}")
	if len(content) > 0 {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(content); err != nil {
			return fmt.Errorf("sealing %s: %w", block, err)
		}
		plain = bytes.TrimSpace(b.Bytes())
	}
	if len(plain) > sb.Size {
		return gateway.Refuse(gateway.CodeTooLarge, "/sealed/"+unit, fmt.Sprintf("This block has room for %d bytes of JSON.", sb.Size))
	}
	jwe, err := envelope.Seal(plain, sb.Size, keys[0], envelope.Place{Issuer: c.head.Issuer, ID: c.head.ID, Role: role, Pointer: "/" + unit})
	if err != nil {
		return fmt.Errorf("sealing %s: %w", block, err)
	}
	into[unit] = jwe
	return nil
}
