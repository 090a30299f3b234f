package audit

import (
	"context"

	"example.org/trm/gateway"
	"example.org/trm/gateway/ledger"
)

// openings writes what opens those of the entries that the viewer may open.
func (x Exporter) openings(ctx context.Context, c Contents, first int64, leaves [][]byte, deeds []Deed) ([]byte, error) {
	left, err := x.Records.EntriesAt(ctx, c.Origin, first, len(leaves))
	if err != nil {
		return nil, err
	}
	cores, err := x.Records.Cores(ctx, c.Origin, first, first+int64(len(leaves)))
	if err != nil {
		return nil, err
	}
	closed, err := x.Records.Closed(ctx, c.Origin, first, first+int64(len(leaves)))
	if err != nil {
		return nil, err
	}
	byIndex := make(map[int64]gateway.LogEntry, len(left))
	for _, e := range left {
		byIndex[e.Index] = e
	}
	var text []byte
	for i, leaf := range leaves {
		index := first + int64(i)
		if index < c.First {
			continue
		}
		o, ok, err := open(leaf, byIndex[index], cores, c.Viewer.Country())
		if err != nil {
			return nil, err
		}
		if _, here := byIndex[index]; ok && !here {
			o = Opened{Purged: purge(deeds, closed[index])}
			ok = o.Purged != nil
		}
		if !ok {
			continue
		}
		o.Index = index
		line, err := marshal(o)
		if err != nil {
			return nil, err
		}
		text = append(append(text, line...), '\n')
	}
	return text, nil
}

// open is what a country's auditor may have of an entry, if anything: what opens the
// entries of its own pairs, what is concealed only of what it sent, a refusal only of its
// own message, and deeds.
func open(leaf []byte, e gateway.LogEntry, cores map[int64]Core, viewer gateway.Country) (Opened, bool, error) {
	entry, err := ledger.ParseEntry(leaf)
	if err != nil {
		return Opened{}, false, err
	}
	p := entry.Pair
	ours := p.From == viewer || p.To == viewer
	if len(e.Opening) == 0 {
		return Opened{}, ours, nil
	}
	o := Opened{Nonce: encode64(e.Nonce), Opening: string(e.Opening)}
	switch {
	case entry.Event == gateway.SubmissionRejection:
		body, err := readOpening(o.Opening)
		return o, err == nil && body.Issuer.Country() == viewer, err
	case p == (gateway.PairNumber{}):
		d, err := readDeed(o.Opening)
		return o, err == nil && (!private(entry.Event) || d.By.Country() == viewer), err
	case !ours:
		return Opened{}, false, nil
	case p.From == viewer && len(e.Concealed) > 0:
		o.Secret = &Secret{Nonce: encode64(e.ConcealedNonce), Opening: string(e.Concealed)}
	}
	if c, ok := cores[e.Index]; ok {
		o.Core = &c
	}
	return o, true, nil
}

// purge names a purge and its entry, nil where there is none.
func purge(deeds []Deed, number int64) *Purge {
	for _, d := range deeds {
		if d.Event == gateway.Purged && d.Number == number {
			return &Purge{d.Number, d.Origin, d.Index}
		}
	}
	return nil
}
