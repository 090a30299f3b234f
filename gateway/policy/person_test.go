package policy_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"example.org/trm/gateway"
)

// These tests hold what protects the person against every question, whichever rules keep it.

// eachOrdinary asks everything about the types that want says yes to, for a purpose and on
// an article of the pair.
func eachOrdinary(t *testing.T, want func(gateway.Type) bool, check func(q gateway.Question, d gateway.Decision)) {
	t.Helper()
	p, s := inForce(t), catalogue(t)
	for _, typ := range s.Types() {
		if !want(typ) {
			continue
		}
		row, _ := s.Row(typ.Name)
		for q := range whole(typ, row.Codes).ordinary().questions(typ) {
			check(q, p.Decide(q))
		}
	}
}

// TestSayingLessNeverBringsMore: with one attestation fewer nothing more leaves, and nothing
// travels that did not.
func TestSayingLessNeverBringsMore(t *testing.T) {
	t.Parallel()
	p := inForce(t)
	less := 0
	eachOrdinary(t, func(typ gateway.Type) bool { return len(typ.Attests) > 0 }, func(q gateway.Question, d gateway.Decision) {
		for i := range q.Head.Attests {
			fewer := q
			fewer.Head.Attests = slices.Delete(slices.Clone(q.Head.Attests), i, i+1)
			e := p.Decide(fewer)
			if d.Refusal != nil && e.Refusal == nil {
				t.Fatalf("%s travels without %s, and not with it", q.Type.Name, q.Head.Attests[i])
			}
			for _, u := range e.Released {
				if d.Refusal == nil && !slices.Contains(d.Released, u) {
					t.Fatalf("%s releases %s without %s, and not with it", q.Type.Name, u, q.Head.Attests[i])
				}
			}
			if len(e.Released) < len(d.Released) {
				less++
			}
		}
	})
	if less == 0 {
		t.Error("no attestation makes a difference")
	}
}

// TestAWithdrawalNeverBringsMore, nor does coming of age, nor the end of a case.
func TestAWithdrawalNeverBringsMore(t *testing.T) {
	t.Parallel()
	p := inForce(t)
	less := map[string]int{}
	eachOrdinary(t, func(gateway.Type) bool { return true }, func(q gateway.Question, d gateway.Decision) {
		if q.Facts != accepted {
			return
		}
		for name, facts := range map[string]gateway.ThreadFacts{"withdrawn": withdrawn, "of age": ofAge, "closed": closed} {
			after := q
			after.Facts = facts
			e := p.Decide(after)
			if d.Refusal != nil && e.Refusal == nil {
				t.Fatalf("%s travels once %s, and not before", q.Type.Name, name)
			}
			for _, u := range e.Released {
				if d.Refusal == nil && !slices.Contains(d.Released, u) {
					t.Fatalf("%s releases %s once %s, and not before", q.Type.Name, u, name)
				}
			}
			if len(e.Released) < len(d.Released) {
				less[name]++
			}
		}
	})
	if len(less) != 3 {
		t.Errorf("only %v make a difference", less)
	}
}

func TestAfterAWithdrawalNothingSealedLeavesButWhatSaves(t *testing.T) {
	t.Parallel()
	saves := []string{"alert.notice", "travel.notice", "correction.change", "rights.request", "consent.change"}
	eachOrdinary(t, func(typ gateway.Type) bool { return len(typ.Sealed) > 0 }, func(q gateway.Question, d gateway.Decision) {
		if !q.Facts.Withdrawn || slices.Contains(saves, q.Type.Topic+"."+q.Type.Frame) {
			return
		}
		a := q.Head.Agreement
		instead := a.State == "not-asked" && (a.Reason == "danger-to-life" || a.Reason == "duty-in-law" || a.Reason == "best-interests" && a.By == "authority")
		if !instead && slices.ContainsFunc(d.Released, isSealed) {
			t.Fatalf("%s %v with %+v releases %v", q.Type.Name, q.Head.Act, a, d.Released)
		}
	})
}

func TestAfterTheComingOfAgeNoMessageNamesAGuardian(t *testing.T) {
	t.Parallel()
	before := 0
	eachOrdinary(t, func(typ gateway.Type) bool { return true }, func(q gateway.Question, d gateway.Decision) {
		for _, u := range d.Released {
			if strings.HasPrefix(u, "guardian@") {
				if q.Facts.OfAge || slices.Contains(q.Head.Act, "turned-18") {
					t.Fatalf("%s releases %s", q.Type.Name, u)
				}
				before++
			}
		}
	})
	if before == 0 {
		t.Error("no message ever names a guardian")
	}
}

// TestNoNameLeavesWithoutTheProtectionCheck, but with warnings, journeys, corrections of what
// was sent, and what the person asks for as is their right.
func TestNoNameLeavesWithoutTheProtectionCheck(t *testing.T) {
	t.Parallel()
	free := []string{"alert.notice", "travel.notice", "correction.change", "rights.request"}
	named := 0
	eachOrdinary(t, func(typ gateway.Type) bool { return !slices.Contains(free, typ.Topic+"."+typ.Frame) }, func(q gateway.Question, d gateway.Decision) {
		for _, u := range d.Released {
			if block, _, _ := gateway.SplitUnit(u); block != "identity" && block != "family" {
				continue
			}
			named++
			if !slices.Contains(q.Head.Attests, "protection-checked") {
				t.Fatalf("%s %v releases %s", q.Type.Name, q.Head.Act, u)
			}
		}
	})
	if named == 0 {
		t.Error("no name ever leaves")
	}
}

func TestNoTypeKnowsThePolice(t *testing.T) {
	t.Parallel()
	for _, typ := range catalogue(t).Types() {
		roles := slices.Concat(typ.Senders, typ.Receivers)
		for _, sb := range typ.Sealed {
			roles = append(roles, sb.Role)
		}
		for _, r := range roles {
			if slices.Contains([]string{"police", "border-police", "customs", "liaison"}, r) {
				t.Errorf("%s has a place for %s", typ.Name, r)
			}
		}
	}
}

// TestAQuestionHasNoRoomForContent: what policy is asked holds names, codes, ids and times,
// so that no rule can come to depend on what a unit says.
func TestAQuestionHasNoRoomForContent(t *testing.T) {
	t.Parallel()
	var walk func(path string, typ reflect.Type)
	walk = func(path string, typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Struct:
			if typ.PkgPath() == "time" {
				return
			}
			for i := range typ.NumField() {
				walk(path+"."+typ.Field(i).Name, typ.Field(i).Type)
			}
		case reflect.Slice, reflect.Array:
			if typ.Elem().Kind() == reflect.Uint8 {
				t.Errorf("%s holds bytes", path)
			}
			walk(path, typ.Elem())
		case reflect.Map:
			walk(path, typ.Key())
			walk(path, typ.Elem())
		case reflect.String, reflect.Bool, reflect.Int, reflect.Int64:
		default:
			t.Errorf("%s is a %s", path, typ)
		}
	}
	walk("Question", reflect.TypeFor[gateway.Question]())
}
