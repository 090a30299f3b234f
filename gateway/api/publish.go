package api

import (
	_ "embed"
	"maps"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"example.org/trm/gateway"
)

//go:embed openapi.yaml
var openAPI []byte

// directory hands out the directory in force, exactly as it was signed.
func (d *door) directory(c echo.Context, _ gateway.Party) error {
	return d.write(c, http.StatusOK, typeJSON, d.Directory.Signed())
}

// schemaNames lists what /v1/schemas/{name} knows.
func (d *door) schemaNames(c echo.Context, _ gateway.Party) error {
	return d.json(c, struct {
		Release string   `json:"release"`
		Digest  string   `json:"digest"`
		Names   []string `json:"names"`
	}{d.Schemas.Release(), d.Schemas.Digest(), orEmpty(d.Schemas.Names())})
}

// schema is one schema. The name of a type's holds a slash, so it is the rest of the path.
func (d *door) schema(c echo.Context, _ gateway.Party) error {
	body, ok := d.Schemas.Schema(param(c, "*"))
	if !ok {
		return gateway.Refuse(gateway.CodeNotFound, "", "Take a name that /v1/schemas lists.")
	}
	return d.write(c, http.StatusOK, typeSchema, body)
}

// policy is the rules in force, in plain words.
func (d *door) policy(c echo.Context, _ gateway.Party) error {
	return d.write(c, http.StatusOK, typeJSON, d.Policy)
}

// problems is the catalogue of everything that can be refused.
func (d *door) problems(c echo.Context, _ gateway.Party) error {
	type entry struct {
		Type   string       `json:"type"`
		Code   gateway.Code `json:"code"`
		Status int          `json:"status"`
		Title  string       `json:"title"`
		Detail string       `json:"detail"`
	}
	list := []entry{}
	for _, code := range slices.Sorted(maps.Keys(gateway.Codes)) {
		doc := gateway.Refuse(code, "", "").Document()
		list = append(list, entry{doc.Type, doc.Code, doc.Status, doc.Title, doc.Detail})
	}
	return d.json(c, struct {
		Problems []entry `json:"problems"`
	}{list})
}

// openAPI is the description of this door.
func (d *door) openAPI(c echo.Context, _ gateway.Party) error {
	return d.write(c, http.StatusOK, typeYAML, openAPI)
}

// orEmpty writes [] where there is nothing.
func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
