package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal/sqlite"
)

// Exchange is what the conversation rules need of a message that this country sent or
// received: coded facts of its head, and what is known to have become of it. It holds
// nothing of the content.
type Exchange struct {
	// Head has those members that say who, to whom, in which conversation, on which ground,
	// about what and by when. The others are zero.
	Head       gateway.Head
	Own        bool      // this country sent it
	Said       []string  // of an own message: the sealed units and clear blocks that left with something in them
	Roles      []string  // of one that came in: the roles here that were given something of it
	Delivery   string    // of one that came in
	Reason     string    // of an applied.answer that came in: the legal reason why something was kept
	Received   time.Time // by the gateway; zero while it has not answered
	Delivered  time.Time // zero while it has not been
	Failed     time.Time // when it was testified that it will not be
	Readings   []Reading // in the order of the times
	KeepUntil  time.Time // retention: it is forgotten when all of its thread has reached it
	Progress   Progress  // of an own message, on its way out
	Change     string    // the fan-out that it is a part of, if it is
	WithheldBy string    // the rule by which the corrected part of a fan-out stayed here
}

// Reading is a person's act with a message, as its recipient testified.
type Reading struct {
	Event gateway.Event // ContentHandover or TakenOn
	Role  string        // whose person it was
	At    time.Time
}

// Read reports whether a person is known to have opened the message or taken it on.
func (x Exchange) Read() bool { return len(x.Readings) > 0 }

// Readers are the roles whose people did, sorted, each once.
func (x Exchange) Readers() []string {
	var out []string
	for _, r := range x.Readings {
		if r.Role != "" {
			out = append(out, r.Role)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// enter writes the row of a message, once.
func enter(tx *sqlite.Tx, x Exchange) error {
	h := x.Head
	a := h.Agreement
	_, err := tx.Exec(`INSERT INTO exchange (issuer, jti, audience, thread, type, lane, purpose, basis, agreement, act, outcome,
			target, in_reply_to, supersedes, answer_by, ack_by, own, said, roles, delivery, reason, received_at, delivered_at, keep_until)
		VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (issuer, jti) DO NOTHING`,
		string(h.Issuer), h.ID, string(h.Audience), h.Thread, h.Type, string(h.Lane), h.Purpose, h.Basis,
		strings.Join([]string{a.State, a.Reason, a.By, fmt.Sprint(a.Heard)}, "|"), strings.Join(h.Act, "|"), h.Outcome,
		h.Target, h.InReplyTo, h.Supersedes, millis(h.AnswerBy), millis(h.AckBy), x.Own, strings.Join(x.Said, "|"),
		strings.Join(x.Roles, "|"), x.Delivery, x.Reason,
		millis(x.Received), millis(x.Delivered), millis(x.KeepUntil))
	return err
}

// witness notes what signed evidence says of a message. The first word stands.
func witness(tx *sqlite.Tx, id gateway.MessageID, s gateway.Statement) error {
	var err error
	switch s.Event {
	case gateway.SubmissionAcceptance:
		_, err = tx.Exec(`UPDATE exchange SET received_at = ? WHERE issuer = ? AND jti = ? AND received_at = 0`, millis(s.At), string(id.Issuer), id.ID)
	case gateway.ContentConsignment:
		_, err = tx.Exec(`UPDATE exchange SET delivered_at = ? WHERE issuer = ? AND jti = ? AND delivered_at = 0`, millis(s.At), string(id.Issuer), id.ID)
	case gateway.ContentConsignmentFailure:
		_, err = tx.Exec(`UPDATE exchange SET failed_at = ? WHERE issuer = ? AND jti = ? AND failed_at = 0`, millis(s.At), string(id.Issuer), id.ID)
	case gateway.ContentHandover, gateway.TakenOn:
		_, err = tx.Exec(`INSERT INTO reading (issuer, jti, event, role, at)
			SELECT issuer, jti, ?3, ?4, ?5 FROM exchange WHERE issuer = ?1 AND jti = ?2 ON CONFLICT DO NOTHING`,
			string(id.Issuer), id.ID, string(s.Event), s.Role, millis(s.At))
	}
	return err
}

// Thread lists the messages of a conversation in the order in which the gateway received
// them; those that it has not answered yet come last. What it refused is not in it.
func (s *Store) Thread(ctx context.Context, thread string) ([]Exchange, error) {
	return s.exchanges(ctx, `WHERE x.thread = ? AND `+standing+` ORDER BY x.received_at = 0, x.received_at, x.jti`, thread)
}

// Message finds one that this country sent or received, or returns [ErrUnknown]. One that
// the gateway refused is not known.
func (s *Store) Message(ctx context.Context, id gateway.MessageID) (Exchange, error) {
	list, err := s.exchanges(ctx, `WHERE x.issuer = ? AND x.jti = ? AND `+standing, string(id.Issuer), id.ID)
	if err == nil && len(list) == 0 {
		err = ErrUnknown
	}
	if err != nil {
		return Exchange{}, err
	}
	return list[0], nil
}

// About lists the changes to a message, or to its whole conversation, that this country
// sent or received, in the order of receipt.
func (s *Store) About(ctx context.Context, id gateway.MessageID, thread string) ([]Exchange, error) {
	return s.exchanges(ctx, `WHERE (x.target = ?1 OR x.target >= ?1 || '#' AND x.target < ?1 || '$' OR x.target = ?2)
		AND x.thread = ?2 AND x.type LIKE '%.change/%' AND `+standing+` ORDER BY x.received_at = 0, x.received_at, x.jti`, id.ID, thread)
}

// Conversations lists every conversation of which something is kept, each as [Store.Thread]
// does.
func (s *Store) Conversations(ctx context.Context) ([][]Exchange, error) {
	all, err := s.exchanges(ctx, `WHERE `+standing+` ORDER BY x.thread, x.received_at = 0, x.received_at, x.jti`)
	if err != nil {
		return nil, err
	}
	var out [][]Exchange
	for i, x := range all {
		if i == 0 || all[i-1].Head.Thread != x.Head.Thread {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], x)
	}
	return out, nil
}

// Earlier is a message as the conversation rules ask for it, zero where there was none:
// what the gateway's journal answers too. What was said before this journal began is not
// here: of such a message the gateway is asked, and known is false.
func (s *Store) Earlier(ctx context.Context, id gateway.MessageID) (e gateway.Earlier, known bool, err error) {
	x, err := s.Message(ctx, id)
	switch {
	case err == nil:
		return gateway.Earlier{Audience: x.Head.Audience, Thread: x.Head.Thread, Type: x.Head.Type}, true, nil
	case !errors.Is(err, ErrUnknown):
		return e, false, fmt.Errorf("looking for an earlier message: %w", err)
	}
	var began int64
	if err := s.reading(ctx).Row(`SELECT began FROM self`).Scan(&began); err != nil {
		return e, false, fmt.Errorf("looking for an earlier message: %w", err)
	}
	at, ok := made(id.ID)
	return e, !ok || at >= began, nil
}

// made is when a UUIDv7 was made, in Unix milliseconds (RFC 9562, Section 5.7).
func made(id string) (int64, bool) {
	hex := strings.ReplaceAll(id, "-", "")
	if len(hex) != 32 || hex[12] != '7' {
		return 0, false
	}
	var ms int64
	if n, err := fmt.Sscanf(hex[:12], "%012x", &ms); n != 1 || err != nil {
		return 0, false
	}
	return ms, true
}

// standing leaves out what the gateway refused: it was never said.
const standing = `(x.own = 0 OR NOT EXISTS (SELECT 1 FROM outbox b WHERE b.issuer = x.issuer AND b.jti = x.jti AND b.state = 'refused'))`

const exchangeColumns = `x.issuer, x.jti, x.audience, x.thread, x.type, x.lane, x.purpose, x.basis, x.agreement, x.act, x.outcome,
	x.target, x.in_reply_to, x.supersedes, x.answer_by, x.ack_by, x.own, x.said, x.roles, x.delivery, x.reason, x.received_at, x.delivered_at, x.failed_at, x.keep_until,
	coalesce((SELECT group_concat(r.event || '|' || r.role || '|' || r.at, char(10)) FROM reading r WHERE r.issuer = x.issuer AND r.jti = x.jti), ''),
	coalesce((SELECT o.state FROM outbox o WHERE o.issuer = x.issuer AND o.jti = x.jti), ''),
	coalesce((SELECT p.change FROM part p WHERE p.issuer = x.issuer AND p.jti = x.jti), ''),
	coalesce((SELECT p.withheld FROM part p WHERE p.issuer = x.issuer AND p.jti = x.jti), '')`

func (s *Store) exchanges(ctx context.Context, where string, args ...any) ([]Exchange, error) {
	var out []Exchange
	err := s.r.Query(ctx, func(scan func(...any) error) error {
		x, err := exchange(scan)
		out = append(out, x)
		return err
	}, `SELECT `+exchangeColumns+` FROM exchange x `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("reading a conversation: %w", err)
	}
	return out, nil
}

// readings reads what people did with a message, as its column gives it.
func readings(s string) ([]Reading, error) {
	var out []Reading
	for line := range strings.Lines(s) {
		p := strings.Split(strings.TrimSuffix(line, "\n"), "|")
		if len(p) != 3 {
			return nil, errors.New("a reading of another form")
		}
		at, err := strconv.ParseInt(p[2], 10, 64)
		if err != nil {
			return nil, err
		}
		out = append(out, Reading{Event: gateway.Event(p[0]), Role: p[1], At: fromMillis(at)})
	}
	slices.SortFunc(out, func(a, b Reading) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Event, b.Event), cmp.Compare(a.Role, b.Role))
	})
	return out, nil
}

func exchange(scan func(...any) error) (Exchange, error) {
	var x Exchange
	var agreement, act, said, roles, read string
	var answerBy, ackBy, received, delivered, failed, keep int64
	h := &x.Head
	err := scan(&h.Issuer, &h.ID, &h.Audience, &h.Thread, &h.Type, &h.Lane, &h.Purpose, &h.Basis, &agreement, &act, &h.Outcome,
		&h.Target, &h.InReplyTo, &h.Supersedes, &answerBy, &ackBy, &x.Own, &said, &roles, &x.Delivery, &x.Reason, &received, &delivered, &failed, &keep,
		&read, &x.Progress, &x.Change, &x.WithheldBy)
	if err != nil {
		return x, err
	}
	if x.Readings, err = readings(read); err != nil {
		return x, err
	}
	if p := strings.Split(agreement, "|"); len(p) == 4 {
		h.Agreement = gateway.Agreement{State: p[0], Reason: p[1], By: p[2], Heard: p[3] == "true"}
	}
	h.Act, x.Said, x.Roles = words(act), words(said), words(roles)
	h.AnswerBy, h.AckBy = fromMillis(answerBy), fromMillis(ackBy)
	x.Received, x.Delivered, x.Failed, x.KeepUntil = fromMillis(received), fromMillis(delivered), fromMillis(failed), fromMillis(keep)
	return x, nil
}

func words(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "|")
}

// Forget erases the conversations all of whose messages have reached their retention: what
// is kept of the messages, receipts and evidence about them, and what joined them to others.
func (s *Store) Forget(ctx context.Context, now time.Time) error {
	if err := s.w.Do(ctx, func(tx *sqlite.Tx) error { return forget(tx, now) }); err != nil {
		return fmt.Errorf("forgetting conversations: %w", err)
	}
	return nil
}

func forget(tx *sqlite.Tx, now time.Time) error {
	for _, q := range []string{
		// What was escalated goes with what the gateway signed of it, and not before.
		`DELETE FROM notice WHERE side = 'out' AND EXISTS (SELECT 1 FROM exchange x WHERE x.issuer = notice.issuer AND x.jti = notice.jti
			AND NOT EXISTS (SELECT 1 FROM exchange y WHERE y.thread = x.thread AND y.keep_until >= ?1))`,
		`DELETE FROM heard WHERE EXISTS (SELECT 1 FROM exchange x WHERE x.issuer = heard.issuer AND x.jti = heard.jti
			AND NOT EXISTS (SELECT 1 FROM exchange y WHERE y.thread = x.thread AND y.keep_until >= ?1))`,
		`DELETE FROM outbox WHERE state <> 'stored' AND EXISTS (SELECT 1 FROM exchange x WHERE x.issuer = outbox.issuer AND x.jti = outbox.jti
			AND NOT EXISTS (SELECT 1 FROM exchange y WHERE y.thread = x.thread AND y.keep_until >= ?1))`,
		`DELETE FROM reading WHERE EXISTS (SELECT 1 FROM exchange x WHERE x.issuer = reading.issuer AND x.jti = reading.jti
			AND NOT EXISTS (SELECT 1 FROM exchange y WHERE y.thread = x.thread AND y.keep_until >= ?1))`,
		`DELETE FROM part WHERE NOT EXISTS (SELECT 1 FROM exchange y WHERE y.thread = part.thread AND y.keep_until >= ?1)`,
		`DELETE FROM dossier WHERE NOT EXISTS (SELECT 1 FROM exchange y WHERE y.thread = dossier.thread AND y.keep_until >= ?1)`,
		`DELETE FROM thread WHERE id IN (SELECT thread FROM exchange) AND NOT EXISTS (SELECT 1 FROM exchange y WHERE y.thread = thread.id AND y.keep_until >= ?1)`,
		`DELETE FROM exchange WHERE NOT EXISTS (SELECT 1 FROM exchange y WHERE y.thread = exchange.thread AND y.keep_until >= ?1)`,
	} {
		if _, err := tx.Exec(q, millis(now)); err != nil {
			return err
		}
	}
	_, err := tx.Exec(`DELETE FROM change WHERE NOT EXISTS (SELECT 1 FROM part WHERE part.change = change.id)`)
	return err
}

// key is the secret under which an office's references are kept.
func (s *Store) key(ctx context.Context) ([]byte, error) {
	var key []byte
	err := s.reading(ctx).Row(`SELECT key FROM self`).Scan(&key)
	if errors.Is(err, sql.ErrNoRows) {
		err = errors.New("the journal has lost its key")
	}
	return key, err
}
