package fault

import (
	"bytes"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.org/trm/gateway"
	"example.org/trm/test/harness"
)

var kills = flag.Int("kills", 40, "how often the gateway is killed while it writes its log")

// TestTheLogSurvivesEveryKill: the gateway is killed again and again, each time a few
// messages after it began to receive again. No entry that somebody holds a signature for
// is lost or stands in the log twice, and no checkpoint contradicts an earlier one: the
// harness asks in between, and at the end.
func TestTheLogSurvivesEveryKill(t *testing.T) {
	t.Parallel()
	r := harness.New(t, harness.Options{})
	f := &traffic{r: r, conversations: 10, each: *kills/2 + 5} // more than all lives receive
	f.start()
	for i := range *kills {
		before := received(r)
		r.Until("the gateway to receive", func() bool { return received(r) > before+i%5 })
		r.Gateway.Restart()
		if i%8 == 7 {
			for _, found := range r.Examine().Findings {
				t.Errorf("after %d kills: %s", i+1, found)
			}
		}
	}
	if r.Gateway.Kill(); received(r) >= f.conversations*f.each {
		t.Errorf("all messages were received before the last kill: it met a gateway without work")
	}
	r.Gateway.Start()
	f.wg.Wait()
	r.Check()
	if got, want := len(r.Sent()), f.conversations*f.each; got != want {
		t.Errorf("the adapters took %d messages, want %d", got, want)
	}
}

// received counts what the gateway says that it received.
func received(r *harness.Region) int {
	return bytes.Count(r.Gateway.Output(), []byte(`"msg":"accepted message"`))
}

// TestWitnessesAreAway, or cosign and their answer is lost: messages are received and
// delivered all the same, their receipts are pending, and are proven when the witnesses
// are back, without a restart of anything.
func TestWitnessesAreAway(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(*harness.Witness, bool){
		"not done":                 (*harness.Witness).Away,
		"done but the answer lost": (*harness.Witness).Mute,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := harness.New(t, harness.Options{})
			r.Send(harness.Capacity("me/coordinator", "rs/coordinator"))
			r.Settle()
			before := r.Witnessed()
			for _, w := range r.Witnesses[:2] { // two of three are needed
				fault(w, true)
			}
			s := r.Send(harness.Capacity("me/coordinator", "rs/coordinator"))
			r.Settle()
			r.Gateway.Restart() // it forgets whom it has asked
			r.Ready()
			r.Until("the entries to be signed", func() bool {
				now := r.Examine()
				for origin, h := range now.Heads {
					if now.Waiting > 0 || now.Signed[origin] < h.Size || h.Size <= before.Heads[origin].Size {
						return false
					}
					if now.Witnessed[origin] > before.Heads[origin].Size {
						t.Errorf("%d entries are witnessed by one of three", now.Witnessed[origin])
					}
				}
				return true
			})
			if body, status := r.Get(s.ID.Issuer, proofsOf(s)); status != http.StatusOK || !strings.Contains(string(body), `"state":"pending"`) || strings.Contains(string(body), `"state":"proven"`) {
				t.Errorf("its receipt is not pending: %d %s", status, body)
			}
			for _, w := range r.Witnesses[:2] {
				fault(w, false)
			}
			r.Witnessed()
			if body, status := r.Get(s.ID.Issuer, proofsOf(s)); status != http.StatusOK || !strings.Contains(string(body), `"state":"proven"`) {
				t.Errorf("its receipt is not proven: %d %s", status, body)
			}
		})
	}
}

func proofsOf(s *harness.Sent) string {
	return "/v1/messages/" + string(s.ID.Issuer) + "/" + s.ID.ID + "/proofs"
}

// TestTheGuardsDiskIsGoneForAWhile: nothing is signed that only the database knows,
// messages are received all the same, and the log goes on by itself when the disk is back.
func TestTheGuardsDiskIsGoneForAWhile(t *testing.T) {
	t.Parallel()
	r := harness.New(t, harness.Options{Alarms: []string{"the log signs nothing"}})
	r.Send(harness.Capacity("me/coordinator", "rs/coordinator"))
	r.Settle()
	before := r.Witnessed()
	disk := filepath.Dir(r.Log().Guard)
	if err := os.Rename(disk, disk+" away"); err != nil {
		t.Fatal(err)
	}
	s := r.Send(harness.Capacity("me/coordinator", "rs/coordinator"))
	r.Await(s, gateway.StateDelivered)
	r.Until("the gateway to say so", func() bool { return strings.Contains(string(r.Gateway.Output()), "the log signs nothing") })
	for origin, n := range r.Examine().Witnessed {
		if n > before.Heads[origin].Size {
			t.Errorf("%s: %d entries are witnessed, and outside the database nothing says so", origin, n)
		}
	}
	if err := os.Rename(disk+" away", disk); err != nil {
		t.Fatal(err)
	}
	r.Witnessed()
}

// TestYesterdaysDatabaseIsRestored: whoever restores the database alone is stopped by the
// guard, whoever restores the guard too is stopped by the witnesses, and who brings back
// what was there today goes on.
func TestYesterdaysDatabaseIsRestored(t *testing.T) {
	t.Parallel()
	r := harness.New(t, harness.Options{Alarms: []string{"the log signs nothing", "a witness knows another history of the log"}})
	day := func(name string) (database, guard string) {
		t.Helper()
		for range 3 {
			r.Send(harness.Capacity("me/coordinator", "rs/coordinator"))
		}
		r.Settle()
		r.Witnessed()
		r.Gateway.Stop()
		database, guard = filepath.Join(r.Dir, name, "gateway"), filepath.Join(r.Dir, name, "guard")
		copyAll(t, filepath.Dir(r.Log().Journal), database)
		copyAll(t, filepath.Dir(r.Log().Guard), guard)
		return database, guard
	}
	yesterday, guardOfYesterday := day("yesterday")
	r.Gateway.Start()
	r.Ready()
	today, guardOfToday := day("today")
	for _, a := range r.Adapters {
		a.Stop() // what they do about a gateway that has forgotten is another test's
	}
	cosigned := map[string]int64{}
	for _, w := range r.Witnesses {
		for _, h := range w.Heads() {
			cosigned[w.Name] = h.Size
		}
	}

	// A message to a country that has no adapter here: it waits, and is in no story.
	receive := func() {
		t.Helper()
		raw, _ := r.Sign(harness.Capacity("me/coordinator", "al/coordinator"), false)
		if body, status := r.Post("me/coordinator", raw, nil); status != http.StatusAccepted {
			t.Errorf("a gateway that was set back receives no messages: %d %s", status, body)
		}
	}
	says := func(what string) {
		t.Helper()
		r.Until("the gateway to say so", func() bool { return strings.Contains(string(r.Gateway.Output()), what) })
	}

	restore(t, yesterday, filepath.Dir(r.Log().Journal))
	signed := load(t, r.Log().Guard)
	r.Gateway.Start()
	r.Ready()
	says("the database was rolled back")
	receive()
	r.Gateway.Stop()
	if got := load(t, r.Log().Guard); got != signed {
		t.Error("a gateway that was set back has signed something")
	}

	restore(t, guardOfYesterday, filepath.Dir(r.Log().Guard))
	r.Gateway.Start()
	r.Ready()
	receive()
	says("a witness knows another history of the log")
	says("witnesses have cosigned another history")
	r.Gateway.Stop()
	for _, w := range r.Witnesses {
		for _, h := range w.Heads() {
			if h.Size != cosigned[w.Name] || h.Fork != "" {
				t.Errorf("%s has cosigned %d entries today and %d now", w.Name, cosigned[w.Name], h.Size)
			}
		}
	}

	restore(t, today, filepath.Dir(r.Log().Journal))
	restore(t, guardOfToday, filepath.Dir(r.Log().Guard))
	r.Gateway.Start()
	r.Ready()
	for _, a := range r.Adapters {
		a.Start()
	}
	r.Send(harness.Capacity("me/coordinator", "rs/coordinator"))
	r.Check()
}

// copyAll copies a folder to a new one.
func copyAll(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// restore puts a copy in the place of a folder.
func restore(t *testing.T, copied, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	copyAll(t, copied, to)
}

func load(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
