package audit

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/ledger"
)

// Opening is what an entry commits to, as the journal wrote it. An acceptance's has neither
// envelope nor evidence: see [Concealed].
type Opening struct {
	Event      gateway.Event `json:"event"`
	Issuer     gateway.Party `json:"iss"`
	ID         string        `json:"jti"`
	Audience   gateway.Party `json:"aud,omitempty"`
	Thread     string        `json:"thread,omitempty"`
	Type       string        `json:"type,omitempty"`
	IssuedAt   int64         `json:"iat,omitempty"`
	Expires    int64         `json:"exp,omitempty"`
	ReceivedAt int64         `json:"receivedAt,omitempty"`
	Envelope   string        `json:"envelope,omitempty"`
	Delivery   string        `json:"delivery,omitempty"`
	SDHash     string        `json:"sdHash,omitempty"`
	Policy     string        `json:"policy,omitempty"`
	KeyID      string        `json:"key,omitempty"`
	Evidence   string        `json:"evidence,omitempty"`
}

// Message names the message that the opening is about.
func (o Opening) Message() gateway.MessageID {
	return gateway.MessageID{Issuer: o.Issuer, ID: o.ID}
}

// Concealed is what an acceptance commits to apart, for the sender and its auditor: the
// digest of the envelope as received, the receipt, and the decisions, closed for each.
type Concealed struct {
	Envelope string `json:"envelope"`
	Evidence string `json:"evidence"`
	Sender   string `json:"sender"`
	Auditor  string `json:"auditor"`
}

// opens reports whether the text under the nonce is what was committed to.
func opens(nonce, text string, commitment []byte) bool {
	n, err := base64.RawURLEncoding.Strict().DecodeString(nonce)
	return err == nil && len(n) == 32 && string(ledger.Commit(n, []byte(text))) == string(commitment)
}

// readOpening reads an opening strictly.
func readOpening(text string) (o Opening, err error) {
	if !plain(text) {
		return o, errForm
	}
	err = committed(text, &o)
	return o, err
}

func readConcealed(text string) (c Concealed, err error) {
	if !plain(text) {
		return c, errForm
	}
	err = committed(text, &c)
	return c, err
}

// plain reports whether a text holds only what ids, codes, digests and tokens are written
// with, so that whatever is in it can be printed.
func plain(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' || r == '\\' })
}

func readDeed(text string) (d gateway.Deed, err error) {
	err = committed(text, &d)
	return d, err
}

// committed reads what the journal committed to, which is what encoding/json writes, and
// nothing that reads alike.
func committed(text string, v any) error {
	if _, err := envelope.DecodeJSON([]byte(text)); err != nil {
		return errForm
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return errForm
	}
	if again, err := json.Marshal(v); err != nil || string(again) != text {
		return errForm
	}
	return nil
}

// at is a time as an opening holds it.
func at(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
