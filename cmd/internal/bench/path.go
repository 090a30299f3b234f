package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"example.org/trm/adapters/incoming"
	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/sop"
)

// Stage is one step of the gateway's path, or all of it.
type Stage struct {
	Name   string  `json:"name"`
	Micros float64 `json:"micros"` // a message
}

// path is the gateway's own verb, [gateway.Receiver.Accept], with a clock in front of each
// of its parts and a journal that keeps nothing: what a message costs in processor time
// between the door and the disk.
type path struct {
	receiver gateway.Receiver
	journal  *nowhere
	spent    map[string]time.Duration

	kept  map[*message]gateway.Record
	split []Stage // of the fastest walk, which took best for each message
	best  time.Duration
}

// The stages, in their order.
var stages = [...]string{"decode", "verify", "validate", "procedure", "minimise", "bind-and-wrap", "conceal", "receipt"}

func newPath(d *desk) (*path, error) {
	keys, ok := d.keys[gateway.TheGateway]
	if !ok || keys.Evidence == nil || keys.Binding == nil {
		return nil, errors.New("the gateway has no keys")
	}
	p := &path{journal: &nowhere{}, spent: map[string]time.Duration{}, kept: map[*message]gateway.Record{}}
	notary := envelope.Notary{Keys: map[gateway.Party]*envelope.Private{gateway.TheGateway: keys.Evidence}}
	p.receiver = gateway.Receiver{
		Opener: opener{envelope.Codec{}, p}, Directory: d.directory, Catalogue: catalogue{d.catalogue, p}, Procedure: procedure{sop.Rules{Types: d.catalogue}, p}, Policy: decider{d.policy, p},
		Binder: binder{envelope.Binder{Keys: []*envelope.Private{keys.Binding}}, p}, Notary: signer{notary, p}, Journal: p.journal,
		Origin: "trm/bench", Now: time.Now, NewID: newID,
		Auditor: func(c gateway.Country) gateway.Party { return gateway.Party(c) + "/auditor" },
	}
	return p, nil
}

// accept takes a message from its envelope to the record that a journal would keep.
func (p *path) accept(ctx context.Context, m *message) (gateway.Record, error) {
	a, err := p.receiver.Accept(ctx, m.head.Issuer, m.head.Lane, gateway.Received(m.raw, time.Now()), "")
	if err == nil && a.Refusal != nil {
		err = a.Refusal
	}
	if err != nil {
		return gateway.Record{}, fmt.Errorf("accepting: %w", err)
	}
	return p.journal.last, nil
}

// clock adds the time since began to a stage.
func (p *path) clock(stage string, began time.Time) { p.spent[stage] += time.Since(began) }

// walk takes messages through the path. It keeps the records, and the split of the fastest
// walk: whatever else the machine does only ever adds.
func (p *path) walk(ctx context.Context, load []*message) error {
	clear(p.spent)
	began := time.Now()
	for _, m := range load {
		r, err := p.accept(ctx, m)
		if err != nil {
			return err
		}
		p.kept[m] = r
	}
	rest := time.Since(began) / time.Duration(len(load))
	if p.best != 0 && rest >= p.best {
		return nil
	}
	p.best, p.split = rest, p.split[:0]
	for _, s := range stages {
		each := p.spent[s] / time.Duration(len(load))
		p.split, rest = append(p.split, Stage{s, micros(each)}), rest-each
	}
	p.split = append(p.split, Stage{"all else", micros(rest)})
	return nil
}

// unwalk opens what was wrapped as the recipients' adapters do: unwrap, verify, unseal,
// validate.
func (p *path) unwalk(d *desk, load []*message) error {
	find := func(party gateway.Party) (*certs.Keys, bool) { k, ok := d.keys[party]; return k, ok }
	for _, m := range load {
		o := incoming.Office{Country: m.head.Audience.Country(), Keys: find, Directory: d.directory, Catalogue: d.catalogue}
		if _, err := o.Open(p.kept[m].Bound.Wrapped); err != nil {
			return fmt.Errorf("opening a delivery: %w", err)
		}
	}
	return nil
}

// nowhere is a journal that keeps nothing but the last record.
type nowhere struct {
	n    int64
	last gateway.Record
}

func (j *nowhere) Find(context.Context, gateway.MessageID) (gateway.Recorded, bool, error) {
	return gateway.Recorded{}, false, nil
}

func (j *nowhere) Receive(_ context.Context, _ gateway.MessageID, _ string, from, to gateway.Country, record func(gateway.Slot) (gateway.Record, error)) (gateway.Recorded, error) {
	j.n++
	r, err := record(gateway.Slot{Number: gateway.PairNumber{From: from, To: to, Origin: "trm/bench", N: j.n}})
	j.last = r
	return gateway.Recorded{Digest: r.Digest, Answer: r.Answer}, err
}

// The parts of the path, each with a clock in front.
type (
	opener struct {
		gateway.Opener
		p *path
	}
	catalogue struct {
		gateway.Catalogue
		p *path
	}
	procedure struct {
		gateway.Procedure
		p *path
	}
	decider struct {
		gateway.Policy
		p *path
	}
	binder struct {
		gateway.Binder
		p *path
	}
	signer struct {
		gateway.Notary
		p *path
	}
)

func (o opener) Decode(raw []byte) (gateway.Parts, error) {
	defer o.p.clock("decode", time.Now())
	return o.Opener.Decode(raw)
}

func (o opener) Verify(parts gateway.Parts, k gateway.Key) error {
	defer o.p.clock("verify", time.Now())
	return o.Opener.Verify(parts, k)
}

func (c catalogue) Validate(h gateway.Head, document map[string]any) error {
	defer c.p.clock("validate", time.Now())
	return c.Catalogue.Validate(h, document)
}

func (c procedure) Admit(h gateway.Head, earlier func(gateway.MessageID) (gateway.Earlier, error)) error {
	defer c.p.clock("procedure", time.Now())
	return c.Procedure.Admit(h, earlier)
}

func (d decider) Decide(q gateway.Question) gateway.Decision {
	defer d.p.clock("minimise", time.Now())
	return d.Policy.Decide(q)
}

func (b binder) Bind(c gateway.Core, units []gateway.Unit, n gateway.Binding, k gateway.Key) (gateway.Bound, error) {
	defer b.p.clock("bind-and-wrap", time.Now())
	return b.Binder.Bind(c, units, n, k)
}

func (b binder) Conceal(list []gateway.Withheld, id gateway.MessageID, k gateway.Key) (string, error) {
	defer b.p.clock("conceal", time.Now())
	return b.Binder.Conceal(list, id, k)
}

func (s signer) Testify(st gateway.Statement) (string, error) {
	defer s.p.clock("receipt", time.Now())
	return s.Notary.Testify(st)
}
