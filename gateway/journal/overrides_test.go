package journal_test

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal"
	"example.org/trm/gateway/journal/sqlite"
)

// TestEveryStepOfAnOverrideIsAnEntryOfTheLog: that a rule was set aside, that somebody
// approved or nobody did, and what the review came to. None shows the digest of the bytes
// that were submitted, nor which rules.
func TestEveryStepOfAnOverrideIsAnEntryOfTheLog(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	entered := 0
	j, err := journal.Open(path, journal.Options{Origin: "o", Entered: func() { entered++ }})
	if err != nil {
		t.Fatal(err)
	}
	set := func(id string, approved bool) gateway.Override {
		t.Helper()
		o := gateway.Override{
			Message: nameOf(id), Audience: "rs/coordinator", Envelope: gateway.Digest{9, id[len(id)-1]}, Reason: "danger-to-life",
			Rules: []string{"health-by-agreement"}, At: noon, Delivery: "delivery of " + id,
		}
		if approved {
			o.Approved = noon
		}
		if _, err := j.Receive(t.Context(), nameOf(id), "thread "+id, "ba", "rs", func(s gateway.Slot) (gateway.Record, error) {
			r, err := usual(id)(s)
			o.Pair = s.Number
			r.Digest, r.Override = o.Envelope, o
			return r, err
		}); err != nil {
			t.Fatal(err)
		}
		return o
	}
	say := func(o gateway.Override, id, finding string) {
		t.Helper()
		a := gateway.Approval{ID: id, By: o.Message.Issuer, Message: o.Message, Envelope: o.Envelope.String(), Reason: o.Reason, Rules: o.Rules, Finding: finding}
		if _, err := j.Approve(t.Context(), a, "jws "+id, func(gateway.Override, bool) (string, error) { return "answer", nil }); err != nil {
			t.Fatal(err)
		}
	}
	before := set("m-1", true)
	say(before, "a-1", "") // one more than is needed is no step
	say(before, "a-2", "upheld")
	after := set("m-2", false)
	say(after, "a-3", "")
	missed := set("m-3", false)
	e, err := gateway.Testify(gateway.Statement{ID: "e", Signer: gateway.TheGateway, At: noon.Add(25 * time.Hour), Event: gateway.OverrideUnapproved, Message: missed.Message, Delivery: missed.Delivery}, jsonNotary{})
	if err != nil {
		t.Fatal(err)
	}
	if done, err := j.Lapse(t.Context(), missed, e); !done || err != nil {
		t.Fatal(done, err)
	}
	if entered < 7 {
		t.Errorf("the log was woken %d times", entered)
	}
	// What is about the message is opened to its correspondents, and lies under its key.
	about, err := j.Entries(t.Context(), missed.Message)
	if i := slices.IndexFunc(about, func(e gateway.LogEntry) bool { return e.Event == gateway.OverrideUnapproved }); err != nil || i < 0 ||
		strings.Contains(string(about[i].Opening), missed.Envelope.String()) || !strings.Contains(string(about[i].Opening), "delivery of m-3") {
		t.Errorf("about the message there is %v, %v", about, err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}

	write, read, err := sqlite.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = write.Close(), read.Close() }()
	rows, err := read.QueryContext(t.Context(), `SELECT l.event, l.pair_from IS NULL, o.opening FROM log_outbox l JOIN openings o ON o.entry = l.seq
		WHERE l.event IN ('Overridden', 'OverrideUnapproved') ORDER BY l.seq`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got []string
	for rows.Next() {
		var event string
		var deed bool
		var opening []byte
		if err := rows.Scan(&event, &deed, &opening); err != nil {
			t.Fatal(err)
		}
		var d gateway.Deed
		if deed {
			if err := json.Unmarshal(opening, &d); err != nil {
				t.Fatal(err)
			}
		}
		if deed != (event == "Overridden") || deed && (d.By != "ba/coordinator" || d.At.IsZero()) {
			t.Errorf("%s opens to %s", event, opening)
		}
		for _, o := range []gateway.Override{before, after, missed} {
			if strings.Contains(string(opening), o.Envelope.String()) || strings.Contains(string(opening), "health") {
				t.Errorf("%s tells of more than it may: %s", event, opening)
			}
			if d.Digest == gateway.DigestString(string(o.Message.Issuer)+" "+o.Message.ID) {
				event += " " + o.Message.ID
			}
		}
		got = append(got, strings.TrimSpace(event+" "+string(d.Reason)))
	}
	want := []string{
		"Overridden m-1 danger-to-life", "Overridden m-1 approved", "Overridden m-1 upheld", "Overridden m-2 danger-to-life", "Overridden m-2 approved",
		"Overridden m-3 danger-to-life", "OverrideUnapproved",
	}
	if err := rows.Err(); err != nil || !slices.Equal(got, want) {
		t.Errorf("the entries are %q, %v, want %q", got, err, want)
	}
}

// TestNobodyFillsThePlaceOfAnothersApprovals: as many as are kept are kept of each signer.
func TestNobodyFillsThePlaceOfAnothersApprovals(t *testing.T) {
	t.Parallel()
	j, err := journal.Open(filepath.Join(t.TempDir(), "journal.db"), journal.Options{Origin: "o"})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	say := func(by gateway.Party, id string) error {
		a := gateway.Approval{ID: id, By: by, Message: gateway.MessageID{Issuer: by, ID: "m"}, Envelope: gateway.Digest{9}.String(), Reason: "danger-to-life"}
		_, err := j.Approve(t.Context(), a, string(by)+id, func(gateway.Override, bool) (string, error) { return "answer", nil })
		return err
	}
	for i := range 9 {
		if err := say("rs/coordinator", string(rune('a'+i))); (err == nil) != (i < 8) {
			t.Errorf("approval %d: %v", i+1, err)
		}
	}
	if err := say("ba/coordinator", "a"); err != nil {
		t.Errorf("another party's: %v", err)
	}
}
