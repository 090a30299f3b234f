package gatewayrun

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/api"
	"example.org/trm/gateway/audit"
	"example.org/trm/gateway/journal"
	"example.org/trm/gateway/ledger"
	"example.org/trm/gateway/policy"
	"example.org/trm/gateway/trust"
	"example.org/trm/schemas"
)

// audits is the exporter as the door sees it.
type audits struct {
	log      *ledger.Log // nil: none
	exporter audit.Exporter
}

func (g *Gateway) audits() audits {
	return audits{g.ledger, audit.Exporter{Log: g.journal, Records: kept{g.journal}, Editions: editions{g.shelf(), g.directory.register}}}
}

// shelf is where everything lies that was ever in force: beside the journal.
func (g *Gateway) shelf() audit.Shelf {
	return audit.Shelf(filepath.Join(filepath.Dir(g.config.Journal), "editions"))
}

// Begin writes the first page of a bundle of whole days.
func (a audits) Begin(ctx context.Context, w io.Writer, viewer gateway.Party, origin string, from, to time.Time) (api.AuditRange, int64, error) {
	if a.log == nil {
		return api.AuditRange{}, 0, gateway.Refuse(gateway.CodeNotFound, "", "")
	}
	if origin == "" {
		s, err := a.log.Standing(ctx)
		if err != nil {
			return api.AuditRange{}, 0, err
		}
		origin = s.Origin
	}
	r, err := a.exporter.Range(ctx, origin, from, to)
	if errors.Is(err, audit.ErrNothing) {
		return api.AuditRange{}, 0, gateway.Refuse(gateway.CodeNotFound, "", "No witnessed checkpoint covers these days; ask for days that have passed.")
	}
	if err != nil {
		return api.AuditRange{}, 0, err
	}
	next, err := a.exporter.Page(ctx, w, viewer, r, 0)
	return api.AuditRange{Origin: r.Origin, First: r.First, Size: r.Size}, next, err
}

// Page writes a further page. What no witnessed checkpoint covers is not there.
func (a audits) Page(ctx context.Context, w io.Writer, viewer gateway.Party, r api.AuditRange, after int64) (int64, error) {
	whole, err := a.exporter.Range(ctx, r.Origin, time.Unix(0, 0), time.Unix(0, 0).AddDate(1000, 0, 0))
	if errors.Is(err, audit.ErrNothing) || err == nil && r.Size > whole.Size {
		return 0, gateway.Refuse(gateway.CodeNotFound, "", "")
	}
	if err != nil {
		return 0, err
	}
	return a.exporter.Page(ctx, w, viewer, audit.Range{Origin: r.Origin, First: r.First, Size: r.Size}, after)
}

// kept is the journal as the exporter sees it.
type kept struct{ *journal.Journal }

// Cores are the signed parts of messages, by the index of their acceptance.
func (k kept) Cores(ctx context.Context, origin string, from, to int64) (map[int64]audit.Core, error) {
	list, err := k.Journal.Cores(ctx, origin, from, to)
	out := make(map[int64]audit.Core, len(list))
	for _, m := range list {
		out[m.Index] = audit.Core{
			Protected: m.Core.Protected, Payload: m.Core.Payload, Signature: m.Core.Signature, Released: m.Released, Bound: m.Bound,
		}
	}
	return out, err
}

// Deeds are the entries of all logs that are about no message.
func (k kept) Deeds(ctx context.Context) ([]audit.Deed, error) {
	list, err := k.Journal.Deeds(ctx)
	out := make([]audit.Deed, len(list))
	for i, d := range list {
		out[i] = audit.Deed{Origin: d.Origin, Index: d.Index, Deed: d.Deed}
	}
	return out, err
}

// editions are what was ever in force.
type editions struct {
	audit.Shelf
	register *trust.Register
}

// Directories are all that were taken, and what was told over them.
func (e editions) Directories() ([]*trust.Directory, []string) {
	taken := e.register.Taken()
	return taken, taken[len(taken)-1].Statements()
}

// keepEditions puts what is in force on the shelf, before the log says that it is.
func (g *Gateway) keepEditions(rules *policy.Policy, set *schemas.Set) error {
	files, err := set.Files()
	if err != nil {
		return err
	}
	if err := errors.Join(g.shelf().KeepPolicy(rules.Digest(), rules.File()), g.shelf().KeepSchemas(set.Digest(), files)); err != nil {
		return fmt.Errorf("keeping what is in force: %w", err)
	}
	return nil
}
