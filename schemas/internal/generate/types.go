package generate

import (
	"fmt"
	"maps"
	"slices"

	"example.org/trm/schemas/internal/table"
)

// Draft is the dialect of every schema here.
const Draft = "http://json-schema.org/draft-07/schema#"

// typeSchema writes the schema of a type's processed document: the head as the frame and
// the row narrow it, the clear blocks, and the outside of the sealed ones. It is flat and
// refers to nothing, because the validator walks it for every message.
func (s *Source) typeSchema(r table.Row) (node, error) {
	frame := s.Frames[r.Frame]
	props := clone(s.Head["properties"].(node))
	maps.Copy(props, clone(frame["properties"].(node)))
	required := append(texts(s.Head["required"]), texts(frame["required"])...)
	// Whether basis and agreement must be there is for policy, not for the schema: a
	// warning that lacks them still travels.
	required = append(required, r.Head...)

	props["type"].(node)["const"] = r.Name
	if s.open {
		props["codes"].(node)["pattern"] = releasePattern
	} else {
		props["codes"].(node)["const"] = s.Release
	}
	lanes := make([]string, len(r.Lanes))
	for i, l := range r.Lanes {
		lanes[i] = string(l)
	}
	props["lane"].(node)["enum"] = values(lanes)
	if len(r.Outcomes) > 0 {
		props["outcome"].(node)["enum"] = values(r.Outcomes)
	}
	narrowItems(props, "attests", r.Attests)
	narrowItems(props, "act", r.Codes)
	if act, ok := props["act"].(node); ok && (r.Frame == "notice" || r.Frame == "change") {
		act["maxItems"] = 1
	}
	if r.Frame == "answer" && len(r.Codes) > 0 {
		required = append(required, "act")
	}
	for _, b := range append(slices.Clone(r.Must), r.May...) {
		block, err := s.clearBlock(r, b)
		if err != nil {
			return nil, err
		}
		props[b] = block
	}
	required = append(required, r.Must...)
	for _, sb := range r.Sealed {
		block, ok := s.Blocks[sb.Block]
		if !ok || block["x-class"] != string(sb.Class) {
			return nil, fmt.Errorf("making the schema of %s: block %s is unknown or of another class", r.Name, sb.Block)
		}
		roles := []string{sb.Role}
		if sb.Role == "aud" {
			roles = r.Receivers
		}
		for _, role := range roles {
			unit := sb.Block + "@" + role
			props[unit] = node{
				"type": "string", "format": "compact-jwe", "x-class": string(sb.Class), "x-unit": unit,
				"description": fmt.Sprintf("%s Sealed to %s, padded to %d bytes.", block["description"], role, sb.Size),
			}
		}
	}
	slices.Sort(required)
	for _, m := range slices.Compact(required) {
		if _, ok := props[m]; !ok {
			return nil, fmt.Errorf("making the schema of %s: it requires %s and does not know it", r.Name, m)
		}
	}
	return node{
		"$schema": Draft, "title": r.Name, "description": r.About, "type": "object", "x-class": "E",
		"additionalProperties": false, "required": values(slices.Compact(required)), "properties": props,
	}, nil
}

// clearBlock narrows a clear block to what the row allows in it.
func (s *Source) clearBlock(r table.Row, name string) (node, error) {
	source, ok := s.Blocks[name]
	if !ok || source["x-class"] != "C1" {
		return nil, fmt.Errorf("making the schema of %s: %s is no clear block", r.Name, name)
	}
	b := clone(source)
	b["x-unit"] = name
	switch name {
	case "asks":
		entry(b)["code"].(node)["enum"] = values(r.Codes)
	case "results":
		narrowResults(b, r)
	case "report":
		props := b["properties"].(node)
		for m := range props {
			if _, ok := r.Report[m]; !ok {
				delete(props, m)
			}
		}
		var required []string
		for m, must := range r.Report {
			if _, ok := props[m]; !ok {
				return nil, fmt.Errorf("making the schema of %s: a report has no %s", r.Name, m)
			}
			if must {
				required = append(required, m)
			}
		}
		if slices.Sort(required); len(required) > 0 {
			b["required"] = values(required)
		}
	}
	for _, f := range r.Fields[name] {
		p, ok := b["properties"].(node)[f].(node)
		if !ok || slices.Contains(texts(b["required"]), f) {
			return nil, fmt.Errorf("making the schema of %s: %s/%s is unknown, or required and yet a unit of its own", r.Name, name, f)
		}
		p["x-unit"] = name + "/" + f
	}
	return b, nil
}

// narrowResults leaves in a result what its codes can need: a date where it may come
// later, a reason where it may be kept back, who read it where a recall is answered.
func narrowResults(b node, r table.Row) {
	props := entry(b)
	props["code"].(node)["enum"] = values(r.Codes)
	props["result"].(node)["enum"] = values(r.Results)
	has := func(code string) bool { return slices.Contains(r.Results, code) }
	if !has("later") {
		delete(props, "until")
		delete(b["additionalProperties"].(node), "if")
		delete(b["additionalProperties"].(node), "then")
	}
	if !has("withheld") && !has("kept") {
		delete(props, "reason")
	}
	if !has("kept") {
		delete(props, "readBy")
	}
}

// entry are the members of what lies under each local id of a block.
func entry(b node) node { return b["additionalProperties"].(node)["properties"].(node) }

// narrowItems allows the codes in an array of the head, each once, or drops the array.
func narrowItems(props node, member string, codes []string) {
	if len(codes) == 0 {
		delete(props, member)
		return
	}
	props[member].(node)["items"].(node)["enum"] = values(codes)
	props[member].(node)["items"].(node)["type"] = "string"
	props[member].(node)["minItems"], props[member].(node)["maxItems"] = 1, len(codes)
}

// blockSchema is a block's own schema, complete.
func (s *Source) blockSchema(name string) node {
	b := clone(s.Blocks[name])
	b["$schema"] = Draft
	return b
}

func clone(n node) node {
	out := make(node, len(n))
	for k, v := range n {
		if c, ok := v.(node); ok {
			v = clone(c)
		}
		out[k] = v
	}
	return out
}

func values(ss []string) []any {
	out := make([]any, len(ss))
	for i, s := range ss {
		out[i] = s
	}
	return out
}

func texts(v any) []string {
	list, _ := v.([]any)
	out := make([]string, len(list))
	for i, e := range list {
		out[i], _ = e.(string)
	}
	return out
}
