package journal

import (
	"context"
	"fmt"

	"example.org/trm/gateway"
)

var _ gateway.Memory = (*Journal)(nil)

const (
	factsOf   = `SELECT opener, other, accepted, declined, closed, withdrawn, of_age, last FROM threads WHERE thread = ?`
	earlierOf = `SELECT aud, thread, type FROM messages WHERE iss = ? AND jti = ? AND refusal IS NULL`
)

func scanFacts(scan func(...any) error) (f gateway.ThreadFacts, err error) {
	err = scan(&f.Opener, &f.Other, &f.Accepted, &f.Declined, &f.Closed, &f.Withdrawn, &f.OfAge, &f.Last)
	return f, err
}

func scanEarlier(scan func(...any) error) (e gateway.Earlier, err error) {
	err = scan(&e.Audience, &e.Thread, &e.Type)
	return e, err
}

// Facts returns what a thread has established, as [Journal.Receive] gives it to a message
// that comes now.
func (j *Journal) Facts(ctx context.Context, thread string) (gateway.ThreadFacts, error) {
	var f gateway.ThreadFacts
	_, err := j.reader.One(ctx, func(scan func(...any) error) (err error) {
		f, err = scanFacts(scan)
		return err
	}, factsOf, thread)
	if err != nil {
		return gateway.ThreadFacts{}, fmt.Errorf("reading a thread's facts: %w", err)
	}
	return f, nil
}

// Earlier finds what another message may refer to. A refused one was never said.
func (j *Journal) Earlier(ctx context.Context, id gateway.MessageID) (gateway.Earlier, error) {
	var e gateway.Earlier
	_, err := j.reader.One(ctx, func(scan func(...any) error) (err error) {
		e, err = scanEarlier(scan)
		return err
	}, earlierOf, string(id.Issuer), id.ID)
	if err != nil {
		return gateway.Earlier{}, fmt.Errorf("finding an earlier message: %w", err)
	}
	return e, nil
}
