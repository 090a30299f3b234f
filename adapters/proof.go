package adapters

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"example.org/trm/gateway"
)

// Bounds of what is read of a proof and of a page of a bundle.
const (
	maxProofs = 16 << 20
	maxPage   = 128 << 20
)

// Proof is an entry of the log about a message, as the gateway gives it to a correspondent:
// to be verified, not believed.
type Proof struct {
	Event     gateway.Event `json:"event"`
	State     string        `json:"state"` // waiting, pending, proven
	Origin    string        `json:"origin,omitempty"`
	Index     int64         `json:"index"`
	Entry     string        `json:"entry,omitempty"`
	Opening   string        `json:"opening,omitempty"`
	Nonce     string        `json:"nonce,omitempty"`
	Concealed *struct {
		Nonce   string `json:"nonce"`
		Opening string `json:"opening"`
	} `json:"concealed,omitempty"`
	Proof string `json:"proof,omitempty"` // C2SP tlog-proof
}

// Proofs asks for the entries about a message, in the order of recording.
func (c *Client) Proofs(ctx context.Context, as gateway.Party, id gateway.MessageID) ([]Proof, error) {
	var out struct {
		Entries []Proof `json:"entries"`
	}
	if err := c.get(ctx, as, "/v1/messages/"+string(id.Issuer)+"/"+url.PathEscape(id.ID)+"/proofs", maxProofs, &out); err != nil {
		return nil, fmt.Errorf("asking for proofs: %w", err)
	}
	return out.Entries, nil
}

// AuditDays is the address of the first page of an audit bundle of whole days. The running
// log is meant where the origin is empty.
func AuditDays(origin string, from, to time.Time) string {
	q := url.Values{"from": {from.Format(time.DateOnly)}, "to": {to.Format(time.DateOnly)}}
	if origin != "" {
		q.Set("origin", origin)
	}
	return "/v1/audit?" + q.Encode()
}

var nextPage = regexp.MustCompile(`^<(/v1/audit\?[A-Za-z0-9%&=._-]{1,500})>; rel="next"$`)

// AuditPage fetches one page of an audit bundle and returns the address of the next, empty
// after the last. The pages of one bundle, one after the other, are its archive but for the
// end.
func (c *Client) AuditPage(ctx context.Context, as gateway.Party, address string) (page []byte, next string, err error) {
	r, err := c.call(ctx, as, http.MethodGet, address, nil, nil, maxPage)
	if err == nil {
		err = r.failure()
	}
	if err != nil {
		return nil, "", fmt.Errorf("fetching a bundle: %w", err)
	}
	if m := nextPage.FindStringSubmatch(r.link); m != nil {
		next = m[1]
	}
	return r.body, next, nil
}
