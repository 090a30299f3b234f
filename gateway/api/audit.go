package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"example.org/trm/gateway"
)

// AuditRange is which entries of a log a bundle is about.
type AuditRange struct {
	Origin      string
	First, Size int64
}

// Audits writes bundles for auditors, page by page; in production it is audit.Exporter.
// Each returns where the next page begins, 0 after the last. Safe for concurrent use.
type Audits interface {
	// Begin writes the first page of the bundle of whole days, from one to the other, and
	// says what it is about. The running log is meant where the origin is empty. Of days
	// that no witnessed checkpoint covers, and of a log that is not there, it says
	// "not-found".
	Begin(ctx context.Context, w io.Writer, viewer gateway.Party, origin string, from, to time.Time) (r AuditRange, next int64, err error)
	// Page writes a further page, from an entry on.
	Page(ctx context.Context, w io.Writer, viewer gateway.Party, r AuditRange, after int64) (next int64, err error)
}

const (
	typeTar = "application/x-tar"
	dayForm = "2006-01-02"
	// exports is how many pages are made at once: each is held in memory until it is sent
	// whole, so that what is cut off on the way is noticed.
	exports = 2
)

// auditPages is GET /v1/audit?from=DAY&to=DAY: the first page of a bundle. The Link header
// (RFC 8288) names the next, until there is none.
func (d *door) audit(c echo.Context, caller gateway.Party) error {
	select {
	case d.exports <- struct{}{}:
		defer func() { <-d.exports }()
	default:
		return gateway.Unavailable(gateway.CodeBusy, 5*time.Second, errFull)
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), d.limits.Accept)
	defer cancel()
	q := c.QueryParams()
	var (
		page bytes.Buffer
		r    AuditRange
		next int64
		err  error
	)
	if q.Has("after") {
		var after int64
		if r, after, err = furtherPage(q); err == nil {
			next, err = d.Audits.Page(ctx, &page, caller, r, after)
		}
	} else {
		var from, to time.Time
		if from, to, err = days(q); err == nil {
			r, next, err = d.Audits.Begin(ctx, &page, caller, q.Get("origin"), from, to)
		}
	}
	if err != nil {
		return fmt.Errorf("making a page of a bundle: %w", err)
	}
	if next > 0 {
		further := url.Values{
			"origin": {r.Origin}, "first": {strconv.FormatInt(r.First, 10)}, "size": {strconv.FormatInt(r.Size, 10)}, "after": {strconv.FormatInt(next, 10)},
		}
		c.Response().Header().Set("Link", "</v1/audit?"+further.Encode()+`>; rel="next"`)
	}
	return d.write(c, http.StatusOK, typeTar, page.Bytes())
}

func malformedRange() error {
	return gateway.Refuse(gateway.CodeRequest, "", "Ask with from and to, each a day of UTC such as 2026-11-30, or with the address that Link names.")
}

// days reads which days are asked for.
func days(q url.Values) (from, to time.Time, err error) {
	if len(q["from"]) != 1 || len(q["to"]) != 1 || len(q["origin"]) > 1 || len(q.Get("origin")) > 64 {
		return from, to, malformedRange()
	}
	from, err = time.Parse(dayForm, q.Get("from"))
	to, err2 := time.Parse(dayForm, q.Get("to"))
	if err != nil || err2 != nil || to.Before(from) {
		return from, to, malformedRange()
	}
	return from, to, nil
}

// furtherPage reads what an earlier answer named.
func furtherPage(q url.Values) (r AuditRange, after int64, err error) {
	r.Origin = q.Get("origin")
	for name, to := range map[string]*int64{"first": &r.First, "size": &r.Size, "after": &after} {
		if *to, err = strconv.ParseInt(q.Get(name), 10, 64); err != nil || len(q[name]) != 1 {
			return r, 0, malformedRange()
		}
	}
	if r.Origin == "" || len(r.Origin) > 64 || r.First < 0 || after <= r.First || after >= r.Size {
		return r, 0, malformedRange()
	}
	return r, after, nil
}
