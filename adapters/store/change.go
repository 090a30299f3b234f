package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal/sqlite"
)

// Change is one request of an office to tell every past recipient something: a recall, a
// correction, a change of consent.
type Change struct {
	ID     string // a UUIDv7
	Repeat string // what the office calls the request
	MadeAt time.Time
	Parts  []Part
}

// Part is the message to one past recipient. It has no state of its own: what became of
// it is in the outbox and among the exchanges.
type Part struct {
	Message  gateway.MessageID // its ID is empty where the desk refused to make one
	Audience gateway.Party
	Thread   string
	Type     string
	Act      []string
	Target   string
	Withheld string       // the rule by which the corrected part does not leave
	Code     gateway.Code // why the desk refused
}

// ErrOvertaken says that something was sent since the mark: whoever chose recipients
// before has to choose again.
var ErrOvertaken = errors.New("another message was sent meanwhile")

// Dossier is a conversation that an office keeps under a reference of its own.
type Dossier struct {
	Thread string
	Party  gateway.Party // the office
}

// Dossiers lists the conversations that this country's offices keep under a reference.
func (s *Store) Dossiers(ctx context.Context, reference string) ([]Dossier, error) {
	digest, err := s.reference(ctx, reference)
	if err != nil {
		return nil, err
	}
	var out []Dossier
	err = s.r.Query(ctx, func(scan func(...any) error) error {
		var d Dossier
		err := scan(&d.Thread, &d.Party)
		out = append(out, d)
		return err
	}, `SELECT thread, party FROM dossier WHERE digest = ? ORDER BY thread, party`, digest)
	if err != nil {
		return nil, fmt.Errorf("looking for a case: %w", err)
	}
	return out, nil
}

// File notes that an office keeps a conversation under a reference of its own. The
// reference is not kept: only a digest under the journal's own key, so that whoever reads
// the journal finds no name in it. Filing again changes nothing.
func (s *Store) File(ctx context.Context, reference string, d Dossier) error {
	digest, err := s.reference(ctx, reference)
	if err != nil {
		return err
	}
	return s.w.Do(ctx, func(tx *sqlite.Tx) error { return file(tx, digest, d) })
}

func file(tx *sqlite.Tx, digest string, d Dossier) error {
	_, err := tx.Exec(`INSERT INTO dossier (digest, thread, party) VALUES (?,?,?) ON CONFLICT DO NOTHING`, digest, d.Thread, string(d.Party))
	return err
}

func (s *Store) reference(ctx context.Context, reference string) (string, error) {
	key, err := s.key(ctx)
	if err != nil {
		return "", fmt.Errorf("looking for a case: %w", err)
	}
	m := hmac.New(sha256.New, key)
	m.Write([]byte(reference))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil)), nil
}

// Mark is how far this country's sending has come: see [Store.PutChange].
func (s *Store) Mark(ctx context.Context) (int64, error) {
	var n int64
	err := s.reading(ctx).Row(sentSoFar).Scan(&n)
	return n, err
}

const sentSoFar = `SELECT coalesce(max(seq), 0) FROM exchange WHERE own = 1`

// PutChange stores a change and the envelopes of all its parts in one transaction: after
// a crash all of them will be sent, or none was promised. Its Repeat key, seen before,
// returns the change that it made first and stores nothing. If this country has stored
// another message since mark, it is [ErrOvertaken]: the one who was written to meanwhile
// is a past recipient too.
func (s *Store) PutChange(ctx context.Context, c Change, out []Outgoing, mark int64) (Change, bool, error) {
	again := false
	err := s.w.Do(ctx, func(tx *sqlite.Tx) error {
		var n int
		if err := tx.Row(`SELECT count(*) FROM change WHERE repeat_key = ?`, c.Repeat).Scan(&n); err != nil {
			return err
		}
		if again = n > 0; again {
			return nil
		}
		var now int64
		if err := tx.Row(sentSoFar).Scan(&now); err != nil {
			return err
		}
		if now != mark {
			return ErrOvertaken
		}
		if _, err := tx.Exec(`INSERT INTO change (id, repeat_key, made_at) VALUES (?,?,?)`, c.ID, c.Repeat, millis(c.MadeAt)); err != nil {
			return err
		}
		for i, p := range c.Parts {
			if _, err := tx.Exec(`INSERT INTO part (change, n, issuer, jti, audience, thread, type, act, target, withheld, code) VALUES (?,?,?,?,?,?,?,?,?,?,?)`,
				c.ID, i, string(p.Message.Issuer), p.Message.ID, string(p.Audience), p.Thread, p.Type, strings.Join(p.Act, "|"), p.Target, p.Withheld, string(p.Code)); err != nil {
				return err
			}
		}
		for _, o := range out {
			if err := put(tx, o); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, ErrOvertaken) {
		return Change{}, false, ErrOvertaken
	}
	if err != nil {
		return Change{}, false, fmt.Errorf("storing a change: %w", err)
	}
	if again {
		c, err = s.Repeats(ctx, c.Repeat)
	}
	return c, again, err
}

// Repeats finds the change that a request made, or returns [ErrUnknown].
func (s *Store) Repeats(ctx context.Context, key string) (Change, error) {
	list, err := s.changes(ctx, `WHERE c.repeat_key = ?`, key)
	if err == nil && len(list) == 0 {
		err = ErrUnknown
	}
	if err != nil {
		return Change{}, err
	}
	return list[0], nil
}

// Changes lists the requests, the newest first.
func (s *Store) Changes(ctx context.Context) ([]Change, error) {
	list, err := s.changes(ctx, ``)
	slices.Reverse(list)
	return list, err
}

func (s *Store) changes(ctx context.Context, where string, args ...any) ([]Change, error) {
	var out []Change
	err := s.r.Query(ctx, func(scan func(...any) error) error {
		var c Change
		var p Part
		var at int64
		var act string
		if err := scan(&c.ID, &c.Repeat, &at, &p.Message.Issuer, &p.Message.ID, &p.Audience, &p.Thread, &p.Type, &act, &p.Target, &p.Withheld, &p.Code); err != nil {
			return err
		}
		p.Act = words(act)
		if n := len(out); n == 0 || out[n-1].ID != c.ID {
			c.MadeAt = fromMillis(at)
			out = append(out, c)
		}
		last := &out[len(out)-1]
		last.Parts = append(last.Parts, p)
		return nil
	}, `SELECT c.id, c.repeat_key, c.made_at, p.issuer, p.jti, p.audience, p.thread, p.type, p.act, p.target, p.withheld, p.code
		FROM change c JOIN part p ON p.change = c.id `+where+` ORDER BY c.made_at, c.id, p.n`, args...)
	if err != nil {
		return nil, fmt.Errorf("reading changes: %w", err)
	}
	return out, nil
}
