package journal

import (
	"context"

	"example.org/trm/gateway"
)

// Exchange is what is kept of who owes an answer to a message.
func (j *Journal) Exchange(ctx context.Context, id gateway.MessageID) (x gateway.Exchange, ok bool, err error) {
	ok, err = j.reader.One(ctx, func(scan func(...any) error) (err error) {
		_, x, _, err = scanExchange(scan)
		return err
	}, exchangeOf+`WHERE m.iss = ? AND m.jti = ?`, string(id.Issuer), id.ID)
	return x, ok, err
}
