package harness

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"example.org/trm/adapters"
	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/audit"
	"example.org/trm/gateway/trust"
	"example.org/trm/schemas"
)

// Bundle fetches an auditor's bundle of the running log, of yesterday and today.
func (r *Region) Bundle(as gateway.Party) ([]byte, error) {
	c := adapters.Client{
		Base: r.URL, Audience: "urn:trm:gateway", HTTP: http.DefaultClient, Now: time.Now, NewID: NewThread,
		Keys: func(p gateway.Party) (*certs.Keys, bool) {
			k, err := certs.Load(r.Certs, p)
			return k, err == nil
		},
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var bundle bytes.Buffer
	today := time.Now().UTC()
	for address := adapters.AuditDays("", today.AddDate(0, 0, -1), today); address != ""; {
		page, next, err := c.AuditPage(ctx, as, address)
		if err != nil {
			return nil, err
		}
		bundle.Write(page)
		address = next
	}
	err := audit.End(&bundle)
	return bundle.Bytes(), err
}

// Audits finds what the auditors of the region's countries would, each by himself: with a
// bundle, the pins, and nothing else.
func (r *Region) Audits() []string {
	pins, _, err := trust.ReadFolder(r.Certs)
	if err != nil {
		return []string{err.Error()}
	}
	set, err := schemas.Open()
	if err != nil {
		return []string{err.Error()}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var found []string
	for _, c := range r.countries {
		bundle, err := r.Bundle(gateway.Party(c) + "/auditor")
		if err != nil {
			found = append(found, fmt.Sprintf("the auditor of %s: %v", c, err))
			continue
		}
		report, err := audit.Verify(ctx, bytes.NewReader(bundle), audit.Options{
			Pins: pins, Types: func(digest string) (audit.Types, bool) { return set, digest == set.Digest() },
		})
		if err != nil {
			found = append(found, fmt.Sprintf("the auditor of %s: %v", c, err))
			continue
		}
		for _, f := range report.Findings {
			found = append(found, fmt.Sprintf("the auditor of %s finds, at entry %d: %s, %s: %s", c, f.Entry, f.Rule, f.Verdict, f.Says))
		}
		if report.More > 0 || report.Entries == 0 {
			found = append(found, fmt.Sprintf("the auditor of %s finds %d more, in %d entries", c, report.More, report.Entries))
		}
		r.keep(bundle)
	}
	return found
}
