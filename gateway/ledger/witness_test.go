package ledger_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"example.org/trm/gateway"
	"example.org/trm/gateway/ledger"
	"example.org/trm/gateway/ledger/quorum"
)

// An outage stops no entry and no checkpoint; what it leaves pending is witnessed when the
// witnesses are back, without anybody doing anything.
func TestAnOutageOfWitnessesLeavesProofsPending(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(*observer, bool){
		"they do not answer":                   func(o *observer, on bool) { o.off.Store(on) },
		"they cosign and the answers are lost": func(o *observer, on bool) { o.lost.Store(on) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, twoOfThree)
			w.run()
			w.deeds(0, 3)
			w.witnessed(3)
			for _, n := range []string{"a", "c"} {
				set(w.witnesses[n], true)
			}
			w.deeds(3, 5)
			w.published(8)
			if _, err := w.log.Prove(t.Context(), origin, 7); !errors.Is(err, ledger.ErrPending) {
				t.Errorf("an entry without its witnesses is proven: %v", err)
			}
			if p, err := w.log.Prove(t.Context(), origin, 2); err != nil || len(p.Path) == 0 {
				t.Errorf("an entry that was witnessed before is not proven: %v", err)
			}
			if s := w.standing(); s.Witnessed != 3 || s.Behind.IsZero() || s.Refused != nil {
				t.Errorf("%+v", s)
			}
			for _, n := range []string{"a", "c"} {
				set(w.witnesses[n], false)
			}
			w.witnessed(8)
			w.proven(origin)
			if s := w.standing(); !s.Behind.IsZero() {
				t.Errorf("all is witnessed, and %+v", s)
			}
		})
	}
}

func TestTwoOfThreeWitnessesAreEnough(t *testing.T) {
	t.Parallel()
	w := newWorld(t, twoOfThree)
	w.witnesses["b"].off.Store(true)
	w.run()
	for i := range 5 {
		w.deeds(10*i, 10)
		w.witnessed(int64(10 * (i + 1)))
	}
	w.proven(origin)
	w.witnesses["b"].off.Store(false)
	w.deed("the last")
	w.witnessed(51)
}

// A witness that was away for long gets one proof over all that it missed.
func TestAWitnessThatWasAwayCatchesUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "group all3 all a b c\nquorum all3\n")
	w.run()
	w.deeds(0, 3)
	w.witnessed(3)
	w.witnesses["b"].off.Store(true)
	w.deeds(3, 300)
	w.published(303)
	w.witnesses["b"].off.Store(false)
	w.witnessed(303)
	if h := w.witnesses["b"].Heads(); len(h) != 1 || h[0].Size != 303 {
		t.Errorf("it has cosigned %+v", h)
	}
}

// One witness that says nonsense, or says that it knows more, stops nothing while the
// others are a quorum.
func TestALyingWitnessStopsNothing(t *testing.T) {
	t.Parallel()
	for name, lie := range map[string]http.HandlerFunc{
		"it knows more": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/x.tlog.size")
			w.WriteHeader(http.StatusConflict)
			fmt.Fprintln(w, 1<<40)
		},
		"it names another size each time": func() http.HandlerFunc {
			n := 0
			return func(w http.ResponseWriter, _ *http.Request) {
				n++
				w.Header().Set("Content-Type", "text/x.tlog.size")
				w.WriteHeader(http.StatusConflict)
				fmt.Fprintln(w, n%2)
			}
		}(),
		"a negative size": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/x.tlog.size")
			w.WriteHeader(http.StatusConflict)
			fmt.Fprintln(w, -1)
		},
		"another history":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnprocessableEntity) },
		"nothing":             func(http.ResponseWriter, *http.Request) {},
		"no note":             func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "yes\n") },
		"a forged signature":  func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "— b.example AAAAAAAAAAAAAAAA\n") },
		"an unknown log":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) },
		"more than is read":   func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("— x AAAA\n", 1<<20)) },
		"a checkpoint of its": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "trm/2026\n9\nAAAA\n\n— x AAAA\n") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, twoOfThree)
			liar := httptest.NewServer(lie)
			t.Cleanup(liar.Close)
			w.text = strings.Replace(w.text, w.witnesses["b"].url, liar.URL, 1)
			var err error
			w.policy, err = quorum.Parse(w.text)
			w.must(err)
			w.run()
			w.deeds(0, 3)
			w.witnessed(3)
			w.proven(origin)
			if s := w.standing(); s.Refused != nil {
				t.Errorf("one witness stopped the log: %v", s.Refused)
			}
		})
	}
}

// Without the two that say so there is no quorum: then they are believed.
func TestAQuorumThatKnowsAnotherHistoryStopsTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t, twoOfThree)
	w.run()
	w.deeds(0, 5)
	w.witnessed(5)
	other := newWorld(t, twoOfThree)
	other.signer, other.witnesses, other.policy, other.text = w.signer, w.witnesses, w.policy, w.text
	other.run()
	other.deeds(50, 3)
	other.refused(ledger.ErrContradicted)
	other.deeds(60, 30)
	other.await("entries to wait", func() error {
		if s := other.standing(); s.Waiting == 0 || s.Refused == nil {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	w.deed("the honest one goes on")
	w.witnessed(6)
}

func TestAProofThatWasTamperedWithProvesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, twoOfThree)
	w.run()
	w.deeds(0, 9)
	w.witnessed(9)
	leaf := w.leaves(origin)[4]
	p, err := w.log.Prove(t.Context(), origin, 4)
	w.must(err)
	good := string(p.Marshal())
	key := w.signer.Named(origin).Key().String()
	if c, err := ledger.VerifyProof(leaf, []byte(good), key, w.text); err != nil || c.Size != 9 {
		t.Fatal(c, err)
	}
	lines := strings.Split(good, "\n")
	without := func(n int) string {
		return strings.Join(append(append([]string{}, lines[:n]...), lines[n+1:]...), "\n")
	}
	cosigned := strings.Index(good, "— "+w.policy.Witnesses[0].Key.Name)
	if i := strings.Index(good, "— "+w.policy.Witnesses[1].Key.Name); cosigned < 0 || i >= 0 && i < cosigned {
		cosigned = i
	}
	for name, bad := range map[string]string{
		"another index":             strings.Replace(good, "index 4", "index 5", 1),
		"an index beyond":           strings.Replace(good, "index 4", "index 9", 1),
		"an index written twice":    strings.Replace(good, "index 4", "index 04", 1),
		"a hash less":               without(2),
		"a hash twice":              strings.Replace(good, lines[2], lines[2]+"\n"+lines[2], 1),
		"another size":              strings.Replace(good, "\n9\n", "\n8\n", 1),
		"another root":              strings.Replace(good, "\n9\n", "\n9\nA", 1),
		"another log":               strings.Replace(good, "\n\ntrm/2026\n", "\n\ntrm/2025\n", 1),
		"no signature":              good[:strings.Index(good, "— ")],
		"no cosignature":            good[:cosigned],
		"a byte of a signature":     flip(good, len(good)-9),
		"a byte of a hash":          flip(good, len(lines[0])+len(lines[1])+5),
		"another header":            strings.Replace(good, "@v1", "@v2", 1),
		"nothing":                   "",
		"carriage returns":          strings.ReplaceAll(good, "\n", "\r\n"),
		"an extra that is no text":  strings.Replace(good, "index", "extra !\nindex", 1),
		"a line before its index":   strings.Replace(good, "index", lines[2]+"\nindex", 1),
		"more hashes than any tree": strings.Replace(good, lines[2], strings.Repeat(lines[2]+"\n", 70)+lines[2], 1),
	} {
		if _, err := ledger.VerifyProof(leaf, []byte(bad), key, w.text); err == nil {
			t.Errorf("%s: it is proven", name)
		}
	}
	if _, err := ledger.VerifyProof(leaf, []byte(strings.Replace(good, "index", "extra YWJj\nindex", 1)), key, w.text); err != nil {
		t.Errorf("an extra, which proves nothing, spoils it: %v", err)
	}
	other, err := ledger.ParseEntry(leaf)
	w.must(err)
	other.Event = gateway.Overridden
	if _, err := ledger.VerifyProof(other.Bytes(), []byte(good), key, w.text); !errors.Is(err, ledger.ErrProof) {
		t.Errorf("another entry is proven: %v", err)
	}
	if _, err := ledger.VerifyProof(leaf, []byte(good[:cosigned]), key, w.text); !errors.Is(err, ledger.ErrUnwitnessed) {
		t.Errorf("without witnesses: %v", err)
	}
	all := strings.Replace(w.text, "most 2", "most 3", 1)
	if _, err := ledger.VerifyProof(leaf, []byte(good), key, all); strings.Count(good, "— ") == 3 && !errors.Is(err, ledger.ErrUnwitnessed) {
		t.Errorf("two are believed where three are needed: %v", err)
	}
	stranger := newWorld(t, twoOfThree)
	if _, err := ledger.VerifyProof(leaf, []byte(good), stranger.signer.Named(origin).Key().String(), w.text); !errors.Is(err, ledger.ErrCheckpoint) {
		t.Errorf("another log's key: %v", err)
	}
	if _, err := ledger.VerifyProof(leaf, []byte(good), key, stranger.text); !errors.Is(err, ledger.ErrUnwitnessed) {
		t.Errorf("other witnesses: %v", err)
	}
}

// flip changes one letter of base64 into another.
func flip(s string, at int) string {
	b := []byte(s)
	if b[at] == 'A' {
		b[at] = 'B'
	} else {
		b[at] = 'A'
	}
	return string(b)
}
