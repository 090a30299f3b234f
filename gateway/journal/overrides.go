package journal

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal/sqlite"
)

var _ gateway.Overrides = (*Journal)(nil)

// perMessage is how many approvals are kept of one message: more than any office needs, and
// an end to what one can make us store.
const perMessage = 8

const overridesOf = `
	SELECT o.message, m.iss, m.jti, m.aud, m.digest, m.pair_from, m.pair_to, m.origin, m.n, m.received_at,
		o.reason, o.rules, o.approved_at, o.lapsed_at, o.reviewed_at, o.finding, d.id
	FROM overrides o JOIN messages m ON m.seq = o.message JOIN deliveries d ON d.message = o.message `

func scanOverride(scan func(...any) error) (message int64, o gateway.Override, err error) {
	var digest []byte
	var rules string
	var at, approved, lapsed, reviewed int64
	err = scan(&message, &o.Message.Issuer, &o.Message.ID, &o.Audience, &digest, &o.Pair.From, &o.Pair.To, &o.Pair.Origin, &o.Pair.N, &at,
		&o.Reason, &rules, &approved, &lapsed, &reviewed, &o.Finding, &o.Delivery)
	if err != nil {
		return 0, o, err
	}
	copy(o.Envelope[:], digest)
	o.At, o.Approved, o.Lapsed, o.Reviewed = fromSeconds(at), fromSeconds(approved), fromSeconds(lapsed), fromSeconds(reviewed)
	return message, o, json.Unmarshal([]byte(rules), &o.Rules)
}

// overridden keeps what a message sets aside, and enters it in the log.
func overridden(tx *sqlite.Tx, message int64, o gateway.Override) error {
	if o.Reason == "" {
		return nil
	}
	rules, err := json.Marshal(o.Rules)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(`INSERT INTO overrides (message, reason, rules, approved_at) VALUES (?, ?, ?, ?)`,
		message, o.Reason, string(rules), seconds(o.Approved)); err != nil {
		return err
	}
	if err := enterOverride(tx, o, gateway.Code(o.Reason), o.At); err != nil || o.Approved.IsZero() {
		return err
	}
	return enterOverride(tx, o, approvedCode, o.At)
}

// approvedCode is the reason of the entry that an approval makes.
const approvedCode gateway.Code = "approved"

// enterOverride writes a log entry about an override. It is opened by who knows the
// message's name: the digest is of that.
func enterOverride(tx *sqlite.Tx, o gateway.Override, reason gateway.Code, at time.Time) error {
	_, err := enterDeed(tx, gateway.Deed{
		Event: gateway.Overridden, At: at, By: o.Message.Issuer, Reason: reason,
		Digest: gateway.DigestString(string(o.Message.Issuer) + " " + o.Message.ID),
	})
	return err
}

// approvals finds what was recorded for an envelope, reviews left out.
func approvals(tx *sqlite.Tx, d gateway.Digest) ([]gateway.Approval, error) {
	var out []gateway.Approval
	err := tx.Query(func(scan func(...any) error) error {
		a := gateway.Approval{Envelope: d.String()}
		var rules string
		if err := scan(&a.By, &a.ID, &a.Message.ID, &a.Reason, &rules); err != nil {
			return err
		}
		a.Message.Issuer = a.By
		out = append(out, a)
		return json.Unmarshal([]byte(rules), &out[len(out)-1].Rules)
	}, `SELECT signer, jti, message, reason, rules FROM approvals WHERE envelope = ? AND finding = ''`, d[:])
	if err != nil {
		return nil, fmt.Errorf("finding approvals: %w", err)
	}
	return out, nil
}

const answerOfApproval = `SELECT answer FROM approvals WHERE digest = ?`

// Answered finds the answer that the same approval got before.
func (j *Journal) Answered(ctx context.Context, jws string) (answer string, ok bool, err error) {
	digest := sha256.Sum256([]byte(jws))
	ok, err = j.reader.One(ctx, func(scan func(...any) error) error { return scan(&answer) }, answerOfApproval, digest[:])
	if err != nil {
		return "", false, fmt.Errorf("finding an approval: %w", err)
	}
	return answer, ok, nil
}

// Approve records an approval or a review, and what it changes, in one transaction.
func (j *Journal) Approve(ctx context.Context, a gateway.Approval, jws string, record func(gateway.Override, bool) (string, error)) (string, error) {
	envelope, err := base64.RawURLEncoding.DecodeString(a.Envelope)
	if err != nil {
		return "", fmt.Errorf("recording an approval: %w", err)
	}
	digest := sha256.Sum256([]byte(jws))
	var answer string
	err = j.writer.Do(ctx, func(tx *sqlite.Tx) error {
		err := tx.Row(answerOfApproval, digest[:]).Scan(&answer)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err := room(tx, a, envelope); err != nil {
			return err
		}
		message, o, err := scanOverride(tx.Row(overridesOf+`WHERE m.digest = ? AND m.iss = ? AND m.jti = ?`, envelope, string(a.By), a.Message.ID).Scan)
		known := err == nil
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if answer, err = record(o, known); err != nil {
			return err
		}
		now := j.o.Now()
		rules, err := json.Marshal(a.Rules)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO approvals (digest, signer, jti, message, envelope, reason, rules, finding, recorded_at, jws, answer) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			digest[:], string(a.By), a.ID, a.Message.ID, envelope, a.Reason, string(rules), a.Finding, seconds(now), jws, answer); err != nil {
			return err
		}
		if !known {
			return nil
		}
		return settleOverride(tx, message, o, a, now)
	})
	if err != nil {
		return "", fmt.Errorf("recording an approval: %w", err)
	}
	j.o.Entered()
	return answer, nil
}

// settleOverride is what an approval or a review changes about a message that is there.
func settleOverride(tx *sqlite.Tx, message int64, o gateway.Override, a gateway.Approval, now time.Time) error {
	switch {
	case a.Finding != "":
		if _, err := tx.Exec(`UPDATE overrides SET reviewed_at = ?, finding = ? WHERE message = ?`, seconds(now), a.Finding, message); err != nil {
			return err
		}
		return enterOverride(tx, o, gateway.Code(a.Finding), now)
	case o.Approved.IsZero():
		if _, err := tx.Exec(`UPDATE overrides SET approved_at = ? WHERE message = ?`, seconds(now), message); err != nil {
			return err
		}
		return enterOverride(tx, o, approvedCode, now)
	}
	return nil // one more than was needed
}

// room refuses an approval whose id names another, and one more than are kept.
func room(tx *sqlite.Tx, a gateway.Approval, envelope []byte) error {
	var same, n int
	err := tx.Row(`SELECT (SELECT count(*) FROM approvals WHERE signer = ?1 AND jti = ?2), (SELECT count(*) FROM approvals WHERE envelope = ?3 AND signer = ?1)`,
		string(a.By), a.ID, envelope).Scan(&same, &n)
	switch {
	case err != nil:
		return err
	case same > 0:
		return gateway.Refuse(gateway.CodeIDReused, "/jti", "Give another approval another jti.")
	case n >= perMessage:
		return gateway.Refuse(gateway.CodeApproval, "", "As many approvals as are kept of one message are recorded.")
	}
	return nil
}

// Unapproved returns overrides that were received before t, have no approval and are not
// yet said to have none, the oldest first.
func (j *Journal) Unapproved(ctx context.Context, t time.Time, n int) ([]gateway.Override, error) {
	return j.overrides(ctx, overridesOf+`WHERE o.approved_at = 0 AND o.lapsed_at = 0 AND m.received_at < ? ORDER BY o.message LIMIT 0 + ?`, seconds(t), n)
}

// Overrides returns the overrides of a country's parties that were received in a span of
// time, the oldest first: what its coordinator and its auditor are shown.
func (j *Journal) Overrides(ctx context.Context, c gateway.Country, from, until time.Time, n int) ([]gateway.Override, error) {
	return j.overrides(ctx, overridesOf+`WHERE m.pair_from = ? AND m.received_at >= ? AND m.received_at < ? ORDER BY o.message LIMIT 0 + ?`,
		string(c), seconds(from), seconds(until), n)
}

func (j *Journal) overrides(ctx context.Context, q string, args ...any) ([]gateway.Override, error) {
	var out []gateway.Override
	err := j.reader.Query(ctx, func(scan func(...any) error) error {
		_, o, err := scanOverride(scan)
		out = append(out, o)
		return err
	}, q, args...)
	if err != nil {
		return nil, fmt.Errorf("reading overrides: %w", err)
	}
	return out, nil
}

// Lapse records that no approval came, with its log entry and in the sender's feed, unless
// one came meanwhile.
func (j *Journal) Lapse(ctx context.Context, o gateway.Override, e gateway.Evidence) (bool, error) {
	var done bool
	err := j.writer.Do(ctx, func(tx *sqlite.Tx) error {
		done = false
		message, now, err := scanOverride(tx.Row(overridesOf+`WHERE m.iss = ? AND m.jti = ?`, string(o.Message.Issuer), o.Message.ID).Scan)
		if err != nil {
			return err
		}
		if done = now.Approved.IsZero() && now.Lapsed.IsZero(); !done {
			return nil
		}
		s := e.Statement()
		if _, err := tx.Exec(`UPDATE overrides SET lapsed_at = ? WHERE message = ?`, seconds(s.At), message); err != nil {
			return err
		}
		if err := testify(tx, message, o.Message.Issuer, o.Delivery, s, e.JWS()); err != nil {
			return err
		}
		return j.enter(tx, message, s.Event, o.Pair, opening{Event: s.Event, Issuer: o.Message.Issuer, ID: o.Message.ID, Delivery: o.Delivery, Evidence: e.JWS()}, "", "")
	})
	if err != nil {
		return false, fmt.Errorf("recording that an override was not approved: %w", err)
	}
	if done {
		j.o.Entered()
	}
	return done, nil
}

// ForgetApprovals erases approvals that were recorded before t and whose message never came.
func (j *Journal) ForgetApprovals(ctx context.Context, t time.Time, n int) (int, error) {
	var removed int64
	err := j.writer.Do(ctx, func(tx *sqlite.Tx) error {
		res, err := tx.Exec(`DELETE FROM approvals WHERE digest IN (SELECT a.digest FROM approvals a WHERE a.recorded_at < ?
			AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.iss = a.signer AND m.jti = a.message) LIMIT 0 + ?)`, seconds(t), n)
		if err != nil {
			return err
		}
		removed, err = res.RowsAffected()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("forgetting approvals: %w", err)
	}
	return int(removed), nil
}
