package journal

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal/sqlite"
)

// opening is what a log entry commits to. It goes to the correspondents and their
// countries' auditors (a rejection's to the sender and its own), and dies at retention. An
// acceptance's has neither envelope nor evidence: see concealed.
type opening struct {
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
	KeyID      string        `json:"key,omitempty"` // that the delivery is closed for
	Evidence   string        `json:"evidence,omitempty"`
}

// concealed is what an acceptance commits to apart, because only the sender and its auditor
// may open it: the decisions, and the receipt with the digest of the envelope as received,
// which differs from sdHash exactly where something was withheld. All of it stands
// elsewhere in the journal, and is written again as it was committed to.
type concealed struct {
	Envelope string `json:"envelope"`
	Evidence string `json:"evidence"`
	Sender   string `json:"sender"`
	Auditor  string `json:"auditor"`
}

func conceal(envelope, evidence, sender, auditor string) ([]byte, error) {
	return json.Marshal(concealed{envelope, evidence, sender, auditor})
}

// openingOf opens the entry of a message's answer.
func openingOf(r gateway.Record, jws string) opening {
	h, b := r.Head, r.Bound
	return opening{
		Event: r.Evidence.Event, Issuer: h.Issuer, ID: h.ID, Audience: h.Audience, Thread: h.Thread, Type: h.Type,
		IssuedAt: seconds(h.IssuedAt), Expires: seconds(h.Expires), ReceivedAt: seconds(r.At), Envelope: r.Digest.String(),
		Delivery: b.Binding.Delivery, SDHash: b.Binding.SDHash, Policy: b.Binding.Policy, KeyID: b.KeyID, Evidence: jws,
	}
}

// enter writes the outbox row of an event, in the transaction of the event, and beside it
// what opens it. A rejection shows neither pair nor number. An acceptance always has
// concealed decisions, so that their presence says nothing.
func (j *Journal) enter(tx *sqlite.Tx, message int64, e gateway.Event, n gateway.PairNumber, o opening, sender, auditor string) error {
	var withheld, withheldNonce []byte
	if sender != "" {
		secret, err := conceal(o.Envelope, o.Evidence, sender, auditor)
		if err != nil {
			return err
		}
		o.Envelope, o.Evidence = "", ""
		withheldNonce = fresh()
		withheld = commit(withheldNonce, secret)
	}
	body, err := json.Marshal(o)
	if err != nil {
		return err
	}
	nonce := fresh()
	var from, to, origin, number any
	if e != gateway.SubmissionRejection {
		from, to, origin, number = string(n.From), string(n.To), n.Origin, n.N
	}
	entry, err := insert(tx, `INSERT INTO log_outbox (event, pair_from, pair_to, origin, n, commitment, withheld) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		string(e), from, to, origin, number, commit(nonce, body), withheld)
	if err != nil {
		return err
	}
	closed, err := j.bodies.seal(message, "opening", string(body))
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO openings (entry, message, nonce, opening, withheld_nonce) VALUES (?, ?, ?, ?, ?)`,
		entry, message, nonce, closed, withheldNonce)
	return err
}

// enterDeed writes the outbox row of something that is about no message, and what opens it.
func enterDeed(tx *sqlite.Tx, d gateway.Deed) (gateway.LogRow, error) {
	d.At = d.At.UTC().Truncate(time.Second)
	body, err := json.Marshal(d)
	if err != nil {
		return gateway.LogRow{}, err
	}
	nonce := fresh()
	row := gateway.LogRow{Event: d.Event, Commitment: commit(nonce, body)}
	if row.Seq, err = insert(tx, `INSERT INTO log_outbox (event, commitment) VALUES (?, ?)`, string(d.Event), row.Commitment); err != nil {
		return row, err
	}
	_, err = tx.Exec(`INSERT INTO openings (entry, nonce, opening) VALUES (?, ?, ?)`, row.Seq, nonce, body)
	return row, err
}

// commit hides what it commits to from everyone who has not the nonce: ids and types are
// few enough to be guessed under a plain digest.
func commit(nonce, body []byte) []byte {
	m := hmac.New(sha256.New, nonce)
	m.Write(body)
	return m.Sum(nil)
}

func fresh() []byte {
	b := make([]byte, 32)
	rand.Read(b) // never fails (crypto/rand)
	return b
}
