// Package table reads schemas/types.csv, the one table from which everything about a
// type of message is derived.
package table

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/trm/gateway"
)

// Row is a line of the table: the gateway's view of the type, and what only the schemas,
// the deadlines and the reference pages need.
type Row struct {
	gateway.Type
	Due      gateway.Due            // how long the receiver has
	Terms    map[string]gateway.Due // by code in act, where a question has its own term
	Codes    []string               // what act may hold: question codes in requests and answers, the notice's or the change's own codes
	Outcomes []string               // answers only
	Results  []string               // answers only: what a result may be
	Report   map[string]bool        // members of the report block; true where it must be there
	Head     []string               // head members beyond those of the frame, all required
	About    string                 // one or two sentences for people
}

// Parse reads the table. Every cell is checked for its form; whether the cells agree
// with the blocks and the code lists is checked where those are known.
func Parse(data []byte) ([]Row, error) {
	r := csv.NewReader(bytes.NewReader(data))
	lines, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("reading the table of types: %w", err)
	}
	if len(lines) < 2 {
		return nil, fmt.Errorf("reading the table of types: it has no rows")
	}
	var rows []Row
	for _, line := range lines[1:] {
		cells := make(map[string]string, len(line))
		for i, name := range lines[0] {
			cells[name] = line[i]
		}
		row, err := parseRow(cells)
		if err != nil {
			return nil, fmt.Errorf("reading type %s: %w", cells["type"], err)
		}
		rows = append(rows, row)
	}
	// An answer has the question codes of its request: "=info.request/1.0".
	for i, row := range rows {
		if len(row.Codes) != 1 || !strings.HasPrefix(row.Codes[0], "=") {
			continue
		}
		j := slices.IndexFunc(rows, func(r Row) bool { return "="+r.Name == row.Codes[0] })
		if j < 0 {
			return nil, fmt.Errorf("reading type %s: its codes point to no type", row.Name)
		}
		rows[i].Codes = rows[j].Codes
	}
	return rows, nil
}

func parseRow(c map[string]string) (Row, error) {
	row := Row{Type: gateway.Type{
		Name:      c["type"],
		Must:      list(c["must"]),
		May:       list(c["may"]),
		Fields:    map[string][]string{},
		Senders:   list(c["senders"]),
		Receivers: list(c["receivers"]),
		Bases:     list(c["bases"]),
		Attests:   list(c["attests"]),
		Answer:    c["answer"],
	}, Codes: list(c["codes"]), Outcomes: list(c["outcomes"]), Results: list(c["results"]), Head: list(c["head"]), About: c["about"]}
	h := gateway.Head{Type: row.Name}
	row.Topic, row.Frame = h.Topic(), h.Frame()
	if !slices.Contains([]string{"request", "answer", "notice", "change"}, row.Frame) {
		return Row{}, fmt.Errorf("frame is none of the four")
	}
	for _, l := range list(c["lanes"]) {
		row.Lanes = append(row.Lanes, gateway.Lane(l))
	}
	for _, f := range list(c["fields"]) {
		block, _, field := gateway.SplitUnit(f)
		row.Fields[block] = append(row.Fields[block], field)
	}
	for _, m := range list(c["report"]) {
		if row.Report == nil {
			row.Report = map[string]bool{}
		}
		name, optional := strings.CutSuffix(m, "?")
		row.Report[name] = !optional
	}
	var err error
	if row.Digests, err = strconv.Atoi(c["digests"]); err != nil {
		return Row{}, fmt.Errorf("reading digests: %w", err)
	}
	if row.Sealed, err = sealed(c["sealed"]); err != nil {
		return Row{}, err
	}
	if row.MaxLife, err = span(c["life"]); err != nil {
		return Row{}, err
	}
	if row.Retention, err = span(c["retention"]); err != nil {
		return Row{}, err
	}
	if row.Due, err = due(c["normal"], c["child"], c["urgent"]); err != nil {
		return Row{}, err
	}
	row.Terms, err = terms(c["terms"])
	return row, err
}

func sealed(cell string) ([]gateway.SealedBlock, error) {
	var out []gateway.SealedBlock
	for _, s := range list(cell) {
		parts := strings.Split(s, ":")
		if len(parts) != 3 {
			return nil, fmt.Errorf("reading a sealed block: the form is block@role:class:size")
		}
		block, role, _ := gateway.SplitUnit(parts[0])
		size, err := strconv.Atoi(parts[2])
		if err != nil || role == "" {
			return nil, fmt.Errorf("reading a sealed block: the form is block@role:class:size")
		}
		out = append(out, gateway.SealedBlock{Block: block, Role: role, Class: gateway.Class(parts[1]), Size: size})
	}
	return out, nil
}

func terms(cell string) (map[string]gateway.Due, error) {
	out := map[string]gateway.Due{}
	for _, s := range list(cell) {
		code, three, _ := strings.Cut(s, ":")
		p := strings.Split(three, "/")
		if len(p) != 3 {
			return nil, fmt.Errorf("reading terms: the form is code:normal/child/urgent")
		}
		d, err := due(p[0], p[1], p[2])
		if err != nil {
			return nil, err
		}
		out[code] = d
	}
	return out, nil
}

func due(normal, child, urgent string) (d gateway.Due, err error) {
	if d.Normal, err = gateway.ParseTerm(normal); err != nil {
		return gateway.Due{}, err
	}
	if d.Child, err = gateway.ParseTerm(child); err != nil {
		return gateway.Due{}, err
	}
	d.Urgent, err = gateway.ParseTerm(urgent)
	return d, err
}

// span reads a number of calendar days: "30d".
func span(s string) (time.Duration, error) {
	t, err := gateway.ParseTerm(s)
	if err != nil || t.Unit != "d" {
		return 0, fmt.Errorf("reading a span: %q is not a number of days", s)
	}
	return time.Duration(t.N) * 24 * time.Hour, nil
}

func list(cell string) []string {
	if cell == "" {
		return nil
	}
	return strings.Split(cell, "|")
}
