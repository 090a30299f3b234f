package journal_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal"
	"example.org/trm/gateway/journal/sqlite"
)

// jsonNotary signs with nothing.
type jsonNotary struct{}

func (jsonNotary) Testify(s gateway.Statement) (string, error) {
	b, err := json.Marshal(s)
	return string(b), err
}

// row is an outbox row with what opens it.
type row struct {
	Event, From, To, Origin string
	N                       sql.NullInt64
	Opening                 map[string]any
	Withheld                bool
}

// exchange records a received message, a refused one, and evidence, and returns the
// journal's file.
func exchange(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "journal.db")
	j, err := journal.Open(path, journal.Options{Origin: "o"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	}()
	give := func(id string, change func(*gateway.Record)) {
		t.Helper()
		record := usual(id)
		if _, err := j.Receive(t.Context(), nameOf(id), "thread "+id, "ba", "rs", func(s gateway.Slot) (gateway.Record, error) {
			r, err := record(s)
			r.Head.Type = "referral.request/1.0"
			change(&r)
			return r, err
		}); err != nil {
			t.Fatal(err)
		}
	}
	give("m-1", func(r *gateway.Record) {
		r.Units = []gateway.Unit{{Name: "needs", Disclosure: "canary-disclosure"}}
		r.Bound.KeyID = "rs-key"
	})
	give("m-2", func(r *gateway.Record) {
		*r = gateway.Record{
			Head: r.Head, Digest: r.Digest, At: r.At,
			Evidence: gateway.Statement{ID: "rejection", Signer: gateway.TheGateway, At: noon, Event: gateway.SubmissionRejection, Message: nameOf("m-2")},
			Answer:   gateway.Answer{Refusal: gateway.Refuse(gateway.CodePolicy, "", ""), Signed: "signed rejection"},
		}
	})
	c, ok, err := j.Case(t.Context(), "delivery of m-1")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	e, err := gateway.Testify(gateway.Statement{ID: "e", Signer: "rs/coordinator", At: noon.Add(time.Minute), Event: gateway.ContentConsignment, Message: c.Message, Delivery: c.Delivery}, jsonNotary{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second changes nothing, in the log too
		if err := j.Testimony(t.Context(), c, e); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestEveryEventHasAnEntryThatItsOpeningOpens(t *testing.T) {
	t.Parallel()
	path := exchange(t)
	write, read, err := sqlite.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = write.Close(), read.Close() }()
	rows, err := read.QueryContext(t.Context(), `
		SELECT m.seq, l.event, ifnull(l.pair_from, ''), ifnull(l.pair_to, ''), ifnull(l.origin, ''), l.n, l.commitment, l.withheld,
			o.nonce, o.opening, o.withheld_nonce, ifnull(m.sender, ''), ifnull(m.auditor, ''), e.jws
		FROM log_outbox l JOIN openings o ON o.entry = l.seq JOIN messages m ON m.seq = o.message
		JOIN evidence e ON e.message = m.seq AND e.delivery = '' ORDER BY l.seq`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	opens := func(nonce, body, commitment []byte) bool {
		m := hmac.New(sha256.New, nonce)
		m.Write(body)
		return len(nonce) == 32 && hmac.Equal(m.Sum(nil), commitment)
	}
	var got []row
	nonces := map[string]bool{}
	for rows.Next() {
		var r row
		var seq int64
		var commitment, withheld, nonce, opening, withheldNonce, sender, auditor []byte
		var receipt string
		if err := rows.Scan(&seq, &r.Event, &r.From, &r.To, &r.Origin, &r.N, &commitment, &withheld, &nonce, &opening, &withheldNonce, &sender, &auditor, &receipt); err != nil {
			t.Fatal(err)
		}
		plain := func(column string, part []byte) string {
			t.Helper()
			s, err := journal.OpenBody(path, seq, column, part)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		opening = []byte(plain("opening", opening))
		if !opens(nonce, opening, commitment) {
			t.Errorf("%s: the opening does not open the commitment", r.Event)
		}
		if r.Withheld = withheld != nil; r.Withheld && !opens(withheldNonce, concealed(t, plain("sender", sender), plain("auditor", auditor), receipt), withheld) {
			t.Errorf("%s: what is concealed does not open its commitment", r.Event)
		}
		if nonces[string(nonce)] || nonces[string(withheldNonce)] && withheldNonce != nil {
			t.Errorf("%s: a nonce was used before", r.Event)
		}
		nonces[string(nonce)], nonces[string(withheldNonce)] = true, true
		if err := json.Unmarshal(opening, &r.Opening); err != nil {
			t.Fatal(err)
		}
		if r.Event != string(gateway.SubmissionAcceptance) {
			delete(r.Opening, "evidence")
		}
		got = append(got, r)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	first := sql.NullInt64{Int64: 1, Valid: true}
	want := []row{
		{Event: "SubmissionAcceptance", From: "ba", To: "rs", Origin: "o", N: first, Withheld: true, Opening: map[string]any{
			"event": "SubmissionAcceptance", "iss": "ba/coordinator", "jti": "m-1", "aud": "rs/coordinator", "thread": "thread m-1", "type": "referral.request/1.0",
			"exp": float64(noon.Add(time.Hour).Unix()), "receivedAt": float64(noon.Unix()),
			"delivery": "delivery of m-1", "sdHash": "hash", "policy": "policy", "key": "rs-key",
		}},
		{Event: "SubmissionRejection", Opening: map[string]any{
			"event": "SubmissionRejection", "iss": "ba/coordinator", "jti": "m-2", "aud": "rs/coordinator", "thread": "thread m-2", "type": "referral.request/1.0",
			"exp": float64(noon.Add(time.Hour).Unix()), "receivedAt": float64(noon.Unix()), "envelope": gateway.Digest{}.String(),
		}},
		{Event: "ContentConsignment", From: "ba", To: "rs", Origin: "o", N: first, Opening: map[string]any{
			"event": "ContentConsignment", "iss": "ba/coordinator", "jti": "m-1", "delivery": "delivery of m-1",
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the outbox (-want +got):\n%s", diff)
	}
}

// concealed is what the sender and its auditor open, made of what the journal holds. A
// recipient that had the envelope's digest beside sdHash would know whether something was
// withheld.
func concealed(t *testing.T, sender, auditor, receipt string) []byte {
	t.Helper()
	b, err := json.Marshal(struct {
		Envelope string `json:"envelope"`
		Evidence string `json:"evidence"`
		Sender   string `json:"sender"`
		Auditor  string `json:"auditor"`
	}{gateway.Digest{}.String(), receipt, sender, auditor})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Of what was released only digests are kept, and of what was signed only the signed part.
func TestUnitsAreNotOnDisk(t *testing.T) {
	t.Parallel()
	path := exchange(t)
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte("canary")) {
			t.Errorf("%s holds a disclosure", filepath.Base(f))
		}
		if bytes.Contains(b, []byte(strings.Repeat("w", 1000))) {
			t.Errorf("%s holds a wrapped delivery that is under no key", filepath.Base(f))
		}
	}
	// The search finds what is there.
	if b, err := os.ReadFile(path); err != nil || !bytes.Contains(b, []byte("delivery of m-1")) {
		t.Errorf("the id of the delivery is not found either: %v", err)
	}
}
