package outgoing

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"example.org/trm/gateway"
	"example.org/trm/gateway/policy/leak"
)

// Found is a place in a draft's free text that would identify or locate somebody. It does
// not hold the text.
type Found struct {
	Pointer string `json:"pointer"` // to the text, in the draft
	leak.Finding
}

// The one block and the one member of it in which a message has free text.
const (
	noteBlock = "note"
	noteText  = "text"
)

// Found looks through the free text of the draft, which nobody can once it is sealed. The
// order is that of the units' names and of each text.
func (d Draft) Found() []Found {
	var out []Found
	for _, unit := range slices.Sorted(maps.Keys(d.Sealed)) {
		if block, _, _ := gateway.SplitUnit(unit); block != noteBlock {
			continue
		}
		text, _ := d.Sealed[unit][noteText].(string)
		for _, f := range leak.Scan(text) {
			out = append(out, Found{"/sealed/" + unit + "/" + noteText, f})
		}
	}
	return out
}

// telling refuses a draft whose free text says more than it may. In the urgent lane it
// does not: somebody may be in danger, and the officer is shown what was found.
func (c *composition) telling() *gateway.Problem {
	if len(c.found) == 0 || c.head.Lane == gateway.Urgent {
		return nil
	}
	return gateway.Refuse(gateway.CodeNoteIdentifies, c.found[0].Pointer, "Take out: "+listed(c.found)+".")
}

// mostListed is how many finds a hint names; the preview has all.
const mostListed = 6

func listed(found []Found) string {
	var b strings.Builder
	for i, f := range found {
		switch {
		case i == mostListed:
			fmt.Fprintf(&b, ", and %d more", len(found)-i)
			return b.String()
		case i > 0:
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s (%s)", f.Kind, f.Where())
	}
	return b.String()
}

// Where is the place for people, who count from one.
func (f Found) Where() string { return fmt.Sprintf("characters %d to %d", f.From+1, f.To) }
