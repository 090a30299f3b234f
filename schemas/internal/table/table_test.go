package table

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
)

const head = "type,must,may,sealed,fields,digests,senders,receivers,lanes,normal,child,urgent,terms,bases,attests,life,retention,codes,outcomes,results,report,head,answer,about\n"

// within is the three terms of a row.
func within(normal, child, urgent string) gateway.Due {
	var d gateway.Due
	for s, t := range map[string]*gateway.Term{normal: &d.Normal, child: &d.Child, urgent: &d.Urgent} {
		*t, _ = gateway.ParseTerm(s) // one that cannot be read is none, and differs
	}
	return d
}

func TestARowIsReadWhole(t *testing.T) {
	t.Parallel()
	rows, err := Parse([]byte(head +
		"a.request/1.0,asks,offer,health@child-protection:P2:4096|facts@aud:C2:1024,subject/effect,7,coordinator,prosecution,normal|urgent,5wd,24h,1h,x:10wd/5wd/24h,basis,protection-checked,30d,60d,x|y,,,reason|month?,answerBy,a.answer/1.0,About\n" +
		"a.answer/1.0,results,,,,4,prosecution,coordinator,normal,,,,,,,1d,2d,=a.request/1.0,done,given,,,,Answers\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Row{
		Type: gateway.Type{
			Name: "a.request/1.0", Topic: "a", Frame: "request", Must: []string{"asks"}, May: []string{"offer"},
			Sealed: []gateway.SealedBlock{{Block: "health", Role: "child-protection", Class: "P2", Size: 4096}, {Block: "facts", Role: "aud", Class: "C2", Size: 1024}},
			Fields: map[string][]string{"subject": {"effect"}}, Digests: 7, Senders: []string{"coordinator"}, Receivers: []string{"prosecution"},
			Lanes: []gateway.Lane{"normal", "urgent"}, Bases: []string{"basis"}, Attests: []string{"protection-checked"}, Answer: "a.answer/1.0",
			MaxLife: 30 * 24 * time.Hour, Retention: 60 * 24 * time.Hour,
		},
		Due:   within("5wd", "24h", "1h"),
		Terms: map[string]gateway.Due{"x": within("10wd", "5wd", "24h")},
		Codes: []string{"x", "y"}, Report: map[string]bool{"reason": true, "month": false}, Head: []string{"answerBy"}, About: "About",
	}
	if diff := cmp.Diff(want, rows[0]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"x", "y"}, rows[1].Codes); diff != "" {
		t.Errorf("the answer has its request's codes: %s", diff)
	}
	if got := rows[0].Due.In(gateway.Child); got.String() != "24h" {
		t.Errorf("due in the lane child: %s", got)
	}
	if (gateway.Term{}).String() != "" {
		t.Error("no term is written as something")
	}
}

func TestARowThatIsMisspeltIsRefused(t *testing.T) {
	t.Parallel()
	good := "a.notice/1.0,,,health@aud:P2:4096,,7,coordinator,coordinator,normal,5wd,24h,1h,,,,30d,60d,x,,,,,,About\n"
	if _, err := Parse([]byte(head + good)); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{
		{"a.notice/1.0", "a.letter/1.0"},
		{"health@aud:P2:4096", "health:P2:4096"},
		{"health@aud:P2:4096", "health@aud:P2"},
		{"health@aud:P2:4096", "health@aud:P2:large"},
		{",7,", ",many,"},
		{"5wd", "5"}, {"5wd", "wd"}, {"5wd", "0wd"}, {"24h", "24m"}, {"1h", "-1h"},
		{",1h,,", ",1h,x:5wd,"}, {",1h,,", ",1h,x:5wd/y/z,"},
		{"30d", "30h"}, {"60d", ""},
		{",x,", ",=b.request/1.0,"},
		{"About", "About,more"},
	} {
		bad := strings.Replace(good, c[0], c[1], 1)
		if bad == good {
			t.Fatalf("%s is not in the row", c[0])
		}
		if _, err := Parse([]byte(head + bad)); err == nil {
			t.Errorf("%s for %s passes", c[1], c[0])
		}
	}
	if _, err := Parse([]byte(head)); err == nil {
		t.Error("a table without rows passes")
	}
}

func TestCodeListsThatAreMisspeltAreRefused(t *testing.T) {
	t.Parallel()
	const codes = "id,en,htcds,ctdc,ic_tip\n"
	for name, files := range map[string]map[string]string{
		"no index":            {"a.csv": codes + "x,X,,,\n"},
		"a missing list":      {"lists.csv": "list,about\na,A\n"},
		"an empty list":       {"lists.csv": "list,about\na,A\n", "a.csv": codes},
		"a code twice":        {"lists.csv": "list,about\na,A\n", "a.csv": codes + "x,X,,,\nx,Y,,,\n"},
		"a code in capitals":  {"lists.csv": "list,about\na,A\n", "a.csv": codes + "X,X,,,\n"},
		"a code without text": {"lists.csv": "list,about\na,A\n", "a.csv": codes + "x,,,,\n"},
		"a short line":        {"lists.csv": "list,about\na,A\n", "a.csv": codes + "x,X\n"},
		"a list twice":        {"lists.csv": "list,about\na,A\na,A\n", "a.csv": codes + "x,X,,,\n"},
		"a list in capitals":  {"lists.csv": "list,about\nA,A\n", "A.csv": codes + "x,X,,,\n"},
		"a control character": {"lists.csv": "list,about\na,A\n", "a.csv": codes + "x,X\x07,,,\n"},
		"a text without end":  {"lists.csv": "list,about\na,A\n", "a.csv": codes + "x," + strings.Repeat("X", 201) + ",,,\n"},
		"an end on no day":    {"lists.csv": "list,about\na,A\n", "a.csv": codes + "x,X,,,\n", "deprecated.csv": "list,code,until,instead\na,x,soon,\n"},
		"an heir unknown":     {"lists.csv": "list,about\na,A\n", "a.csv": codes + "x,X,,,\n", "deprecated.csv": "list,code,until,instead\na,x,2028-01-01,y\n"},
		"an heir of itself":   {"lists.csv": "list,about\na,A\n", "a.csv": codes + "x,X,,,\n", "deprecated.csv": "list,code,until,instead\na,x,2028-01-01,x\n"},
		"the end of no code":  {"lists.csv": "list,about\na,A\n", "a.csv": codes + "x,X,,,\n", "deprecated.csv": "list,code,until,instead\na,z,2028-01-01,\n"},
		"traits of no list":   {"lists.csv": "list,about\na,A\n", "a.csv": codes + "x,X,,,\n", "traits.csv": "list,code,sector,group,child,phases,source\nb,x,any,anyone,no,1,s\n"},
	} {
		fsys := fstest.MapFS{}
		for f, data := range files {
			fsys[f] = &fstest.MapFile{Data: []byte(data)}
		}
		if _, err := ParseLists(fsys); err == nil {
			t.Errorf("%s passes", name)
		}
	}
	lists, err := ParseLists(fstest.MapFS{"lists.csv": {Data: []byte("list,about\na,A\n")}, "a.csv": {Data: []byte(codes + "x,X,H,C,\ny,Y,,,T\n")}})
	if err != nil {
		t.Fatal(err)
	}
	want := []List{{"a", "A", []Code{{ID: "x", En: "X", HTCDS: "H", CTDC: "C", ICTIP: Unconfirmed}, {ID: "y", En: "Y", ICTIP: "T"}}}}
	if diff := cmp.Diff(want, lists); diff != "" {
		t.Error(diff)
	}
	if _, ok := lists[0].Find("z"); ok {
		t.Error("a code that is not there is found")
	}
}

func TestListsThatAreWrittenAreReadAlike(t *testing.T) {
	t.Parallel()
	want := []List{
		{"b", "B, with a comma", []Code{
			{ID: "x", En: `X "quoted"`, HTCDS: "H", ICTIP: Unconfirmed, Until: "2028-01-01", Instead: "y"},
			{ID: "y", En: "Y", ICTIP: "T", Traits: &Traits{Sector: "any", Group: "anyone", Child: "also", Phases: []string{"1", "2"}, Source: "s"}},
		}},
		{"a", "A", []Code{{ID: "z", En: "Z", ICTIP: Unconfirmed}}},
	}
	fsys := fstest.MapFS{}
	for name, data := range WriteLists(want) {
		fsys[name] = &fstest.MapFile{Data: data}
	}
	got, err := ParseLists(fsys)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
