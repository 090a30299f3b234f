package schemas_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/schemas"
)

// names are the types that the mechanism agreed on.
var names = []string{
	"ack.answer", "alert.notice", "applied.answer", "arrival.notice", "capacity.answer", "capacity.request", "case.change", "consent.change",
	"correction.change", "deadline.change", "enquiry.answer", "enquiry.request", "followup.notice", "info.answer", "info.request", "recall.change",
	"redirect.change", "referral.answer", "referral.request", "return.answer", "return.request", "rights.answer", "rights.request", "status.notice", "travel.notice",
}

func TestTheTableHasEveryType(t *testing.T) {
	t.Parallel()
	var got []string
	for _, typ := range open(t).Types() {
		name, version, _ := strings.Cut(typ.Name, "/")
		if version != "1.0" || name != typ.Topic+"."+typ.Frame {
			t.Errorf("%s is a strange name", typ.Name)
		}
		got = append(got, name)
	}
	if slices.Sort(got); !slices.Equal(got, names) {
		t.Errorf("got %v, want %v", got, names)
	}
}

// rows calls check with every row of the table.
func rows(t *testing.T, check func(s *schemas.Set, r schemas.Row)) {
	t.Helper()
	s := open(t)
	for _, typ := range s.Types() {
		r, ok := s.Row(typ.Name)
		if !ok {
			t.Fatalf("%s has no row", typ.Name)
		}
		check(s, r)
	}
}

func TestEveryUnitAndTwoDecoysFitIntoTheDigests(t *testing.T) {
	t.Parallel()
	rows(t, func(s *schemas.Set, r schemas.Row) {
		if n := len(r.Must) + len(r.May) + len(r.Sealed) + 2; r.Digests < n {
			t.Errorf("%s has %d digests and needs %d", r.Name, r.Digests, n)
		}
	})
}

func TestEveryCodeOfTheTableHasAText(t *testing.T) {
	t.Parallel()
	rows(t, func(s *schemas.Set, r schemas.Row) {
		have := func(list string, codes ...string) {
			for _, c := range codes {
				if _, ok := s.Code(list, c); !ok {
					t.Errorf("%s: list %s has no %s", r.Name, list, c)
				}
			}
		}
		codes := "askCode"
		if r.Frame == "notice" || r.Frame == "change" || r.Topic == "applied" {
			codes = "act"
		}
		have(codes, r.Codes...)
		have("outcome", r.Outcomes...)
		have("result", r.Results...)
		have("attest", r.Attests...)
		have("role", r.Senders...)
		have("role", r.Receivers...)
		for _, sb := range r.Sealed {
			if sb.Role != "aud" {
				have("role", sb.Role)
			}
		}
		for c := range r.Terms {
			if !slices.Contains(r.Codes, c) {
				t.Errorf("%s has a term for %s, which it does not ask", r.Name, c)
			}
		}
	})
}

// A request is closed by its answer, a notice by ack, a change by applied; who may send
// one may receive the other.
func TestEverythingThatIsOwedCanBeAnswered(t *testing.T) {
	t.Parallel()
	rows(t, func(s *schemas.Set, r schemas.Row) {
		want := map[string]string{"request": r.Topic + ".answer/1.0", "notice": "ack.answer/1.0", "change": "applied.answer/1.0"}[r.Frame]
		if r.Answer != want {
			t.Errorf("%s is closed by %q, want %q", r.Name, r.Answer, want)
		}
		if want == "" {
			return
		}
		a, ok := s.Row(r.Answer)
		if !ok {
			t.Fatalf("%s is closed by a type that is none", r.Name)
		}
		for _, role := range r.Receivers {
			if !slices.Contains(a.Senders, role) {
				t.Errorf("%s receives %s and may not answer", role, r.Name)
			}
		}
		for _, role := range r.Senders {
			if !slices.Contains(a.Receivers, role) {
				t.Errorf("%s sends %s and may not get the answer", role, r.Name)
			}
		}
		if r.Frame == "request" && !slices.Equal(a.Codes, r.Codes) {
			t.Errorf("%s answers other questions than %s asks", a.Name, r.Name)
		}
		if r.Name != "deadline.change/1.0" && r.Due.Normal.N == 0 {
			t.Errorf("%s is never due", r.Name)
		}
	})
}

func TestFramesAlwaysHaveWhatTheyAlwaysHave(t *testing.T) {
	t.Parallel()
	rows(t, func(s *schemas.Set, r schemas.Row) {
		must := map[string][]string{"request": {"asks"}, "answer": {"contact", "results"}}[r.Frame]
		switch r.Topic {
		case "ack":
			must = []string{"contact"} // notices ask nothing
		case "applied":
			must = []string{"results"}
		}
		for _, b := range must {
			if !slices.Contains(r.Must, b) {
				t.Errorf("%s does without %s", r.Name, b)
			}
		}
		if (r.Frame == "answer") != (len(r.Outcomes) > 0) {
			t.Errorf("%s and outcomes", r.Name)
		}
		if !slices.Equal(r.Lanes, []gateway.Lane{gateway.Normal, gateway.Child, gateway.Urgent}) {
			t.Errorf("%s is not for every lane", r.Name)
		}
	})
}

func TestSealedBlocksAreSealedAsTheirClassWants(t *testing.T) {
	t.Parallel()
	rows(t, func(s *schemas.Set, r schemas.Row) {
		class := map[string]gateway.Class{}
		for _, b := range s.Blocks() {
			class[b.Name] = b.Class
		}
		for _, b := range append(slices.Clone(r.Must), r.May...) {
			if class[b] != gateway.ClassC1 {
				t.Errorf("%s carries %s in the clear", r.Name, b)
			}
		}
		seen := map[string]bool{}
		for _, sb := range r.Sealed {
			if class[sb.Block] != sb.Class || sb.Class == gateway.ClassC1 || sb.Class == gateway.ClassE {
				t.Errorf("%s seals %s as %s", r.Name, sb.Block, sb.Class)
			}
			if !slices.Contains([]int{1024, 4096, 16384}, sb.Size) || seen[sb.Block+sb.Role] {
				t.Errorf("%s seals %s twice or in a strange size", r.Name, sb.Block)
			}
			seen[sb.Block+sb.Role] = true
			if sb.Block == "health" && sb.Role == "aud" {
				t.Errorf("%s gives health to whoever receives it", r.Name)
			}
		}
		if r.Topic == "capacity" && len(r.Sealed) > 0 {
			t.Errorf("%s seals something", r.Name)
		}
		if slices.Contains(append(slices.Clone(r.Must), r.May...), "subject") != (len(r.Fields["subject"]) == 2) {
			t.Errorf("%s: who decided a status is no unit of its own", r.Name)
		}
	})
}

// Encryption keys live ninety days at most: a message that lived longer could not be
// opened. What is kept is kept longer than the message lives.
func TestMessagesLiveShorterThanKeys(t *testing.T) {
	t.Parallel()
	rows(t, func(s *schemas.Set, r schemas.Row) {
		const day = 24 * time.Hour
		if r.MaxLife < day || r.MaxLife > 60*day || r.Retention < r.MaxLife {
			t.Errorf("%s lives %s and is kept %s", r.Name, r.MaxLife, r.Retention)
		}
		for _, sb := range r.Sealed {
			if sb.Class == gateway.ClassP3 && r.Topic == "travel" && r.Retention > 60*day {
				t.Errorf("%s keeps an itinerary for %s", r.Name, r.Retention)
			}
		}
	})
}

// A child never waits longer than an adult, and nobody longer than in the urgent lane.
func TestTermsShortenFromLaneToLane(t *testing.T) {
	t.Parallel()
	hours := func(x gateway.Term) int {
		return x.N * map[string]int{"h": 1, "d": 24, "wd": 24}[x.Unit]
	}
	rows(t, func(s *schemas.Set, r schemas.Row) {
		dues := []gateway.Due{r.Due}
		for _, d := range r.Terms {
			dues = append(dues, d)
		}
		for _, d := range dues {
			n, c, u := hours(d.In(gateway.Normal)), hours(d.In(gateway.Child)), hours(d.In(gateway.Urgent))
			if c > n || u > c {
				t.Errorf("%s is due in %s, %s, %s", r.Name, d.Normal, d.Child, d.Urgent)
			}
		}
	})
}
