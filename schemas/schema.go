package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/xeipuuv/gojsonreference"
	"github.com/xeipuuv/gojsonschema"
)

// node is a JSON Schema as encoding/json reads it.
type node = map[string]any

// schema is a compiled schema with its tree, which says how far a document can reach
// and what a fault is called. It is read only and safe for concurrent use.
type schema struct {
	raw      []byte
	tree     node
	compiled *gojsonschema.Schema
}

func compileFile(fsys fs.FS, name string) (*schema, error) {
	raw, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	return compile(name, raw)
}

func compile(name string, raw []byte) (s *schema, err error) {
	registerFormats()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	s = &schema{raw: raw}
	if err := d.Decode(&s.tree); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	l := gojsonschema.NewSchemaLoader()
	l.AutoDetect, l.Draft = false, gojsonschema.Draft7
	if s.compiled, err = l.Compile(closed{s.tree}); err != nil {
		return nil, fmt.Errorf("compiling %s: %w", name, err)
	}
	return s, nil
}

// closed loads a schema that is already in memory, and nothing else: gojsonschema's own
// loaders fetch a remote reference and read a local file when a schema names one.
type closed struct{ doc any }

var errReference = errors.New("a schema refers to nothing outside itself")

//lint:ignore ST1003 gojsonschema names it so
func (c closed) JsonSource() any { return c.doc }

//lint:ignore ST1003 gojsonschema names it so
func (c closed) JsonReference() (gojsonreference.JsonReference, error) {
	return gojsonreference.NewJsonReference("#")
}

func (c closed) LoaderFactory() gojsonschema.JSONLoaderFactory { return closed{} }

func (c closed) New(string) gojsonschema.JSONLoader { return closed{} }

func (c closed) LoadJSON() (any, error) {
	if c.doc == nil {
		return nil, errReference
	}
	return c.doc, nil
}
