package twin

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal/sqlite"
	"example.org/trm/test/harness"
)

// traces are what a region left behind, by store, each line without what is an accident of
// the run.
type traces map[string][]string

// journal reads every row of every table of a database that nobody has open.
func journal(t *testing.T, path string) []string {
	t.Helper()
	w, db, err := sqlite.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	defer db.Close()
	names, err := db.QueryContext(t.Context(), `SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`)
	if err != nil {
		t.Fatal(err)
	}
	var tables []string
	for names.Next() {
		var name string
		if err := names.Scan(&name); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, name)
	}
	if err := names.Err(); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, table := range tables {
		rows, err := db.QueryContext(t.Context(), `SELECT * FROM "`+table+`"`)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(any)
			}
			if err := rows.Scan(values...); err != nil {
				t.Fatal(err)
			}
			line := table
			for i, c := range columns {
				v := normal(*values[i].(*any))
				if (table == "notice" || table == "ring") && c == "ref" {
					v = "<ref>" // what a person is told on the telephone is drawn by lot
				}
				line += " " + c + "=" + v
			}
			lines = append(lines, line)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(lines)
	return lines
}

// log reads what a process printed: the different lines of it, because how often somebody
// asks is an accident.
func log(p *harness.Program) []string {
	set := map[string]bool{}
	for line := range bytes.Lines(p.Output()) {
		var m map[string]any
		if err := json.Unmarshal(line, &m); err != nil {
			set[text(string(line))] = true
			continue
		}
		if m["msg"] == "told that a message waits" {
			m["ref"] = "<ref>"
		}
		set[normal(m)] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// aof reads the different commands that Redis wrote to disk.
func aof(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "appendonlydir", "*.incr.aof"))
	if err != nil || len(files) == 0 {
		t.Fatalf("found no append-only file: %v", err)
	}
	set := map[string]bool{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(bytes.NewReader(b))
		for {
			n, err := number(in, '*')
			if err != nil {
				break
			}
			var words []string
			for range n {
				size, err := number(in, '$')
				if err != nil {
					t.Fatal("the append-only file is not as expected")
				}
				word := make([]byte, size+2)
				if _, err := io.ReadFull(in, word); err != nil {
					t.Fatal("the append-only file ends early")
				}
				words = append(words, text(string(word[:size])))
			}
			if i := slices.Index(words, "maxlen"); i > 0 && i+2 < len(words) {
				words[i+2] = "<length>" // of the stream: whether the one before it was read by then
			}
			if words[0] == "xclaim" {
				words = words[:3] // how often a lease was renewed is the machine's doing
			}
			set[strings.Join(words, " ")] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

func number(in *bufio.Reader, mark byte) (int, error) {
	line, err := in.ReadString('\n')
	if err != nil || line[0] != mark {
		return 0, fmt.Errorf("no %c", mark)
	}
	return strconv.Atoi(strings.TrimSpace(line[1:]))
}

// polled says of a span or a series that an adapter's own clock made it, whatever is
// exchanged: in a short test it may not have come to that.
func polled(of string) bool {
	return slices.ContainsFunc([]string{"/v1/events", "/v1/codes", "/v1/directory", "/v1/log/checkpoint"}, func(route string) bool { return strings.Contains(of, route) })
}

// spans reads the different spans that a service exported, without their times.
func spans(r *harness.Region, service string) []string {
	set := map[string]bool{}
	for _, s := range r.Spans.All() {
		if s.Service != service || polled(s.Name) {
			continue
		}
		for i, a := range s.Attributes {
			s.Attributes[i] = text(a)
		}
		set[fmt.Sprintf("%s %s, child %t, %s, %q", s.Name, s.Kind, s.Parent != "", s.Status, s.Attributes)] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// metrics reads the different series, and how many messages each counter of ours counted.
func metrics(raw []byte) []string {
	var lines []string
	for line := range strings.Lines(string(raw)) {
		name, _, _ := strings.Cut(line, " ")
		if strings.HasPrefix(line, "#") || strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_") || strings.Contains(name, "_bucket{") || polled(name) {
			continue
		}
		lines = append(lines, text(name))
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// files reads a role's consignments.
func files(t *testing.T, r *harness.Region, reader gateway.Party) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(r.Adapters[reader.Country()].Drop, reader.Role(), "*"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatal("a consignment is not JSON")
		}
		lines = append(lines, text(filepath.Base(n))+" "+normal(m))
	}
	slices.Sort(lines)
	return lines
}
