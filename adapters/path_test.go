package adapters_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.org/trm/adapters"
	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// call uses a country's local API.
func call(t *testing.T, h http.Handler, method, path, body string) (int, map[string]any) {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	var out map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatalf("%s %s answered %d with %q: %v", method, path, w.Code, w.Body, err)
	}
	return w.Code, out
}

func TestReferralGoesFromPlainJSONInOneCountryToFilesInTheOther(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	draft, flock := referral(t, r.schemas)
	if flock.Len() == 0 {
		t.Fatal("the example seals no text that could be searched for")
	}
	ba, rs := r.countries["ba"], r.countries["rs"]

	status, sent := call(t, ba.Handler(), "POST", "/v1/drafts", string(draft))
	if status != http.StatusAccepted {
		t.Fatalf("got %d %v, want 202", status, sent)
	}
	jti, _ := sent["jti"].(string)
	var o store.Outgoing
	eventually(t, "the receipt", func() (ok bool) {
		var err error
		o, err = ba.store.Outgoing(t.Context(), jti)
		return err == nil && o.State != store.Stored
	})
	if o.State != store.Received {
		t.Fatalf("the gateway refused it: %s", o.Problem)
	}

	dir := filepath.Join(r.dir, "drop", "rs")
	var all []store.Delivery
	eventually(t, "the delivery", func() bool {
		all = rs.deliveries(t)
		return len(all) == 1 && all[0].State != store.Taken
	})
	if all[0].State != store.Delivered {
		t.Fatalf("the delivery failed: %s", all[0].Code)
	}
	got := files(t, dir)
	want := []string{
		filepath.Join("child-protection", all[0].ID+".json"),
		filepath.Join("coordinator", all[0].ID+".json"),
	}
	if !slices.Equal(got, want) {
		t.Fatalf("got files %v, want %v", got, want)
	}
	own := readDocument(t, filepath.Join(dir, "coordinator", all[0].ID+".json"))
	if own.ReceivedBy != "rs/coordinator" || own.Head["jti"] != jti || own.Blocks["needs"] == nil {
		t.Errorf("the addressee's file is not the referral: %v", own)
	}
	for unit := range own.Sealed {
		if !strings.HasSuffix(unit, "@coordinator") {
			t.Errorf("the addressee's file holds %s", unit)
		}
	}
	for _, f := range got {
		info, err := os.Stat(filepath.Join(dir, f))
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", f, info.Mode())
		}
	}

	// Evidence reaches the sender, and its sending ends.
	eventually(t, "the acknowledgement", func() bool {
		ts, err := rs.store.Evidence(t.Context(), all[0].ID)
		return err == nil && len(ts) == 1 && ts[0].State == store.Recorded
	})
	if status, _ := call(t, rs.Handler(), "POST", "/v1/deliveries/"+all[0].ID+"/read", ""); status != http.StatusOK {
		t.Fatalf("reporting reading: got %d", status)
	}
	status, _ = call(t, rs.Handler(), "POST", "/v1/deliveries/"+all[0].ID+"/taken-on", `{"role":"coordinator"}`)
	if status != http.StatusOK {
		t.Fatalf("reporting taking on: got %d", status)
	}
	_, seen := call(t, ba.Handler(), "GET", "/v1/outbox/"+jti, "")
	if seen["gateway"] != string(gateway.StateTakenOn) {
		t.Errorf("the sender sees %v, want taken-on", seen["gateway"])
	}
	events := map[string]bool{}
	list, _ := seen["evidence"].([]any)
	for _, e := range list {
		m, _ := e.(map[string]any)
		events[m["event"].(string)] = true
	}
	for _, e := range []gateway.Event{gateway.SubmissionAcceptance, gateway.ContentConsignment, gateway.ContentHandover, gateway.TakenOn} {
		if !events[string(e)] {
			t.Errorf("the sender does not see %s", e)
		}
	}

	// Nothing that identifies or harms is anywhere but in the drop.
	ba.stop()
	rs.stop()
	for _, name := range []string{"ba.db", "rs.db", "gateway.db"} {
		for _, suffix := range []string{"", "-wal"} {
			raw, err := os.ReadFile(filepath.Join(r.dir, name+suffix))
			if err != nil {
				continue
			}
			for _, f := range flock.Search(name+suffix, raw) {
				t.Error(f)
			}
		}
	}
	for _, f := range flock.Search("log", r.log.Bytes()) {
		t.Error(f)
	}
	var drops bytes.Buffer
	for _, f := range got {
		raw, err := os.ReadFile(filepath.Join(dir, f))
		must(t, err)
		drops.Write(raw)
	}
	if len(flock.Search("drop", drops.Bytes())) == 0 {
		t.Error("the drop holds no canary: the search would find nothing anywhere")
	}
}

func readDocument(t *testing.T, path string) adapters.Document {
	t.Helper()
	raw, err := os.ReadFile(path)
	must(t, err)
	var d adapters.Document
	must(t, json.Unmarshal(raw, &d))
	return d
}

func TestDeliveryWhoseKeyIsLostFailsWithEvidenceThatTheGatewayRecords(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	draft, _ := referral(t, r.schemas)
	ba, rs := r.countries["ba"], r.countries["rs"]
	rs.keys["rs/coordinator"].Encryption = nil
	_, sent := call(t, ba.Handler(), "POST", "/v1/drafts", string(draft))
	jti, _ := sent["jti"].(string)
	var seen map[string]any
	eventually(t, "the end", func() bool {
		_, seen = call(t, ba.Handler(), "GET", "/v1/outbox/"+jti, "")
		return seen["gateway"] == string(gateway.StateFailed)
	})
	all := rs.deliveries(t)
	if len(all) != 1 || all[0].State != store.Failed || all[0].Code != gateway.CodeDeliveryKey || all[0].Audience != "rs/coordinator" {
		t.Fatalf("got %+v", all)
	}
	eventually(t, "the acknowledgement", func() bool {
		f, err := rs.store.Final(t.Context(), all[0].ID)
		return err == nil && f.State == store.Recorded
	})
	// The sender sees why, though the evidence cannot say of which message.
	list, _ := seen["evidence"].([]any)
	if !slices.ContainsFunc(list, func(e any) bool {
		m, _ := e.(map[string]any)
		return m["event"] == string(gateway.ContentConsignmentFailure) && m["code"] == string(gateway.CodeDeliveryKey)
	}) {
		t.Errorf("the sender sees %v", list)
	}
}
