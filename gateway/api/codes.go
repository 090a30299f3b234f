package api

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"example.org/trm/gateway"
	"example.org/trm/schemas"
)

// issue is a release of the code lists as /v1/codes lists it.
type issue struct {
	Release    string        `json:"release"`
	State      schemas.State `json:"state"`
	Published  time.Time     `json:"published,omitzero"`
	Activates  time.Time     `json:"activates,omitzero"`
	Supersedes string        `json:"supersedes,omitempty"`
	Until      time.Time     `json:"until,omitzero"` // accepted until then; absent while nothing follows
	Signed     bool          `json:"signed"`         // there is a manifest to take; what is built in has none
}

// codes are the code lists of the current release, the releases that are accepted, and
// every release that is here with where it stands in its life.
func (d *door) codes(c echo.Context, _ gateway.Party) error {
	issues := []issue{}
	for _, i := range d.Schemas.Issues() {
		issues = append(issues, issue{i.Release, i.State, i.Published, i.Activates, i.Supersedes, i.Until, i.Signed != nil})
	}
	return d.json(c, struct {
		Release  string         `json:"release"`
		Accepted []string       `json:"accepted"`
		Releases []issue        `json:"releases"`
		Lists    []schemas.List `json:"lists"`
	}{d.Schemas.Release(), orEmpty(d.Schemas.Releases()), issues, orEmpty(d.Schemas.Lists())})
}

// release is one release with all its lists, whatever its state: what was once said stays
// readable.
func (d *door) release(c echo.Context, _ gateway.Party) error {
	r, ok := d.Schemas.Published(param(c, "release"))
	if !ok {
		return gateway.Refuse(gateway.CodeNotFound, "", "Take a release that /v1/codes lists.")
	}
	body, err := r.Marshal()
	if err != nil {
		return err
	}
	return d.write(c, http.StatusOK, typeJSON, body)
}

// manifest is a release's manifest, exactly as the coordinators signed it.
func (d *door) manifest(c echo.Context, _ gateway.Party) error {
	for _, i := range d.Schemas.Issues() {
		if i.Release == param(c, "release") && i.Signed != nil {
			return d.write(c, http.StatusOK, typeJSON, i.Signed)
		}
	}
	return gateway.Refuse(gateway.CodeNotFound, "", "Take a release that /v1/codes lists as signed.")
}
