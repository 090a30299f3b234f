package schemas_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"example.org/trm/gateway"
)

// fault is a document that must be refused: what is changed in a valid one, and the
// refusal.
type fault struct {
	Name    string
	Set     map[string]any
	Drop    []string
	Code    gateway.Code
	Pointer string
}

func TestEveryTypeRefusesWhatItDoesNotAllow(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/invalid.json")
	if err != nil {
		t.Fatal(err)
	}
	all := decode[map[string][]fault](t, data)
	s := open(t)
	for _, typ := range s.Types() {
		if len(all[typ.Name]) < 2 {
			t.Errorf("%s has fewer than two invalid documents", typ.Name)
		}
		for _, f := range all[typ.Name] {
			t.Run(typ.Name+", "+f.Name, func(t *testing.T) {
				t.Parallel()
				h, doc := message(t, s, typ.Name)
				for ptr, v := range f.Set {
					if v == "JWE" {
						v = jwe
					}
					set(t, doc, ptr, v)
				}
				for _, ptr := range f.Drop {
					drop(t, doc, ptr)
				}
				err := s.Validate(h, doc)
				if err == nil {
					t.Fatal("it was not refused")
				}
				p := gateway.AsProblem(err)
				if p.Code != f.Code || p.Pointer != f.Pointer {
					t.Errorf("got %s at %q, want %s at %q", p.Code, p.Pointer, f.Code, f.Pointer)
				}
				silent(t, p)
			})
		}
		delete(all, typ.Name)
	}
	for name := range all {
		t.Errorf("invalid documents of %s, which is no type", name)
	}
}

// silent fails if a refusal repeats a value or a key of the document.
func silent(t *testing.T, p *gateway.Problem) {
	t.Helper()
	if said := p.Error() + p.Hint; strings.Contains(strings.ToLower(said), "canary") {
		t.Error("the refusal repeats what the sender wrote")
	}
	if p.Code == gateway.CodeSchema && p.Hint == "" {
		t.Error("the refusal does not say what to change")
	}
}

func set(t testing.TB, doc map[string]any, ptr string, v any) {
	t.Helper()
	at, last := parent(t, doc, ptr)
	at[last] = v
}

func drop(t testing.TB, doc map[string]any, ptr string) {
	t.Helper()
	at, last := parent(t, doc, ptr)
	if _, ok := at[last]; !ok {
		t.Fatalf("there is no %s to drop", ptr)
	}
	delete(at, last)
}

func parent(t testing.TB, doc map[string]any, ptr string) (map[string]any, string) {
	t.Helper()
	steps := strings.Split(ptr, "/")[1:]
	for _, s := range steps[:len(steps)-1] {
		next, ok := doc[s].(map[string]any)
		if !ok {
			t.Fatalf("there is no %s", ptr)
		}
		doc = next
	}
	return doc, steps[len(steps)-1]
}

// Wherever a sender writes words of their own, and under whatever key, the message is
// refused, at a place that the schema knows, and neither is repeated.
func TestWordsOfTheSendersOwnAreRefusedEverywhere(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, typ := range s.Types() {
		h, doc := message(t, s, typ.Name)
		n := 0
		everywhere(doc, "", func(ptr string, change func() func()) {
			n++
			undo := change()
			defer undo()
			err := s.Validate(h, doc)
			if err == nil {
				t.Errorf("%s: words at %s pass", typ.Name, ptr)
				return
			}
			p := gateway.AsProblem(err)
			if !strings.HasPrefix(ptr, p.Pointer) {
				t.Errorf("%s: words at %s are refused at %s", typ.Name, ptr, p.Pointer)
			}
			silent(t, p)
		})
		if n < 12 {
			t.Errorf("%s: only %d places were tried", typ.Name, n)
		}
		if err := s.Validate(h, doc); err != nil {
			t.Errorf("%s is not valid any more: %v", typ.Name, err)
		}
	}
}

// everywhere replaces each value by words, and adds a member of its own to each object.
func everywhere(v any, ptr string, try func(string, func() func())) {
	const words = "Canary-Words of somebody's own"
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			old := v[k]
			try(ptr+"/"+k, func() func() {
				v[k] = words
				return func() { v[k] = old }
			})
			everywhere(old, ptr+"/"+k, try)
		}
		try(ptr, func() func() {
			v["Canary~/Key"] = words
			return func() { delete(v, "Canary~/Key") }
		})
	case []any:
		for i, old := range v {
			try(ptr+"/"+strconv.Itoa(i), func() func() {
				v[i] = words
				return func() { v[i] = old }
			})
		}
	}
}

func TestSealedContentRefusesSurplus(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, c := range []struct{ block, content, pointer string }{
		{"facts", `{"ethnicity":"canary"}`, ""},
		{"facts", `{"exploitation":["canary"]}`, "/exploitation/0"},
		{"facts", `{"exploitation":["labour","labour"]}`, "/exploitation"},
		{"facts", `{"indicators":[{"code":"g01"},{"code":"b99"}]}`, "/indicators/1/code"},
		{"facts", `{"indicators":[{"source":"observed"}]}`, "/indicators/0/code"},
		{"facts", `{"citizenships":["XK"]}`, "/citizenships/0"},
		{"facts", `{"from":"2026-13"}`, "/from"},
		{"facts", `{"threads":["019ab3c4-5d6e-4f80-9a1b-2c3d4e5f6071"]}`, "/threads/0"},
		{"proceedings", `{"suspect":"canary"}`, ""},
		{"proceedings", `{"represented":"yes"}`, "/represented"},
		{"identity", `{"names":[{"script":"latn","given":"Canary <b>"}]}`, "/names/0/given"},
		{"identity", `{"names":[{"given":"Canary"}]}`, "/names/0/script"},
		{"identity", `{"born":"2001-02-29"}`, "/born"},
		{"identity", `{"personalNumber":"canary"}`, "/personalNumber"},
		{"identity", `{"photo":"canary"}`, ""},
		{"family", `{"relatives":[{"relation":"mother","phone":"0601234567"}]}`, "/relatives/0/phone"},
		{"guardian", `{"mail":"Canary <canary@example.org>"}`, "/mail"},
		{"guardian", `{"family":" canary"}`, "/family"},
		{"health", `{"diagnoses":["canary"]}`, "/diagnoses/0"},
		{"health", `{"medication":[{"substance":"R03AC02","milligrams":0}]}`, "/medication/0/milligrams"},
		{"health", `{"medication":[{"substance":"R03AC02","milligrams":1e400000}]}`, "/medication/0/milligrams"},
		{"travel", `{"shelter":"canary"}`, ""},
		{"travel", `{"departs":"2026-12-14T08:10:00+01:00"}`, "/departs"},
		{"note", `{"text":""}`, "/text"},
		{"note", `{"text":"` + strings.Repeat("ж", 1001) + `"}`, "/text"},
		{"note", `["canary"]`, ""},
		{"note", `null`, ""},
	} {
		err := s.ValidateBlock(s.Release(), c.block, decode[any](t, []byte(c.content)))
		if err == nil {
			t.Errorf("%s takes %.60s", c.block, c.content)
			continue
		}
		if p := gateway.AsProblem(err); p.Code != gateway.CodeSchema || p.Pointer != c.pointer {
			t.Errorf("%s, %.60s: got %s at %q, want it at %q", c.block, c.content, p.Code, p.Pointer, c.pointer)
		} else {
			silent(t, p)
		}
	}
	if err := s.ValidateBlock(s.Release(), "note", decode[any](t, []byte(`{"text":"`+strings.Repeat("ж", 1000)+`"}`))); err != nil {
		t.Errorf("a note of 1,000 characters: %v", err)
	}
	if p := gateway.AsProblem(s.ValidateBlock(s.Release(), "canary", map[string]any{})); p.Code != gateway.CodeUnitUnknown {
		t.Errorf("a block that does not exist: %v", p)
	}
}

func TestActSaysWhatTheBlocksSay(t *testing.T) {
	t.Parallel()
	s := open(t)
	h, doc := message(t, s, "capacity.request/1.0")
	for _, act := range [][]string{
		{"earliest-date"},
		{"earliest-date", "place-available", "services-available"},
		{"place-available", "earliest-date"},
	} {
		h.Act = act
		var list []any
		for _, a := range act {
			list = append(list, a)
		}
		doc["act"] = list
		if p := gateway.AsProblem(s.Validate(h, doc)); p.Code != gateway.CodeActMismatch || p.Pointer != "/act" {
			t.Errorf("act %v: %v", act, p)
		}
	}
	// Two questions of the same code are one code in act.
	h, doc = message(t, s, "capacity.request/1.0")
	set(t, doc, "/asks/z1z1z1", map[string]any{"code": "earliest-date", "why": "to-plan-assistance"})
	if err := s.Validate(h, doc); err != nil {
		t.Errorf("the same question twice: %v", err)
	}
	// A request that asks nothing has nothing in act, and is refused for that.
	h.Act = nil
	if err := s.Validate(h, without(doc, "act")); err == nil {
		t.Error("a request without act passes")
	}
}

func TestUnknownTypesAndReleasesHaveTheirOwnCodes(t *testing.T) {
	t.Parallel()
	s := open(t)
	h, doc := message(t, s, "ack.answer/1.0")
	h.Type = "ack.answer/2.0"
	if p := gateway.AsProblem(s.Validate(h, doc)); p.Code != gateway.CodeTypeUnknown || p.Pointer != "/type" {
		t.Errorf("an unknown type: %v", p)
	}
	h, doc = message(t, s, "ack.answer/1.0")
	h.Codes = "2025-01"
	if p := gateway.AsProblem(s.Validate(h, doc)); p.Code != gateway.CodeCodesUnknown || p.Pointer != "/codes" {
		t.Errorf("an unknown release: %v", p)
	}
	h, doc = message(t, s, "ack.answer/1.0")
	doc["type"] = "recall.change/1.0" // the head says one thing, the document another
	if err := s.Validate(h, doc); err == nil {
		t.Error("a document of another type than the head passes")
	}
	h, doc = message(t, s, "referral.request/1.0")
	h.Attests = []string{"protection-checked", "guardian-appointed"}
	doc["attests"] = []any{"protection-checked", "guardian-appointed"}
	if p := gateway.AsProblem(s.Validate(h, doc)); p.Pointer != "/attests" {
		t.Errorf("attestations that are not sorted: %v", p)
	}
}

func TestNumberedRolesCarryTheirOwnUnits(t *testing.T) {
	t.Parallel()
	s := open(t)
	h, doc := message(t, s, "case.change/1.0")
	doc["aud"] = "me/mobile-team.2"
	doc["note@mobile-team.2"] = doc["note@coordinator"]
	delete(doc, "note@coordinator")
	before := maps.Clone(doc)
	if err := s.Validate(h, doc); err != nil {
		t.Errorf("a note to the second mobile team: %v", err)
	}
	if !maps.EqualFunc(before, doc, func(a, b any) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
		t.Error("validating changed the document")
	}
	doc["note@mobile-team.2"] = "Canary-Note"
	if p := gateway.AsProblem(s.Validate(h, doc)); p.Code != gateway.CodeUnitNotSealed {
		t.Errorf("an open note to the second mobile team: %v", p)
	}
	doc["note@mobile-team.2"], doc["note@mobile-team"] = jwe, jwe
	if err := s.Validate(h, doc); err == nil {
		t.Error("the same unit for a kind and for one of it passes as one")
	}
}

func TestTheSameDocumentGetsTheSameAnswer(t *testing.T) {
	t.Parallel()
	s := open(t)
	h, doc := message(t, s, "referral.request/1.0")
	set(t, doc, "/subject/phase", json.Number("9"))
	set(t, doc, "/subject/victimStatus", "x")
	set(t, doc, "/lane", "x")
	set(t, doc, "/needs/n4k2p9/code", "x")
	drop(t, doc, "/asks/a3r7h5/why")
	first := gateway.AsProblem(s.Validate(h, doc))
	for range 50 {
		if p := gateway.AsProblem(s.Validate(h, doc)); p.Pointer != first.Pointer || p.Hint != first.Hint {
			t.Fatalf("got %s (%s), then %s (%s)", first.Pointer, first.Hint, p.Pointer, p.Hint)
		}
	}
	// So it is with members that nobody knows.
	set(t, doc, "/subject/x", true)
	set(t, doc, "/agreement/x", true)
	set(t, doc, "/a", true)
	set(t, doc, "/identity", true)
	first = gateway.AsProblem(s.Validate(h, doc))
	for range 50 {
		if p := gateway.AsProblem(s.Validate(h, doc)); p.Pointer != first.Pointer || p.Code != first.Code {
			t.Fatalf("got %s at %q, then %s at %q", first.Code, first.Pointer, p.Code, p.Pointer)
		}
	}
}

// A value that no JSON decoder makes must not slip past the validator, which ignores
// kinds that it does not know.
func TestWhatIsNoJSONIsRefused(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, v := range []any{1, 1.5, []string{"a"}, struct{}{}, map[string]string{}} {
		h, doc := message(t, s, "ack.answer/1.0")
		doc["outcome"] = v
		if err := s.Validate(h, doc); err == nil {
			t.Errorf("%T passes", v)
		}
	}
}
