package gatewayrun_test

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"example.org/trm/cmd/internal/adapterrun"
	"example.org/trm/cmd/internal/gatewayrun"
)

// turnedOff is a key of an example that is shown and not used.
var turnedOff = regexp.MustCompile(`(?m)^#( *(?:- )?[a-z][A-Za-z]*:)`)

// TestTheExamplesHoldEveryKeyWithAReason reads each example as it would be with all of its
// keys in use, and compares it with the type that it is read into.
func TestTheExamplesHoldEveryKeyWithAReason(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]any{"gatewayd": gatewayrun.Config{}, "adapterd": adapterrun.Config{}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(filepath.Join("..", "..", name, name+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			text := turnedOff.ReplaceAllString(string(raw), "$1")
			for line := range strings.Lines(text) {
				if body, reason, _ := strings.Cut(line, " # "); body[0] != '#' && strings.TrimSpace(reason) == "" {
					t.Errorf("%q says no reason", line)
				}
			}
			all := reflect.New(reflect.TypeOf(config))
			d := yaml.NewDecoder(strings.NewReader(text))
			d.KnownFields(true)
			if err := d.Decode(all.Interface()); err != nil {
				t.Fatal(err)
			}
			var tree any
			if err := yaml.Unmarshal([]byte(text), &tree); err != nil {
				t.Fatal(err)
			}
			if missing := absent(reflect.TypeOf(config), tree); len(missing) > 0 {
				t.Errorf("%s.yaml does not show %v", name, missing)
			}
		})
	}
}

// absent are the keys of a type, and of the types below it, that a document nowhere has.
func absent(of reflect.Type, tree any) []string {
	shown := map[string]bool{}
	look(of, []any{tree}, shown)
	return slices.Sorted(func(yield func(string) bool) {
		for key, there := range shown {
			if !there && !yield(key) {
				return
			}
		}
	})
}

// look notes for each key of a type whether one of the places has it. A type that is read
// in several places needs to be shown in one.
func look(of reflect.Type, places []any, shown map[string]bool) {
	switch of.Kind() {
	case reflect.Pointer:
		look(of.Elem(), places, shown)
	case reflect.Slice, reflect.Map:
		var below []any
		for _, p := range places {
			switch p := p.(type) {
			case []any:
				below = append(below, p...)
			case map[string]any:
				below = slices.AppendSeq(below, maps.Values(p))
			}
		}
		look(of.Elem(), below, shown)
	case reflect.Struct:
		for i := range of.NumField() {
			key := of.Field(i).Tag.Get("yaml")
			var below []any
			for _, p := range places {
				if m, ok := p.(map[string]any); ok {
					if v, ok := m[key]; ok {
						below = append(below, v)
					}
				}
			}
			name := of.Name() + "." + key
			shown[name] = shown[name] || len(below) > 0
			look(of.Field(i).Type, below, shown)
		}
	}
}

func TestAKeyThatAnExampleLacksIsFound(t *testing.T) {
	t.Parallel()
	type inner struct {
		A string `yaml:"a"`
		B string `yaml:"b"`
		C string `yaml:"c"`
	}
	type other struct {
		D string `yaml:"d"`
	}
	type outer struct {
		One  inner            `yaml:"one"`
		Many []inner          `yaml:"many"`
		By   map[string]inner `yaml:"by"`
		Gone *other           `yaml:"gone"`
	}
	var tree any
	if err := yaml.Unmarshal([]byte("one: {a: x}\nmany: [{a: x}]\nby: {k: {b: x}}\n"), &tree); err != nil {
		t.Fatal(err)
	}
	want := []string{"inner.c", "other.d", "outer.gone"}
	if got := absent(reflect.TypeFor[outer](), tree); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
