package deploy

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// scrape is prometheus.yml, as far as it is read here.
type scrape struct {
	Rules []string `yaml:"rule_files"`
	Jobs  []struct {
		Static []struct{ Targets []string } `yaml:"static_configs"`
	} `yaml:"scrape_configs"`
}

// query is one expression of a dashboard or an alert.
type query struct {
	where, expr string
	text        []string // legends and summaries, in which labels stand
}

// queries are all expressions that somebody watches by.
func queries(t *testing.T) []query {
	t.Helper()
	var all []query
	board := parse[struct {
		Panels []struct {
			Title   string
			Targets []struct {
				Expr   string
				Legend string `yaml:"legendFormat"`
			}
		}
	}](t, read(t, "cmd/deploy/grafana/trm.json"))
	for _, p := range board.Panels {
		for _, q := range p.Targets {
			all = append(all, query{"panel " + p.Title, q.Expr, []string{q.Legend}})
		}
	}
	alerts := parse[struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Annotations map[string]string
			}
		}
	}](t, read(t, "cmd/deploy/alerts.yml"))
	for _, g := range alerts.Groups {
		for _, a := range g.Rules {
			all = append(all, query{"alert " + a.Alert, a.Expr, slices.Collect(maps.Values(a.Annotations))})
		}
	}
	if len(all) < 25 {
		t.Fatalf("found %d expressions: this test no longer understands the files", len(all))
	}
	return all
}

// TestWhoeverIsWokenFindsWhatToDo holds the manual's tables against the alerts and against
// the kinds of alarm that adapters raise, in both directions.
func TestWhoeverIsWokenFindsWhatToDo(t *testing.T) {
	t.Parallel()
	manual := read(t, "gateway/doc/operate.md")
	for title, names := range map[string][]string{
		"## What to do when it rings":       submatches(`- alert: (\w+)`, read(t, "cmd/deploy/alerts.yml")),
		"## What the adapter's alarms mean": submatches(`(?m)^\tAlarm\w+ += "([a-z-]+)"`, read(t, "adapters/watch.go")),
	} {
		_, section, _ := strings.Cut(manual, "\n"+title+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		rows := submatches("(?m)^\\| `([A-Za-z-]+)` \\|(?:.* \\|)? \\S.* \\|$", section)
		if slices.Sort(rows); len(names) < 10 {
			t.Fatalf("found %v: this test no longer understands the files", names)
		}
		slices.Sort(names)
		if !slices.Equal(rows, names) {
			t.Errorf("%s: gateway/doc/operate.md has %v, want %v", title, rows, names)
		}
	}
}

// submatches are what a form's group fits in a text.
func submatches(form, text string) (all []string) {
	for _, m := range regexp.MustCompile(form).FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}

var (
	quoted   = regexp.MustCompile(`"[^"]*"`)
	matchers = regexp.MustCompile(`\{([^}]*)\}`)
	grouping = regexp.MustCompile(`\b(?:by|on|without|ignoring)\s*\(([^)]*)\)`)
	ranges   = regexp.MustCompile(`\[[^\]]*\]`)
	words    = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*\s*\(?`)
	legends  = regexp.MustCompile(`\{\{\s*(?:\$labels\.)?([a-z_]+)\s*\}\}`)
)

// named are the metrics and the labels that a query names.
func (q query) named() (metrics, labels []string) {
	expr := quoted.ReplaceAllString(q.expr, "")
	for _, re := range []*regexp.Regexp{matchers, grouping} {
		for _, m := range re.FindAllStringSubmatch(expr, -1) {
			labels = append(labels, strings.FieldsFunc(m[1], func(r rune) bool { return strings.ContainsRune("=~!, ", r) })...)
		}
		expr = re.ReplaceAllString(expr, "")
	}
	for _, w := range words.FindAllString(ranges.ReplaceAllString(expr, ""), -1) {
		w = strings.TrimSpace(w)
		if !strings.HasSuffix(w, "(") && w != "and" && w != "or" && w != "unless" && w != "bool" && w != "offset" {
			metrics = append(metrics, w)
		}
	}
	for _, text := range q.text {
		for _, m := range legends.FindAllStringSubmatch(text, -1) {
			labels = append(labels, m[1])
		}
	}
	return metrics, labels
}

func TestWhatAQueryNamesIsRead(t *testing.T) {
	t.Parallel()
	q := query{
		expr: `histogram_quantile(0.99, sum by (le, destination) (rate(a_bucket{x!="b_c"}[5m]))) > 0 and on (country) b == c`,
		text: []string{"{{destination}} {{ $labels.kind }} {{ $value | humanizeDuration }}"},
	}
	metrics, labels := q.named()
	if want := []string{"a_bucket", "b", "c"}; !slices.Equal(metrics, want) {
		t.Errorf("got the metrics %q, want %q", metrics, want)
	}
	if want := []string{"x", "le", "destination", "country", "destination", "kind"}; !slices.Equal(labels, want) {
		t.Errorf("got the labels %q, want %q", labels, want)
	}
}

// watched holds what Prometheus asks, and what the dashboard and the alerts name, against
// what the processes show.
func (r *rehearsal) watched(t *testing.T) {
	s := parse[scrape](t, read(t, mounted(t, r.project, r.project.Services["prometheus"], "/etc/prometheus/prometheus.yml")))
	shown := map[string]map[string]bool{"up": {"job": true, "instance": true}} // labels, by metric
	targets := 0
	for _, j := range s.Jobs {
		for _, g := range j.Static {
			for _, target := range g.Targets {
				targets++
				service, _, _ := strings.Cut(target, ":")
				if _, ok := r.project.Services[service].Networks["watch"]; !ok {
					t.Errorf("Prometheus cannot reach %s", service)
				}
				learn(shown, r.metrics(t, target))
			}
		}
	}
	if targets != 3 {
		t.Errorf("Prometheus asks %d processes, want the gateway and two adapters", targets)
	}
	for _, q := range queries(t) {
		metrics, labels := q.named()
		for _, m := range metrics {
			if shown[m] == nil {
				t.Errorf("%s: nobody shows %s", q.where, m)
			}
		}
		for _, l := range labels {
			if !slices.ContainsFunc(metrics, func(m string) bool { return shown[m][l] }) {
				t.Errorf("%s: none of %v has the label %s", q.where, metrics, l)
			}
		}
	}
	manual := read(t, "gateway/doc/operate.md")
	for _, m := range regexp.MustCompile("`(trm_[a-z_]+)`").FindAllStringSubmatch(manual, -1) {
		if shown[m[1]] == nil && shown[m[1]+"_count"] == nil {
			t.Errorf("gateway/doc/operate.md explains %s, which nobody shows", m[1])
		}
	}
	for m, labels := range shown {
		if ours := strings.HasPrefix(m, "trm_"); !ours {
			continue
		}
		base := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(m, "")
		if !strings.Contains(manual, "`"+base+"`") {
			t.Errorf("gateway/doc/operate.md does not say what %s means", base)
		}
		for l := range labels {
			if !slices.Contains([]string{"country", "state", "problem", "recorded", "repeat", "mark", "outcome", "kind", "standing", "witness", "le"}, l) {
				t.Errorf("%s has the label %s, which nobody has said to be harmless", m, l)
			}
		}
	}
}

// learn notes the metrics of an exposition, and their labels.
func learn(shown map[string]map[string]bool, text string) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		series, _, _ := strings.Cut(line, " ")
		name, rest, _ := strings.Cut(series, "{")
		if shown[name] == nil {
			shown[name] = map[string]bool{}
		}
		for _, l := range regexp.MustCompile(`([a-z_]+)="`).FindAllStringSubmatch(rest, -1) {
			shown[name][l[1]] = true
		}
	}
}

// TestWhatIsMountedIsReadByWhoeverReadsIt holds each configuration against its reader, or
// where that is no program of ours against what it refers to.
func TestWhatIsMountedIsReadByWhoeverReadsIt(t *testing.T) {
	t.Parallel()
	p := project(t)
	t.Run("our programs", func(t *testing.T) {
		t.Parallel()
		if testing.Short() {
			t.Skip("starts processes")
		}
		for _, name := range []string{"gateway", "adapter-ba", "adapter-rs"} {
			s := p.Services[name]
			program, file := program(t, strings.TrimPrefix(s.Command[0], "/bin/")), mounted(t, p, s, s.Command[1])
			if out := output(t, nil, program, "-check", root+"/"+file); !strings.Contains(string(out), "well formed") {
				t.Errorf("%s: %s", file, out)
			}
		}
	})
	t.Run("prometheus", func(t *testing.T) {
		t.Parallel()
		s := parse[scrape](t, read(t, "cmd/deploy/prometheus.yml"))
		for _, f := range s.Rules {
			mounted(t, p, p.Services["prometheus"], f)
		}
		if len(s.Rules) != 1 || len(s.Jobs) != 2 {
			t.Errorf("read %+v", s)
		}
	})
	t.Run("the collector", func(t *testing.T) {
		t.Parallel()
		for _, f := range collectorFaults(parse[collector](t, read(t, "cmd/deploy/otel-collector.yaml"))) {
			t.Error(f)
		}
		bad := collector{}
		bad.Service.Pipelines = map[string]map[string][]string{"traces": {"receivers": {"otlp"}}}
		if len(collectorFaults(bad)) == 0 {
			t.Error("a pipeline of things that are not there has no fault")
		}
	})
	t.Run("grafana", func(t *testing.T) {
		t.Parallel()
		grafana := p.Services["grafana"]
		sources := parse[struct {
			Datasources []struct{ UID, URL string }
		}](t, read(t, mounted(t, p, grafana, "/etc/grafana/provisioning/datasources/trm.yml")))
		for _, d := range sources.Datasources {
			host, _, _ := strings.Cut(strings.TrimPrefix(d.URL, "http://"), ":")
			if _, ok := p.Services[host]; !ok {
				t.Errorf("the source %s is at %s, which is no service", d.UID, d.URL)
			}
		}
		providers := parse[struct {
			Providers []struct{ Options struct{ Path string } }
		}](t, read(t, mounted(t, p, grafana, "/etc/grafana/provisioning/dashboards/trm.yml")))
		if len(providers.Providers) != 1 || mounted(t, p, grafana, providers.Providers[0].Options.Path+"/trm.json") != "cmd/deploy/grafana/trm.json" {
			t.Error("the dashboard is not where Grafana looks for it")
		}
		board := parse[struct {
			Panels []struct {
				ID         int
				Title      string
				Datasource struct{ UID string }
				Grid       struct{ X, Y, W, H int } `yaml:"gridPos"`
			}
		}](t, read(t, "cmd/deploy/grafana/trm.json"))
		ids := map[int]bool{}
		for i, a := range board.Panels {
			if ids[a.ID] || a.ID == 0 {
				t.Errorf("panel %s: its id %d is another's", a.Title, a.ID)
			}
			ids[a.ID] = true
			if len(sources.Datasources) == 0 || a.Datasource.UID != sources.Datasources[0].UID {
				t.Errorf("panel %s asks %q, which is no source", a.Title, a.Datasource.UID)
			}
			for _, b := range board.Panels[:i] {
				if a.Grid.X < b.Grid.X+b.Grid.W && b.Grid.X < a.Grid.X+a.Grid.W && a.Grid.Y < b.Grid.Y+b.Grid.H && b.Grid.Y < a.Grid.Y+a.Grid.H {
					t.Errorf("panel %s lies over %s", a.Title, b.Title)
				}
			}
		}
	})
}

// collector is otel-collector.yaml, as far as it is read here.
type collector struct {
	Receivers  map[string]any
	Processors map[string]any
	Exporters  map[string]struct{ Endpoint string }
	Service    struct {
		Pipelines map[string]map[string][]string
	}
}

// collectorFaults are pipelines that name what is not defined, and what no pipeline uses.
func collectorFaults(c collector) []string {
	var all []string
	defined := map[string][]string{"receivers": slices.Collect(maps.Keys(c.Receivers)), "processors": slices.Collect(maps.Keys(c.Processors)), "exporters": slices.Collect(maps.Keys(c.Exporters))}
	used := map[string][]string{}
	for name, p := range c.Service.Pipelines {
		for kind, names := range p {
			for _, n := range names {
				if !slices.Contains(defined[kind], n) {
					all = append(all, fmt.Sprintf("the pipeline %s names %s %s, which is not there", name, kind, n))
				}
			}
			used[kind] = append(used[kind], names...)
		}
	}
	for kind, names := range defined {
		for _, n := range names {
			if !slices.Contains(used[kind], n) {
				all = append(all, fmt.Sprintf("no pipeline uses %s %s", kind, n))
			}
		}
	}
	if len(c.Service.Pipelines) == 0 {
		all = append(all, "there is no pipeline")
	}
	return all
}
