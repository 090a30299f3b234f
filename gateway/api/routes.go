package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"example.org/trm/gateway"
)

// access says who may call a route. The zero value admits nobody, so that a route which
// forgets to say is closed.
type access int

const (
	nobody    access = iota
	anyone           // also a caller who does not say who it is; nothing here tells of an exchange
	known            // every party of the directory
	offices          // the parties that exchange messages: those of a country, but for its auditor
	auditors         // the auditor of each country
	overseers        // a country's coordinator and its auditor, who look at what its offices did
	leads            // the coordinator of each country, as which its adapter acts for the country as a whole
)

// admits reports whether the party may call. An empty party is a caller who is not known.
func (a access) admits(p gateway.Party) bool {
	switch a {
	case anyone:
		return true
	case known:
		return p != ""
	case offices:
		return p.Country().Valid() && p.Kind() != "auditor"
	case auditors:
		return p.Country().Valid() && p.Kind() == "auditor"
	case overseers:
		return p.Country().Valid() && (p.Kind() == "coordinator" || p.Kind() == "auditor")
	case leads:
		return p.Country().Valid() && p.Kind() == "coordinator"
	}
	return false
}

// route is one row of the table below, which is all that the door answers.
type route struct {
	method, path string
	who          access
	handle       func(c echo.Context, caller gateway.Party) error
}

func (d *door) routes() []route {
	return []route{
		{http.MethodPost, "/v1/messages", offices, d.submit},
		{http.MethodGet, "/v1/messages/:cc/:role/:jti", offices, d.status},
		{http.MethodGet, "/v1/messages/:cc/:role/:jti/proofs", offices, d.proofs},
		{http.MethodGet, "/v1/log/checkpoint", known, d.checkpoint},
		{http.MethodGet, "/v1/log/checkpoint/daily", anyone, d.daily},
		{http.MethodGet, "/v1/log/:region/:year/checkpoint", known, d.checkpoint},
		{http.MethodGet, "/v1/log/:region/:year/tile/*", known, d.tile},
		{http.MethodGet, "/v1/audit", auditors, d.audit},
		{http.MethodPost, "/v1/preview", offices, d.preview},
		{http.MethodPost, "/v1/approvals", offices, d.approve},
		{http.MethodGet, "/v1/overrides", overseers, d.overrides},
		{http.MethodGet, "/v1/events", offices, d.events},
		{http.MethodGet, "/v1/duties", offices, d.duties},
		{http.MethodGet, "/v1/deliveries", leads, d.deliveries},
		{http.MethodPost, "/v1/evidence", leads, d.evidence},
		{http.MethodGet, "/v1/pairs/:from/:to/:origin/:n", leads, d.pair},
		{http.MethodGet, "/v1/directory", known, d.directory},
		{http.MethodGet, "/v1/schemas", anyone, d.schemaNames},
		{http.MethodGet, "/v1/schemas/*", anyone, d.schema},
		{http.MethodGet, "/v1/codes", anyone, d.codes},
		{http.MethodGet, "/v1/codes/:release", anyone, d.release},
		{http.MethodGet, "/v1/codes/:release/manifest", anyone, d.manifest},
		{http.MethodGet, "/v1/policy", anyone, d.policy},
		{http.MethodGet, "/v1/problems", anyone, d.problems},
		{http.MethodGet, "/v1/openapi.yaml", anyone, d.openAPI},
		{http.MethodGet, "/healthz", anyone, d.alive},
		{http.MethodGet, "/readyz", anyone, d.ready},
	}
}

// guard finds out who calls before the route's own handler runs. Where anyone may call,
// nobody is asked, so that no assertion is used up.
func (d *door) guard(r route) echo.HandlerFunc {
	return func(c echo.Context) error {
		var caller gateway.Party
		if r.who != anyone {
			var err error
			if caller, err = d.callers.identify(c.Request()); err != nil {
				return err
			}
			if !r.who.admits(caller) {
				return gateway.Refuse(gateway.CodeForbidden, "", "")
			}
		}
		return r.handle(c, caller)
	}
}
