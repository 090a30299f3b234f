package journal

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal/sqlite"
)

// perDelivery is how many statements are kept of one delivery: more than weeks of ringing
// need, and an end to what a recipient can make us store.
const perDelivery = 1000

const cases = `
	SELECT d.id, m.iss, m.jti, m.aud, m.sd_hash, m.pair_from, m.pair_to, m.origin, m.n, d.expires
	FROM deliveries d JOIN messages m ON m.seq = d.message `

// Case finds a delivery.
func (j *Journal) Case(ctx context.Context, delivery string) (gateway.Case, bool, error) {
	var c gateway.Case
	ok, err := j.reader.One(ctx, func(scan func(...any) error) (err error) {
		c, err = scanCase(scan)
		return err
	}, cases+`WHERE d.id = ?`, delivery)
	if err != nil {
		return gateway.Case{}, false, fmt.Errorf("finding delivery: %w", err)
	}
	return c, ok, nil
}

// Lapsed returns deliveries that expired before t without final evidence, the oldest first.
func (j *Journal) Lapsed(ctx context.Context, t time.Time, n int) ([]gateway.Case, error) {
	var out []gateway.Case
	err := j.reader.Query(ctx, func(scan func(...any) error) error {
		c, err := scanCase(scan)
		out = append(out, c)
		return err
	}, cases+`WHERE d.final = '' AND d.expires < ? ORDER BY d.expires LIMIT ?`, seconds(t), n)
	if err != nil {
		return nil, fmt.Errorf("finding expired deliveries: %w", err)
	}
	return out, nil
}

func scanCase(scan func(...any) error) (c gateway.Case, err error) {
	var expires int64
	err = scan(&c.Delivery, &c.Message.Issuer, &c.Message.ID, &c.Audience, &c.SDHash,
		&c.Pair.From, &c.Pair.To, &c.Pair.Origin, &c.Pair.N, &expires)
	c.Expires = fromSeconds(expires)
	return c, err
}

// Testimony records evidence of a delivery and its log entry. A delivery that ends lets
// the next of its thread be placed. A recipient's proof, dated in time, that a delivery
// succeeded which the gateway had given up, contradicts nothing: the gateway had signed
// that it knew of none. One delivery keeps a bounded number of a recipient's statements;
// what comes after is refused for ever.
func (j *Journal) Testimony(ctx context.Context, c gateway.Case, e gateway.Evidence) error {
	var contradicts, fresh, ended bool
	var received int64
	err := j.writer.Do(ctx, func(tx *sqlite.Tx) error {
		contradicts, fresh, ended = false, false, false
		known, differs, err := stated(tx, e)
		if known || err != nil {
			return err
		}
		var message int64
		var to gateway.Country
		var urgent bool
		var final gateway.Event
		if err := tx.Row(`SELECT d.message, d.country, d.urgent, d.final, m.received_at FROM deliveries d JOIN messages m ON m.seq = d.message WHERE d.id = ?`, c.Delivery).
			Scan(&message, &to, &urgent, &final, &received); err != nil {
			return err
		}
		s := e.Statement()
		if err := bounded(tx, message, s.Signer); err != nil {
			return err
		}
		contradicts, fresh = differs, true
		switch {
		case !s.Event.Final():
		case final == "":
			ended = true
			if err := end(tx, c.Delivery, s.Event, j.o.Now(), to, urgent); err != nil {
				return err
			}
		case final != s.Event:
			late, err := inTime(tx, message, c, s)
			if err != nil {
				return err
			}
			contradicts = contradicts || !late
		}
		if err := j.heard(tx, message, s); err != nil {
			return err
		}
		if err := testify(tx, message, c.Message.Issuer, c.Delivery, s, e.JWS()); err != nil {
			return err
		}
		return j.enter(tx, message, s.Event, c.Pair, opening{
			Event: s.Event, Issuer: c.Message.Issuer, ID: c.Message.ID, Delivery: c.Delivery, Evidence: e.JWS(),
		}, "", "")
	})
	if err != nil {
		return fmt.Errorf("recording evidence: %w", err)
	}
	if s := e.Statement(); fresh && s.Signer != gateway.TheGateway {
		j.watch.recorded(ctx, c.Pair.To, j.o.Now().Sub(s.At))
	}
	if fresh {
		j.o.Entered()
	}
	if ended {
		j.watch.ended(ctx, c.Pair.To, j.o.Now().Sub(fromSeconds(received)))
		j.o.Recorded(c.Pair.To)
	}
	if contradicts {
		return gateway.ErrContradiction
	}
	return nil
}

// end gives a delivery its final event.
func end(tx *sqlite.Tx, delivery string, e gateway.Event, at time.Time, to gateway.Country, urgent bool) error {
	if _, err := tx.Exec(`UPDATE deliveries SET final = ?, ended_at = ? WHERE id = ?`, string(e), seconds(at), delivery); err != nil {
		return err
	}
	_, err := tx.Exec(`UPDATE streams SET unfinished = unfinished - 1 WHERE country = ? AND urgent = ?`, string(to), urgent)
	return err
}

// stated reports whether the statement is recorded already, also where it was signed
// twice, and whether its signer gave the same id to a different one.
func stated(tx *sqlite.Tx, e gateway.Evidence) (known, differs bool, err error) {
	s := e.Statement()
	digest := sha256.Sum256([]byte(e.JWS()))
	var event, code, delivery string
	var at int64
	var same bool
	err = tx.Row(`SELECT event, code, at, delivery, digest = ? FROM evidence WHERE signer = ? AND jti = ? ORDER BY digest = ? DESC LIMIT 1`,
		digest[:], string(s.Signer), s.ID, digest[:]).Scan(&event, &code, &at, &delivery, &same)
	if errors.Is(err, sql.ErrNoRows) {
		return false, false, nil
	}
	if err != nil {
		return false, false, err
	}
	same = same || event == string(s.Event) && code == string(s.Code) && at == seconds(s.At) && delivery == s.Delivery
	return same, !same, nil
}

func bounded(tx *sqlite.Tx, message int64, signer gateway.Party) error {
	if signer == gateway.TheGateway {
		return nil
	}
	var n int
	err := tx.Row(`SELECT count(*) FROM evidence WHERE message = ?`, message).Scan(&n)
	if err == nil && n >= perDelivery {
		return gateway.Refuse(gateway.CodeEvidence, "", "As many statements as are kept of one delivery are recorded.")
	}
	return err
}

// inTime reports whether s proves a delivery that was made before it expired and that
// only the gateway, knowing no better, had called failed.
func inTime(tx *sqlite.Tx, message int64, c gateway.Case, s gateway.Statement) (bool, error) {
	if s.Event != gateway.ContentConsignment || s.At.After(c.Expires) {
		return false, nil
	}
	var others int
	err := tx.Row(`SELECT count(*) FROM evidence WHERE message = ? AND event = ? AND signer <> ?`,
		message, string(gateway.ContentConsignmentFailure), string(gateway.TheGateway)).Scan(&others)
	return others == 0, err
}

// testify writes a signed statement, at the end of the sender's feed.
func testify(tx *sqlite.Tx, message int64, sender gateway.Party, delivery string, s gateway.Statement, jws string) error {
	var place int64
	err := tx.Row(`INSERT INTO feeds (iss, place) VALUES (?, 1) ON CONFLICT DO UPDATE SET place = place + 1 RETURNING place`, string(sender)).Scan(&place)
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte(jws))
	_, err = tx.Exec(`INSERT INTO evidence (message, iss, place, delivery, signer, jti, event, at, code, digest, jws) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		message, string(sender), place, delivery, string(s.Signer), s.ID, string(s.Event), seconds(s.At), string(s.Code), digest[:], jws)
	return err
}
