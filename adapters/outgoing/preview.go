package outgoing

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/schemas"
)

// Preview says what leaves, before anything does. It holds names of parts and fields and
// no value, and nothing that differs between two previews of the same draft.
type Preview struct {
	Type    string        `json:"type"`
	From    gateway.Party `json:"from"`
	To      gateway.Party `json:"to"`
	Refused *Refused      `json:"refused,omitempty"` // the gateway would refuse the message, or this desk its note
	// Unreached are those of the readers whose people no machine tells that the message
	// waits: telephone them.
	Unreached []gateway.Unreached `json:"unreached,omitempty"`
	Readers   []Reader            `json:"readers"` // the recipient first, then the other roles that a sealed part is for; none if policy refuses
	// Overridden are the rules that the draft's override sets aside: a second person's
	// approval names each.
	Overridden []Overridden `json:"overridden,omitempty"`
	// Withheld stays in the country. Nobody at the other end learns that it exists.
	Withheld []Withheld `json:"withheld"`
	// Found is what in the free text would identify or locate somebody: to be taken out, and
	// in the urgent lane to be thought about.
	Found []Found `json:"found,omitempty"`
	// Deprecated are places that hold a code on its way out: accepted now, and refused by a
	// release to come. The pointers begin with the unit's name.
	Deprecated []schemas.Deprecated `json:"deprecated,omitempty"`
	Never      []string             `json:"never"` // what the office keeps by itself, in plain words
	Policy     string               `json:"policy"`
}

// Refused says why the gateway would not take the message, or the desk not sign it.
type Refused struct {
	Code    gateway.Code `json:"code"`
	Title   string       `json:"title"`
	Fix     string       `json:"fix"`
	Pointer string       `json:"pointer,omitempty"` // into the draft
	Rule    string       `json:"rule,omitempty"`
	Says    string       `json:"says,omitempty"` // the rule in plain words
}

// Reader is what one role at the other end sees.
type Reader struct {
	Party gateway.Party `json:"party"`
	Name  string        `json:"name,omitempty"` // the institution's English name
	Parts []Part        `json:"parts"`          // beside the head, which every reader sees
	// Closed are sealed parts that the recipient passes on and cannot open. They are the
	// same in every message of the type, whether there is something in them or not.
	Closed []string `json:"closed,omitempty"`
	// Never are blocks and fields that the role does not get in any message of this type
	// and purpose: what it is shown instead of what was withheld.
	Never []string `json:"never,omitempty"`
}

// Part is a unit that a reader can read.
type Part struct {
	Unit   string   `json:"unit"`
	Sealed bool     `json:"sealed,omitempty"`
	Fields []string `json:"fields"` // what is filled in
}

// Overridden is a rule that would have decided otherwise.
type Overridden struct {
	Rule string `json:"rule"`
	Says string `json:"says"`
}

// Withheld is a unit that policy keeps here.
type Withheld struct {
	Unit string `json:"unit"`
	Rule string `json:"rule"`
	Says string `json:"says"`
}

// Preview says what each role at the other end would see if the draft were sent now. The
// decision is the gateway's on the same inputs. An error is a *gateway.Problem that points
// into a draft of which no message can be made.
func (k Desk) Preview(d Draft, facts gateway.ThreadFacts) (Preview, error) {
	c, err := k.compose(d, facts)
	if err != nil {
		return Preview{}, err
	}
	// The checks are made over a message that is signed by a key which nobody has: what
	// the gateway would find wrong with the real one, beside its key, shows here.
	key, err := envelope.Generate(gateway.UseMessage, "ES256")
	if err != nil {
		return Preview{}, fmt.Errorf("previewing: %w", err)
	}
	raw, err := c.sign(key, key.ID(), false)
	if err == nil {
		err = k.check(raw, c.head.IssuedAt, false)
	}
	p := c.preview()
	if err != nil {
		if !gateway.AsProblem(err).Final() {
			return Preview{}, err
		}
		// The door comes before policy.
		p.Refused = c.refused(err)
	}
	if t := c.telling(); t != nil && p.Refused == nil {
		p.Refused = c.refused(t)
	}
	return p, nil
}

func (c *composition) preview() Preview {
	p := Preview{
		Type: c.kind.Name, From: c.draft.From, To: c.draft.To, Readers: []Reader{}, Withheld: []Withheld{}, Never: c.desk.Policy.Kept(), Policy: c.decision.Policy,
		Found: c.found, Deprecated: c.deprecated(),
	}
	if c.refusal != nil {
		p.Refused = c.refused(inDraft(c.refusal))
		return p
	}
	for _, r := range c.decision.Overridden {
		p.Overridden = append(p.Overridden, Overridden{r, c.desk.Policy.Explain(r)})
	}
	for _, w := range c.decision.Withheld {
		p.Withheld = append(p.Withheld, Withheld{w.Unit, w.Rule, c.desk.Policy.Explain(w.Rule)})
	}
	p.Readers = append(p.Readers, c.reader(c.draft.To))
	for _, sb := range c.expected {
		_, role, _ := gateway.SplitUnit(sb.Unit(c.draft.To))
		party := c.draft.To.In(role)
		if !slices.ContainsFunc(p.Readers, func(r Reader) bool { return r.Party == party }) {
			p.Readers = append(p.Readers, c.reader(party))
		}
	}
	slices.SortFunc(p.Readers[1:], func(a, b Reader) int {
		if a.Party < b.Party {
			return -1
		}
		return 1
	})
	var told []gateway.Party
	for _, r := range p.Readers {
		if r.Party == p.To || len(r.Parts) > 0 {
			told = append(told, r.Party)
		}
	}
	p.Unreached = gateway.Unreachable(c.desk.Directory, told...)
	return p
}

// deprecated finds the codes of the draft that are on their way out, and not what they are.
func (c *composition) deprecated() []schemas.Deprecated {
	var all []schemas.Deprecated
	for _, contents := range []map[string]map[string]any{c.draft.Blocks, c.draft.Sealed} {
		for _, unit := range slices.Sorted(maps.Keys(contents)) {
			block, _, _ := gateway.SplitUnit(unit)
			for _, d := range c.desk.Catalogue.Deprecated(c.head.Codes, block, contents[unit]) {
				d.Pointer = "/" + unit + strings.TrimPrefix(d.Pointer, "/"+block)
				all = append(all, d)
			}
		}
	}
	return all
}

func (c *composition) refused(err error) *Refused {
	d := gateway.AsProblem(err).Document()
	return &Refused{Code: d.Code, Title: d.Title, Fix: d.Detail, Pointer: d.Pointer, Rule: d.Rule, Says: c.desk.Policy.Explain(d.Rule)}
}

// reader is what one role sees of the message.
func (c *composition) reader(p gateway.Party) Reader {
	r := Reader{Party: p, Parts: []Part{}, Never: c.desk.Policy.Never(c.kind, p.Role(), c.head.Purpose)}
	if inst, ok := c.desk.Directory.Institution(p); ok {
		r.Name = inst.Names["en"]
	}
	recipient := p == c.draft.To
	for _, unit := range c.decision.Released {
		block, role, field := gateway.SplitUnit(unit)
		switch {
		case field != "":
			// Shown with its block.
		case role == "" && recipient:
			r.Parts = append(r.Parts, Part{Unit: unit, Fields: fields(c.draft.Blocks[block], c.kind.Fields[block], func(f string) bool { return c.released(block + "/" + f) })})
		case role == p.Role():
			if content := c.draft.Sealed[unit]; len(content) > 0 {
				r.Parts = append(r.Parts, Part{Unit: unit, Sealed: true, Fields: fields(content, nil, nil)})
			}
		case role != "" && recipient:
			r.Closed = append(r.Closed, unit)
		}
	}
	return r
}
