package integration

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
	"example.org/trm/schemas"
	"example.org/trm/test/harness"
)

// TestEveryTypeArrivesWhole: what can be asked, announced and changed is, and each is
// answered by the type that closes it, through a region of real processes. The other
// office's files hold what the sender's officer wrote, role by role, but for what the
// preview said would stay.
func TestEveryTypeArrivesWhole(t *testing.T) {
	t.Parallel()
	r := harness.New(t, harness.Options{})
	set, err := schemas.Open()
	if err != nil {
		t.Fatal(err)
	}
	sent := map[string]bool{}
	var names []string
	for _, typ := range set.Types() {
		name := typ.Name
		names = append(names, name)
		row, _ := set.Row(name)
		if row.Frame == "answer" {
			continue
		}
		t.Run(row.Topic+"."+row.Frame, func(t *testing.T) {
			c := &conversation{t: t, region: r, set: set, thread: harness.NewThread()}
			asked := example(t, set, name)
			c.opener, c.other = party("me", asked["from"]), party("rs", asked["to"])
			if row.Frame == "change" {
				// A change is about something that was said before.
				c.say("capacity.request/1.0", c.opener, c.other, nil)
				asked["target"] = c.last
			}
			c.send(asked, c.opener, c.other)
			sent[name] = true
			if row.Answer != "" {
				c.say(row.Answer, c.other, c.opener, map[string]any{"inReplyTo": c.last})
				sent[row.Answer] = true
			}
		})
	}
	if got := slices.Sorted(maps.Keys(sent)); !t.Failed() && !slices.Equal(got, slices.Sorted(slices.Values(names))) {
		t.Errorf("sent only %q", got)
	}
}

// conversation is one thread of two parties.
type conversation struct {
	t             *testing.T
	region        *harness.Region
	set           *schemas.Set
	thread        string
	opener, other gateway.Party
	last          string // jti of the last message
}

// say sends the example of a type.
func (c *conversation) say(name string, from, to gateway.Party, members map[string]any) {
	c.t.Helper()
	d := example(c.t, c.set, name)
	maps.Copy(d, members)
	c.send(d, from, to)
}

// send gives a draft to the sender's adapter and holds what arrived against it.
func (c *conversation) send(d harness.Draft, from, to gateway.Party) {
	c.t.Helper()
	d = c.between(d, from, to)
	withheld := c.preview(d)
	s := c.region.Send(d)
	if s == nil {
		c.t.FailNow()
	}
	c.last = s.ID.ID
	sealed, _ := d["sealed"].(map[string]any)
	want := map[gateway.Party]map[string]any{to: {}}
	for unit, content := range sealed {
		_, role, _ := gateway.SplitUnit(unit)
		if m, _ := content.(map[string]any); len(m) == 0 || slices.Contains(withheld, unit) {
			continue
		}
		reader := to.In(role)
		if want[reader] == nil {
			want[reader] = map[string]any{}
		}
		want[reader][unit] = content
	}
	s.Readers = slices.Sorted(maps.Keys(want)) // what was withheld has none
	c.region.Await(s, gateway.StateDelivered)
	effects, err := c.region.Arrived(to.Country())
	if err != nil {
		c.t.Fatal(err)
	}
	for reader, units := range want {
		i := slices.IndexFunc(effects, func(e harness.Effect) bool { return e.Reader == reader && e.Head["jti"] == s.ID.ID })
		if i < 0 {
			c.t.Fatalf("%s has nothing of the %v", reader, d["type"])
		}
		got := effects[i]
		if got.Head["type"] != d["type"] || got.Head["iss"] != string(from) {
			c.t.Errorf("%s has a %v of %v, want a %v of %s", reader, got.Head["type"], got.Head["iss"], d["type"], from)
		}
		var mine map[string]any
		for unit, content := range got.Sealed {
			if m, _ := content.(map[string]any); len(m) > 0 { // one sealed over nothing says nothing
				if mine == nil {
					mine = map[string]any{}
				}
				mine[unit] = content
			}
		}
		if diff := cmp.Diff(plain(c.t, units), plain(c.t, mine)); diff != "" && len(units)+len(mine) > 0 {
			c.t.Errorf("what %s can open (-sent +arrived):\n%s", reader, diff)
		}
		if reader != to {
			continue
		}
		if diff := cmp.Diff(plain(c.t, c.clear(d, withheld)), plain(c.t, got.Blocks)); diff != "" {
			c.t.Errorf("what %s reads (-sent +arrived):\n%s", reader, diff)
		}
	}
}

// clear is what is clear in a draft without what was withheld, by block or by field.
func (c *conversation) clear(d harness.Draft, withheld []string) map[string]any {
	blocks := plain(c.t, d["blocks"]).(map[string]any)
	for _, unit := range withheld {
		block, field, _ := strings.Cut(unit, "/")
		if b, ok := blocks[block].(map[string]any); ok && field != "" {
			delete(b, field)
		} else {
			delete(blocks, block)
		}
	}
	return blocks
}

// preview asks the sender's adapter what would be withheld, and expects no refusal.
func (c *conversation) preview(d harness.Draft) (withheld []string) {
	c.t.Helper()
	from, _ := d["from"].(gateway.Party)
	body, status, err := c.region.Adapters[from.Country()].Call(http.MethodPost, "/v1/preview", "", d)
	if err != nil {
		c.t.Fatal(err)
	}
	var p struct {
		Refused  *struct{ Code, Pointer string }
		Withheld []struct{ Unit string }
	}
	if err := json.Unmarshal(body, &p); err != nil || status != http.StatusOK || p.Refused != nil {
		c.t.Fatalf("previewing a %v: answered %d: %s", d["type"], status, body)
	}
	for _, w := range p.Withheld {
		withheld = append(withheld, w.Unit)
	}
	return withheld
}

// between puts a draft into this conversation: its parties, and dates that lie ahead. A
// block that is sealed to the example's recipient is sealed to this one.
func (c *conversation) between(d harness.Draft, from, to gateway.Party) harness.Draft {
	was := gateway.Party(fmt.Sprint(d["to"])).Role()
	if sealed, ok := d["sealed"].(map[string]any); ok {
		moved := map[string]any{}
		for unit, content := range sealed {
			if block, role, _ := gateway.SplitUnit(unit); role == was {
				unit = block + "@" + to.Role()
			}
			moved[unit] = content
		}
		d["sealed"] = moved
	}
	now := time.Now().UTC().Truncate(time.Second)
	for name, at := range map[string]time.Time{"answerBy": now.Add(20 * time.Hour), "ackBy": now.Add(20 * time.Hour), "effectiveAt": now} {
		if _, ok := d[name]; ok {
			d[name] = at.Format(time.RFC3339)
		}
	}
	if _, ok := d["inReplyTo"]; ok && c.last != "" {
		d["inReplyTo"] = c.last
	} else {
		delete(d, "inReplyTo")
	}
	return d.With(map[string]any{"from": from, "to": to, "thread": c.thread})
}

// example is the type's own, which a first-time integrator begins with.
func example(t *testing.T, set *schemas.Set, name string) harness.Draft {
	t.Helper()
	raw, ok := set.Example(name)
	if !ok {
		t.Fatalf("there is no example of %s", name)
	}
	var d harness.Draft
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// party is the same role in another country.
func party(c gateway.Country, p any) gateway.Party {
	return gateway.Party(fmt.Sprintf("%s/%s", c, gateway.Party(fmt.Sprint(p)).Role()))
}

// plain is a value as it is after a way through JSON.
func plain(t *testing.T, v any) any {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
