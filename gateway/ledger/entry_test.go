package ledger_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"

	"example.org/trm/gateway"
	"example.org/trm/gateway/ledger"
	"example.org/trm/gateway/ledger/quorum"
)

var (
	one = bytes.Repeat([]byte{1}, 32)
	two = bytes.Repeat([]byte{2}, 32)
)

const (
	onesText = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"
	twosText = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI"
)

func TestAnEntryHasOneForm(t *testing.T) {
	t.Parallel()
	pair := gateway.PairNumber{From: "ba", To: "rs", Origin: "trm/2026", N: 7}
	for _, c := range []struct {
		entry ledger.Entry
		want  string
	}{
		{ledger.Entry{Event: gateway.SubmissionAcceptance, Pair: pair, Commitment: one, Withheld: two},
			`{"event":"SubmissionAcceptance","from":"ba","to":"rs","origin":"trm/2026","n":7,"commitment":"` + onesText + `","withheld":"` + twosText + `"}`},
		{ledger.Entry{Event: gateway.SubmissionRejection, Commitment: one}, `{"event":"SubmissionRejection","commitment":"` + onesText + `"}`},
		{ledger.Entry{Event: gateway.ContentConsignment, Pair: pair, Commitment: two},
			`{"event":"ContentConsignment","from":"ba","to":"rs","origin":"trm/2026","n":7,"commitment":"` + twosText + `"}`},
		{ledger.Entry{Event: gateway.PolicyInForce, Commitment: two}, `{"event":"PolicyInForce","commitment":"` + twosText + `"}`},
	} {
		if got := string(c.entry.Bytes()); got != c.want {
			t.Errorf("%s is written as %s", c.entry.Event, got)
		}
		got, err := ledger.ParseEntry([]byte(c.want))
		if err != nil {
			t.Errorf("%s: %v", c.want, err)
		}
		if diff := cmp.Diff(c.entry, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestWhatIsAlmostAnEntryIsNone(t *testing.T) {
	t.Parallel()
	good := `{"event":"SubmissionAcceptance","from":"ba","to":"rs","origin":"trm/2026","n":7,"commitment":"` + onesText + `","withheld":"` + twosText + `"}`
	if _, err := ledger.ParseEntry([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"white space":                    strings.Replace(good, ",", ", ", 1),
		"a line feed at the end":         good + "\n",
		"a second entry":                 good + good,
		"another order":                  strings.Replace(good, `"from":"ba","to":"rs"`, `"to":"rs","from":"ba"`, 1),
		"a member more":                  strings.Replace(good, "{", `{"type":"referral.request/1.0",`, 1),
		"a member twice":                 strings.Replace(good, `"n":7`, `"n":7,"n":7`, 1),
		"another case":                   strings.Replace(good, `"event"`, `"Event"`, 1),
		"an escape":                      strings.Replace(good, `"ba"`, `"\u0062a"`, 1),
		"a number with a fraction":       strings.Replace(good, `:7`, `:7.0`, 1),
		"no number":                      strings.Replace(good, `,"n":7`, "", 1),
		"number 0":                       strings.Replace(good, `:7`, `:0`, 1),
		"a negative number":              strings.Replace(good, `:7`, `:-7`, 1),
		"no pair":                        strings.Replace(good, `"from":"ba","to":"rs","origin":"trm/2026","n":7,`, "", 1),
		"half a pair":                    strings.Replace(good, `"from":"ba",`, "", 1),
		"an origin with a space":         strings.Replace(good, "trm/2026", "trm 2026", 1),
		"an origin with a tag":           strings.Replace(good, "trm/2026", "<b>", 1),
		"a country that is none":         strings.Replace(good, `"ba"`, `"bah"`, 1),
		"a short commitment":             strings.Replace(good, onesText, onesText[:42], 1),
		"padding":                        strings.Replace(good, onesText, onesText+"=", 1),
		"stray bits":                     strings.Replace(good, onesText, onesText[:42]+"F", 1),
		"no commitment":                  strings.Replace(good, `"commitment":"`+onesText+`",`, "", 1),
		"an acceptance without decision": strings.Replace(good, `,"withheld":"`+twosText+`"`, "", 1),
		"evidence with a decision":       strings.Replace(good, "SubmissionAcceptance", "ContentConsignment", 1),
		"a rejection with a pair":        strings.Replace(good, "SubmissionAcceptance", "SubmissionRejection", 1),
		"an event in words":              strings.Replace(good, "SubmissionAcceptance", "It was accepted", 1),
		"an event without name":          strings.Replace(good, "SubmissionAcceptance", "", 1),
		"nothing":                        "",
		"null":                           "null",
		"a list":                         "[]",
	} {
		if e, err := ledger.ParseEntry([]byte(bad)); err == nil {
			t.Errorf("%s: read as %+v", name, e)
		}
	}
}

func TestACommitmentNeedsItsNonce(t *testing.T) {
	t.Parallel()
	opening := []byte(`{"event":"ContentConsignment"}`)
	// As openssl dgst -sha256 -mac HMAC has it.
	if got := base64.RawURLEncoding.EncodeToString(ledger.Commit(one, opening)); got != "D3pz6-1QSaDNVw1m0gr3uCgLzKCC_bDjTgvZzIKI62g" {
		t.Errorf("the commitment is %s", got)
	}
	if bytes.Equal(ledger.Commit(one, opening), ledger.Commit(two, opening)) {
		t.Error("the nonce makes no difference")
	}
}

func TestAWitnessSignsTheTimeToo(t *testing.T) {
	t.Parallel()
	line, key, err := quorum.Generate("one.example", quorum.Witness)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ledger.ParseSigner(line, func() time.Time { return noon })
	if err != nil {
		t.Fatal(err)
	}
	text := ledger.Checkpoint{Origin: origin, Size: 3}.Text()
	signed, err := note.Sign(&note.Note{Text: text}, s)
	if err != nil {
		t.Fatal(err)
	}
	v, err := ledger.NewVerifier(key.String())
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil || !ledger.CosignedAt(n, key).Equal(noon) {
		t.Fatalf("%v, signed at %v", err, ledger.CosignedAt(n, key))
	}
	raw, err := base64.StdEncoding.DecodeString(n.Sigs[0].Base64)
	if err != nil {
		t.Fatal(err)
	}
	if !v.Verify([]byte(text), raw[4:]) {
		t.Error("a good cosignature is refused")
	}
	late := bytes.Clone(raw[4:])
	late[7]++
	if v.Verify([]byte(text), late) {
		t.Error("the time can be changed")
	}
	if v.Verify([]byte(text), raw[12:]) || v.Verify([]byte(text), raw) || v.Verify([]byte(text), nil) {
		t.Error("a signature without its time is believed")
	}
	plain, _, err := quorum.Generate("one.example", quorum.Log)
	if err != nil {
		t.Fatal(err)
	}
	log, err := ledger.ParseSigner(plain, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !ledger.CosignedAt(n, log.Key()).IsZero() {
		t.Error("a log's key has cosigned")
	}
}

func TestACheckpointIsReadInOneForm(t *testing.T) {
	t.Parallel()
	good := ledger.Checkpoint{Origin: origin, Size: 12, Root: [32]byte(one)}
	got, err := ledger.ParseCheckpoint(good.Text())
	if err != nil || got != good {
		t.Fatalf("%+v, %v", got, err)
	}
	if got, err := ledger.ParseCheckpoint(good.Text() + "another line\n"); err != nil || got != good {
		t.Errorf("an extension: %+v, %v", got, err)
	}
	for _, bad := range []string{
		"", "\n", strings.TrimSuffix(good.Text(), "\n"), strings.Replace(good.Text(), "12", "012", 1), strings.Replace(good.Text(), "12", "-1", 1),
		strings.Replace(good.Text(), "12", "99999999999999999999", 1), strings.Replace(good.Text(), "AQ", "A", 1), strings.Replace(good.Text(), "E=", "E", 1),
		strings.Replace(good.Text(), origin, "", 1), strings.Replace(good.Text(), origin, "two words", 1),
	} {
		if c, err := ledger.ParseCheckpoint(bad); err == nil {
			t.Errorf("%q is read as %+v", bad, c)
		}
	}
}
