package audit

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/trust"
)

// ReceiptFormat is what a receipt says of itself.
const ReceiptFormat = "trm-receipt/1"

// Receipt is one message's story as one of its correspondents may have it, with everything
// that proves it: it stands alone, and is proven with the pins and nothing else.
type Receipt struct {
	Format      string        `json:"format"`
	Viewer      gateway.Party `json:"viewer"` // whose receipt it is
	Message     MessageName   `json:"message"`
	Steps       []Step        `json:"steps"`       // in the order of recording
	Directories []string      `json:"directories"` // as the coordinators signed them, byte for byte, the first first
	Statements  []string      `json:"statements"`  // revocations, as they were signed
}

// MessageName names a message.
type MessageName struct {
	Issuer gateway.Party `json:"iss"`
	ID     string        `json:"jti"`
}

// Step is one entry of the log about the message, with what opens it.
type Step struct {
	Origin  string  `json:"origin,omitempty"` // of the log; empty while the entry waits for its place
	Index   int64   `json:"index"`
	Entry   string  `json:"entry,omitempty"` // the leaf, byte for byte
	Nonce   string  `json:"nonce"`
	Opening string  `json:"opening"`
	Secret  *Secret `json:"concealed,omitempty"` // of an acceptance, for its sender
	Proof   string  `json:"proof,omitempty"`     // C2SP tlog-proof; empty while no witnessed checkpoint covers it
}

// Pending reports whether a step has no proof yet: witnesses have not seen it.
func (r Receipt) Pending() bool {
	return len(r.Steps) == 0 || slices.ContainsFunc(r.Steps, func(s Step) bool { return s.Proof == "" })
}

// Issue makes the receipt of a message for one of its correspondents, of the entries about
// it that the correspondent may have, and of the directories and statements that prove who
// signed them. It leaves out directories that prove nothing here.
func Issue(viewer gateway.Party, id gateway.MessageID, steps []Step, taken []*trust.Directory) Receipt {
	r := Receipt{
		Format: ReceiptFormat, Viewer: viewer, Message: MessageName{id.Issuer, id.ID}, Steps: steps,
		Directories: []string{}, Statements: []string{},
	}
	for i, d := range taken {
		if i == len(taken)-1 || needed(d, taken[:i]) || r.during(d, taken[i+1]) {
			r.Directories = append(r.Directories, string(d.Signed()))
		}
	}
	if len(taken) > 0 {
		for _, jws := range taken[len(taken)-1].Statements() {
			if s, err := trust.ReadStatement(jws); err == nil && s.Kind == trust.Revocation {
				r.Statements = append(r.Statements, jws)
			}
		}
	}
	return r
}

// needed reports whether a directory lists other coordinators' keys than the one before:
// the next is proven with those.
func needed(d *trust.Directory, before []*trust.Directory) bool {
	if len(before) == 0 {
		return true
	}
	ids := func(d *trust.Directory) (out []string) {
		for _, k := range d.Pins().Keys {
			out = append(out, k.ID)
		}
		return out
	}
	return !slices.Equal(ids(d), ids(before[len(before)-1]))
}

// during reports whether a directory was in force when something in the receipt happened.
func (r Receipt) during(d, next *trust.Directory) bool {
	return slices.ContainsFunc(r.Steps, func(s Step) bool {
		t := s.when()
		return !t.IsZero() && !t.Before(d.Activates()) && t.Before(next.Activates())
	})
}

// when is the date that the step itself gives.
func (s Step) when() time.Time {
	o, err := readOpening(s.Opening)
	if err != nil {
		return time.Time{}
	}
	if o.ReceivedAt > 0 {
		return at(o.ReceivedAt)
	}
	st, _, err := codec.Examine(o.Evidence)
	if err != nil {
		return time.Time{}
	}
	return st.At
}

// maxReceipt bounds a receipt: a thousand statements, and twenty directories.
const maxReceipt = 32 << 20

// ParseReceipt reads a receipt's form. White space between its members is allowed.
func ParseReceipt(raw []byte) (Receipt, error) {
	var r Receipt
	if len(raw) > maxReceipt {
		return r, errors.New("reading a receipt: it is too long to be one")
	}
	if err := strictly(raw, &r); err != nil {
		return r, fmt.Errorf("reading a receipt: %w", err)
	}
	if r.Format != ReceiptFormat {
		return r, fmt.Errorf("reading a receipt: the format is not %s", ReceiptFormat)
	}
	_, err := gateway.ParseParty(string(r.Viewer))
	_, err2 := gateway.ParseParty(string(r.Message.Issuer))
	if err != nil || err2 != nil || !plain(r.Message.ID) || len(r.Steps) == 0 {
		return r, errors.New("reading a receipt: it names no party or message, or proves nothing")
	}
	for _, s := range r.Steps {
		if s.Origin != "" && !originForm.MatchString(s.Origin) {
			return r, errors.New("reading a receipt: a step names no log")
		}
	}
	return r, nil
}
