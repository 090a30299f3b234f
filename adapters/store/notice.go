package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal/sqlite"
)

// Side says whose turn it is, seen from here.
type Side string

// The sides.
const (
	Inbound  Side = "in"  // the message came here, and waits for our people
	Outbound Side = "out" // it went from here, and nobody at the other end has taken it on
)

// Notice is a message that waits for somebody, and the short reference under which an
// office speaks of it. It holds ids and times, and nothing of what the message says.
type Notice struct {
	Ref        string
	Side       Side
	Delivery   string // inbound only
	Message    gateway.MessageID
	Party      gateway.Party   // of this country: whom it waits for
	Readers    []gateway.Party // other roles here that got a part of it
	Other      gateway.Party   // the party at the other end
	Thread     string
	Lane       gateway.Lane
	Rings      bool // people are told again until one takes it on
	Purpose    string
	Test       bool
	ReceivedAt time.Time // by the gateway
	MadeAt     time.Time
	Due        time.Time // until when an answer is owed, when people were last told; zero where none is
	Expires    time.Time
	NextAt     time.Time // when the next step is due; zero where none is
	Ended      string    // why nobody is told any more; empty while somebody may be
	EndedAt    time.Time
	Ack        string    // the type that closes it once a person took it on; empty where that takes more
	AckState   string    // AckSent or AckRefused, once it was tried
	Taken      time.Time // when a person took it on, as evidence says; zero while nobody has
}

// Why nobody is told any more, where that is not the [gateway.Stage] in which the duty ended.
const (
	EndTakenOn = "taken-on" // at the other end
	EndExpired = "expired"
)

// The states of a notice's closing answer.
const (
	AckSent    = "sent"    // it is in the outbox
	AckRefused = "refused" // it cannot be made: a person answers
)

// Announce records that a message waits, unless that is recorded already: then the first
// record comes back. The first of refs that is free is its reference, so that one never
// means two messages while both are kept.
func (s *Store) Announce(ctx context.Context, n Notice, refs []string) (Notice, error) {
	var out Notice
	err := s.w.Do(ctx, func(tx *sqlite.Tx) (err error) {
		out, err = announce(tx, n, refs)
		return err
	})
	if err != nil {
		return Notice{}, fmt.Errorf("recording a notice: %w", err)
	}
	return out, nil
}

var errNoRef = errors.New("no reference is free")

func announce(tx *sqlite.Tx, n Notice, refs []string) (Notice, error) {
	for _, n.Ref = range refs {
		res, err := tx.Exec(`INSERT INTO notice
			(ref, side, delivery, issuer, jti, party, readers, other, thread, lane, rings, purpose, test,
			 received_at, made_at, due_at, expires, next_at, ack)
			VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING`,
			n.Ref, string(n.Side), n.Delivery, string(n.Message.Issuer), n.Message.ID, string(n.Party), join(n.Readers), string(n.Other),
			n.Thread, string(n.Lane), n.Rings, n.Purpose, n.Test, millis(n.ReceivedAt), millis(n.MadeAt), millis(n.Due),
			millis(n.Expires), millis(n.NextAt), n.Ack)
		if err != nil {
			return Notice{}, err
		}
		if made, err := res.RowsAffected(); err != nil {
			return Notice{}, err
		} else if made > 0 {
			return n, nil
		}
		old, err := notice(tx.Row(`SELECT `+noticeColumns+` FROM notice n WHERE side = ? AND issuer = ? AND jti = ? AND delivery = ?`,
			string(n.Side), string(n.Message.Issuer), n.Message.ID, n.Delivery))
		if !errors.Is(err, ErrUnknown) {
			return old, err
		}
	}
	return Notice{}, errNoRef
}

// Derive is a digest of the words that only this journal can make, the same for ever.
func (s *Store) Derive(ctx context.Context, words ...string) ([]byte, error) {
	key, err := s.key(ctx)
	if err != nil {
		return nil, fmt.Errorf("deriving a name: %w", err)
	}
	m := hmac.New(sha256.New, key)
	for _, w := range append([]string{"notice"}, words...) {
		fmt.Fprintf(m, "%d:%s", len(w), w)
	}
	return m.Sum(nil), nil
}

// Notice finds what a reference means, or returns [ErrUnknown].
func (s *Store) Notice(ctx context.Context, ref string) (Notice, error) {
	return notice(s.reading(ctx).Row(`SELECT `+noticeColumns+` FROM notice n WHERE ref = ?`, ref))
}

// NoticeOf finds the notice of a delivery, or returns [ErrUnknown].
func (s *Store) NoticeOf(ctx context.Context, delivery string) (Notice, error) {
	return notice(s.reading(ctx).Row(`SELECT `+noticeColumns+` FROM notice n WHERE delivery = ? AND side = 'in'`, delivery))
}

// Notices lists up to n notices, the newest first; with open, only those about which
// somebody may still be told.
func (s *Store) Notices(ctx context.Context, open bool, n int) ([]Notice, error) {
	return s.notices(ctx, `WHERE (ended = '' OR NOT ?) ORDER BY made_at DESC, ref LIMIT ?`, open, n)
}

// Waiting lists up to n notices whose next step is due, those first that are due longest.
// One whose delivery has not ended yet is left out: until when it is to be answered is not
// known before.
func (s *Store) Waiting(ctx context.Context, now time.Time, n int) ([]Notice, error) {
	return s.notices(ctx, `WHERE ended = '' AND next_at > 0 AND next_at <= ? AND (side = 'out' OR EXISTS (
		SELECT 1 FROM delivery d WHERE d.id = n.delivery AND d.state = 'delivered')) ORDER BY next_at LIMIT ?`, millis(now), n)
}

// Unacknowledged lists up to n notices that a person of the addressee took on, and whose
// closing answer is not made yet.
func (s *Store) Unacknowledged(ctx context.Context, n int) ([]Notice, error) {
	return s.notices(ctx, `WHERE side = 'in' AND ack <> '' AND ack_state = '' AND ended = '' AND EXISTS (SELECT 1 FROM evidence e
		WHERE e.delivery = n.delivery AND e.event = 'TakenOn' AND e.role = substr(n.party, instr(n.party, '/') + 1)) LIMIT ?`, n)
}

// Acked records what became of a notice's closing answer.
func (s *Store) Acked(ctx context.Context, ref, state string) error {
	return s.w.Do(ctx, func(tx *sqlite.Tx) error {
		_, err := tx.Exec(`UPDATE notice SET ack_state = ? WHERE ref = ?`, state, ref)
		return err
	})
}

// Escalated lists up to n messages of ours about which the gateway has signed that nobody
// took them on or answered in time, and that nobody here was told of yet.
func (s *Store) Escalated(ctx context.Context, n int) ([]Outgoing, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT `+outgoingColumns+` FROM outbox o
		WHERE EXISTS (SELECT 1 FROM heard h WHERE h.event = 'Escalated' AND h.issuer = o.issuer AND h.jti = o.jti)
		AND NOT EXISTS (SELECT 1 FROM notice x WHERE x.side = 'out' AND x.issuer = o.issuer AND x.jti = o.jti) LIMIT ?`, n)
	if err != nil {
		return nil, fmt.Errorf("reading what was escalated: %w", err)
	}
	defer rows.Close()
	var out []Outgoing
	for rows.Next() {
		o, err := outgoing(rows)
		if err != nil {
			return nil, fmt.Errorf("reading what was escalated: %w", err)
		}
		out = append(out, o)
	}
	return out, rows.Err()
}

// LastTold returns how the last message that a party was sent from here was announced to its
// people, as it signed: ConsignmentNotification or its failure, or empty where it never said.
func (s *Store) LastTold(ctx context.Context, p gateway.Party) (gateway.Event, error) {
	var e gateway.Event
	err := s.reading(ctx).Row(`SELECT h.event FROM heard h JOIN outbox o ON o.issuer = h.issuer AND o.jti = h.jti
		WHERE o.audience = ? AND h.event IN ('ConsignmentNotification', 'ConsignmentNotificationFailure') ORDER BY h.rowid DESC LIMIT 1`,
		string(p)).Scan(&e)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading whether a party can be told: %w", err)
	}
	return e, nil
}

// EndNotice notes why nobody is told of a notice any more. The first reason stands; what was
// still to be told is passed over.
func (s *Store) EndNotice(ctx context.Context, ref, why string, at time.Time) error {
	err := s.w.Do(ctx, func(tx *sqlite.Tx) error {
		if _, err := tx.Exec(`UPDATE ring SET state = 'passed', ended_at = ? WHERE state = 'pending' AND ref = ?`, millis(at), ref); err != nil {
			return err
		}
		_, err := tx.Exec(`UPDATE notice SET ended = ?, ended_at = ?, next_at = 0 WHERE ended = '' AND ref = ?`, why, millis(at), ref)
		return err
	})
	if err != nil {
		return fmt.Errorf("ending a notice: %w", err)
	}
	return nil
}

const noticeColumns = `ref, side, delivery, issuer, jti, party, readers, other, thread, lane, rings, purpose, test,
	received_at, made_at, due_at, expires, next_at, ended, ended_at, ack, ack_state,
	coalesce((SELECT min(made_at) FROM evidence e WHERE n.delivery <> '' AND e.delivery = n.delivery AND e.event = 'TakenOn'), 0)`

func notice(row interface{ Scan(...any) error }) (Notice, error) {
	var n Notice
	var readers string
	var received, made, due, expires, next, ended, taken int64
	err := row.Scan(&n.Ref, &n.Side, &n.Delivery, &n.Message.Issuer, &n.Message.ID, &n.Party, &readers, &n.Other, &n.Thread,
		&n.Lane, &n.Rings, &n.Purpose, &n.Test, &received, &made, &due, &expires, &next, &n.Ended, &ended, &n.Ack, &n.AckState, &taken)
	if errors.Is(err, sql.ErrNoRows) {
		return Notice{}, ErrUnknown
	}
	n.Readers = split(readers)
	n.ReceivedAt, n.MadeAt, n.Due = fromMillis(received), fromMillis(made), fromMillis(due)
	n.Expires, n.NextAt, n.EndedAt, n.Taken = fromMillis(expires), fromMillis(next), fromMillis(ended), fromMillis(taken)
	return n, err
}

func (s *Store) notices(ctx context.Context, where string, args ...any) ([]Notice, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT `+noticeColumns+` FROM notice n `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("reading notices: %w", err)
	}
	defer rows.Close()
	var out []Notice
	for rows.Next() {
		n, err := notice(rows)
		if err != nil {
			return nil, fmt.Errorf("reading notices: %w", err)
		}
		out = append(out, n)
	}
	return out, rows.Err()
}

// join and split keep a short list of parties in one column.
func join(list []gateway.Party) string {
	s := make([]string, len(list))
	for i, p := range list {
		s[i] = string(p)
	}
	slices.Sort(s)
	return strings.Join(s, " ")
}

func split(s string) []gateway.Party {
	var out []gateway.Party
	for _, p := range strings.Fields(s) {
		out = append(out, gateway.Party(p))
	}
	return out
}
