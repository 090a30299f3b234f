package gateway

// Unreached is a party whose people no machine can tell that a message waits: they are
// telephoned.
type Unreached struct {
	Party     Party  `json:"party"`
	Telephone string `json:"telephone,omitempty"` // E.164; empty where the directory has none either
	// Why is "no-mailbox" or "no-telephone", as the directory has it, or "not-told", where the
	// party's own last word was that its people could not be told.
	Why string `json:"why"`
}

// Why a party is not reached.
const (
	NoMailbox   = "no-mailbox"
	NoTelephone = "no-telephone"
	NotTold     = "not-told"
)

// Unreachable lists those of the parties that the directory has no mailbox or no duty
// telephone for, each once: an office is shown them before it sends.
func Unreachable(d Directory, parties ...Party) []Unreached {
	var out []Unreached
	seen := make(map[Party]bool, len(parties))
	for _, p := range parties {
		i, ok := d.Institution(p)
		if !ok || seen[p] {
			continue
		}
		seen[p] = true
		switch {
		case i.Mailbox == "":
			out = append(out, Unreached{p, i.Duty, NoMailbox})
		case i.Duty == "":
			out = append(out, Unreached{p, "", NoTelephone})
		}
	}
	return out
}
