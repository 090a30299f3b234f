package adapters

import (
	"context"
	"slices"
	"strings"
	"time"

	"example.org/trm/adapters/incoming"
	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// Notice is all that anybody is told outside the inbox: that a message waits, under which
// reference the office can speak of it, and until when an answer is owed. It has no room
// for a type, a lane, a country or a person.
type Notice struct {
	Ref  string // six characters of Crockford's base 32
	Text string // the sentence, once in each language, a line each
	// AnswerBy is the date in Text, zero where nothing is owed.
	AnswerBy time.Time
	// Key names this notice for ever: the same in every attempt to give it, so that a
	// channel that knows it already need not give it twice. It says nothing.
	Key string
}

// Channel reaches the people of one role. Implementations are safe for concurrent use.
type Channel interface {
	// Kind names the channel in the journal: "mail", "webhook", "command". It is no
	// address.
	Kind() string
	// Notify returns nil once the other side has accepted the notice. The same
	// [Notice.Key] may come again after a crash or a lost answer. It honours ctx's
	// deadline, which is one attempt.
	//
	// An error that [gateway.IsPermanent] finds says that this notice will never be
	// accepted. Every other error is temporary, and ambiguous unless it was marked by
	// [Unsent] or is a *gateway.Problem. No error holds an address or an answer's text.
	Notify(ctx context.Context, n Notice) error
}

// Bell is how people are told that a message waits. Channels and Say must be set.
type Bell struct {
	// Channels are those of a role, in the order in which they are tried. None says that
	// nobody of the role can be told.
	Channels func(gateway.Party) []Channel
	// Say is the text of a notice: the only words that ever leave.
	Say func(ref string, answerBy, now time.Time) string
	// Every and Alternate are minutes of the urgent lane, counted from the gateway's
	// receipt: people are told again after each Every, and from Alternate on the alternate
	// too, until a person has taken the message on. Default 10 and 30 minutes.
	Every, Alternate time.Duration
	// Deadline is the time that one channel may take. Default 30 seconds.
	Deadline time.Duration
	// Retry is the wait before every channel of a role is tried again. Default 15 seconds
	// to 30 minutes.
	Retry Pace
	// GiveUp is how long after its step a notice is tried that no later step overtakes.
	// Default 24 hours.
	GiveUp time.Duration
}

func (b Bell) or() *Bell {
	set := func(d *time.Duration, otherwise time.Duration) {
		if *d <= 0 {
			*d = otherwise
		}
	}
	set(&b.Every, 10*time.Minute)
	set(&b.Alternate, 30*time.Minute)
	set(&b.Deadline, 30*time.Second)
	set(&b.GiveUp, 24*time.Hour)
	b.Retry = b.Retry.or(15*time.Second, 30*time.Minute)
	return &b
}

// Types is what an adapter knows of the table of types: which answer closes a notice.
type Types interface {
	Type(name string) (gateway.Type, bool)
}

// announce records that a delivered message waits, before its delivery is testified, so
// that no crash leaves a message that nobody was told of. Again, it changes nothing.
func (a *Adapter) announce(ctx context.Context, d store.Delivery, o incoming.Opened) error {
	h, now := o.Head, a.Now()
	n := store.Notice{
		Side: store.Inbound, Delivery: d.ID, Message: d.Message, Party: d.Audience, Other: h.Issuer, Thread: h.Thread,
		// An answer waits for nobody: whoever asked will look. It is told once in any lane.
		Lane: h.Lane, Rings: h.Lane == gateway.Urgent && h.Frame() != "answer", Purpose: h.Purpose, Test: h.Test, ReceivedAt: o.Binding.IssuedAt, MadeAt: now, Expires: d.Expires,
	}
	for _, v := range o.Views {
		if v.Party != d.Audience {
			n.Readers = append(n.Readers, v.Party)
		}
	}
	if a.Types != nil && h.Frame() == "notice" {
		t, _ := a.Types.Type(h.Type)
		n.Ack = t.Answer
	}
	if a.Bell != nil {
		n.NextAt = now
	}
	refs, err := a.refs(ctx, string(n.Side), n.Delivery)
	if err == nil {
		_, err = a.Store.Announce(ctx, n, refs)
	}
	return err
}

// rouse wakes the loop that tells people.
func (a *Adapter) rouse() {
	select {
	case a.bell <- struct{}{}:
	default:
	}
}

// crockford is the alphabet of references: no letter that is heard or read as another.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// RefLen is how many characters a reference has.
const RefLen = 6

// refs derives references for one message under the journal's key: whoever hears one
// learns nothing of what it stands for, and cannot make another. The first is used unless
// it is taken: of a thousand million, a few are.
func (a *Adapter) refs(ctx context.Context, of ...string) ([]string, error) {
	letters, err := a.derive(ctx, 5*RefLen, append([]string{"ref"}, of...)...)
	if err != nil {
		return nil, err
	}
	var out []string
	for r := range slices.Chunk([]byte(letters), RefLen) {
		out = append(out, string(r))
	}
	return out, nil
}

// derive is n letters, 32 at most, that only this adapter can make of the words.
func (a *Adapter) derive(ctx context.Context, n int, words ...string) (string, error) {
	sum, err := a.Store.Derive(ctx, words...)
	if err != nil {
		return "", err
	}
	out := make([]byte, n)
	for i := range out {
		out[i] = crockford[sum[i]&31]
	}
	return string(out), nil
}

// ParseRef reads a reference as it is said or typed: small letters, spaces and hyphens do
// not matter, and O, I and L are the digits that they look like.
func ParseRef(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case ' ', '-':
			return -1
		case 'O':
			return '0'
		case 'I', 'L':
			return '1'
		}
		return r
	}, strings.ToUpper(s))
}
