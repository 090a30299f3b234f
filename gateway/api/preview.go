package api

import (
	"context"
	"slices"

	"github.com/labstack/echo/v4"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// Previewer says what the gateway would decide; in production it is [gateway.Previewer]. It
// records nothing. Safe for concurrent use.
type Previewer interface {
	Preview(ctx context.Context, caller gateway.Party, o gateway.Outline) (gateway.Decision, error)
}

// Bounds of a preview, before anything is parsed and after.
const (
	maxOutline  = 16 << 10
	maxUnits    = 64
	maxUnitName = 80
)

// decision is a preview's answer. Whether the message would be refused is part of it, and
// no fault of the question.
type decision struct {
	Released []string           `json:"released"`
	Withheld []gateway.Withheld `json:"withheld"`
	Refused  *gateway.Document  `json:"refused,omitempty"`
	// Overridden are the rules that the head's override sets aside: an approval names each.
	Overridden []string `json:"overridden,omitempty"`
	Policy     string   `json:"policy,omitempty"` // digest of the rules; absent where they were not asked
	// Unreached are those of the readers whose people no machine tells that it waits.
	Unreached []gateway.Unreached `json:"unreached,omitempty"`
}

// preview is POST /v1/preview: what would leave of a message, and what would not, by which
// rule. It takes the head and the names of units; there is no place in it for content.
func (d *door) preview(c echo.Context, caller gateway.Party) error {
	r := c.Request()
	if err := checkMedia(r, typeJSON, "Send application/json."); err != nil {
		return err
	}
	if err := d.rates.take(caller, previewing); err != nil {
		return err
	}
	raw, err := d.body(c, maxOutline, "A preview takes a head and names: at most 16 KiB.")
	if err != nil {
		return err
	}
	o, err := outline(raw)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), d.limits.Accept)
	defer cancel()
	got, err := d.Previewer.Preview(ctx, caller, o)
	if err != nil {
		return err
	}
	a := decision{Released: orEmpty(got.Released), Withheld: orEmpty(got.Withheld), Overridden: got.Overridden, Policy: got.Policy}
	if d.Reach != nil {
		a.Unreached = d.Reach(readers(o.Head.Audience, got.Released)...)
	}
	if got.Refusal != nil {
		doc := got.Refusal.Document()
		a.Refused = &doc
	}
	return d.json(c, a)
}

// readers are the recipient, and the roles beside it that a released unit is sealed to.
func readers(aud gateway.Party, released []string) []gateway.Party {
	out := []gateway.Party{aud}
	for _, u := range released {
		if _, role, _ := gateway.SplitUnit(u); role != "" {
			out = append(out, aud.In(role))
		}
	}
	return out
}

const onlyNames = "Give head and units and nothing else: a preview takes the names of units, never their content."

// outline reads a preview's question strictly. What it refuses is the question's fault;
// what the gateway would refuse a message for is its answer.
func outline(raw []byte) (gateway.Outline, error) {
	v, err := envelope.DecodeJSON(raw)
	if err != nil {
		return gateway.Outline{}, err
	}
	body, _ := v.(map[string]any)
	head, isHead := body["head"].(map[string]any)
	list, isList := body["units"].([]any)
	if !isHead || !isList || len(body) != 2 {
		return gateway.Outline{}, gateway.Refuse(gateway.CodeSchema, "", onlyNames)
	}
	o := gateway.Outline{Members: head}
	if o.Head, err = envelope.ReadHead(head); err != nil {
		p := gateway.AsProblem(err)
		return gateway.Outline{}, gateway.Refuse(p.Code, "/head"+p.Pointer, p.Hint).Because(err)
	}
	for _, name := range []string{"iss", "aud", "type", "lane", "purpose"} {
		if _, there := head[name]; !there {
			return gateway.Outline{}, gateway.Refuse(gateway.CodeSchema, "/head/"+name, "The member is missing.")
		}
	}
	o.Units, err = names(list)
	return o, err
}

// names reads a list of units, sorted. One that is too long to be a name is content.
func names(list []any) ([]string, error) {
	if len(list) > maxUnits {
		return nil, gateway.Refuse(gateway.CodeSchema, "/units", "No message has so many units.")
	}
	out := make([]string, len(list))
	for i, v := range list {
		name, ok := v.(string)
		if !ok || len(name) > maxUnitName {
			return nil, gateway.Refuse(gateway.CodeSchema, "/units", onlyNames)
		}
		out[i] = name
	}
	slices.Sort(out)
	for i, name := range out {
		block, _, field := gateway.SplitUnit(name)
		_, inside := slices.BinarySearch(out, block)
		switch {
		case i > 0 && name == out[i-1]:
			return nil, gateway.Refuse(gateway.CodeSchema, "/units", "Name each unit once.")
		case field != "" && !inside:
			return nil, gateway.Refuse(gateway.CodeSchema, "/units", "A field travels inside its block: name the block too.")
		}
	}
	return out, nil
}
