package audit

import (
	"context"
	"io"

	"example.org/trm/gateway"
)

// Decision is what the gateway decided about a message that the viewer's country sent,
// closed for the viewer: envelope.Reveal opens it with the auditor's own key.
type Decision struct {
	Entry   int64
	Pair    gateway.PairNumber
	Message gateway.MessageID
	Closed  string // JWE
}

// Decisions reads the decisions of a bundle that are what their entries commit to, in their
// order. It judges nothing else: [Verify] does.
func Decisions(ctx context.Context, in io.Reader) ([]Decision, error) {
	var out []Decision
	_, err := readBundle(ctx, in, func(p piece) {
		for _, o := range p.openings {
			if d, ok := p.decision(o); ok {
				out = append(out, d)
			}
		}
	})
	return out, err
}

func (p piece) decision(o Opened) (Decision, bool) {
	at := o.Index - p.n*chunk
	if o.Secret == nil || at >= int64(len(p.entries)) {
		return Decision{}, false
	}
	e, err := parseEntry(p.entries[at])
	if err != nil || !opens(o.Nonce, o.Opening, e.Commitment) || !opens(o.Secret.Nonce, o.Secret.Opening, e.Withheld) {
		return Decision{}, false
	}
	body, err := readOpening(o.Opening)
	if err != nil {
		return Decision{}, false
	}
	c, err := readConcealed(o.Secret.Opening)
	return Decision{o.Index, e.Pair, body.Message(), c.Auditor}, err == nil
}
