package envelope

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
)

// vectors are the RFC's own examples. They have claims and a typ that this exchange does
// not, so the core is tested with them below the profile.
type vectors struct {
	Issuer, Holder json.RawMessage
	Digests        []struct{ Section, Claim, Disclosure, Digest string }
	Elements       []string
	Tokens         []struct {
		Section   string
		SDHash    string `json:"sd_hash"`
		Envelope  json.RawMessage
		Unread    []string // disclosures of array elements, which are not in the profile
		Disclosed json.RawMessage
	}
	General   json.RawMessage
	Recursive struct {
		Payload   json.RawMessage
		Address   string
		Fields    []string
		Processed json.RawMessage
	}
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	raw, err := os.ReadFile("testdata/rfc9901.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func object(t *testing.T, raw []byte) map[string]any {
	t.Helper()
	m, err := decodeObject(raw)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTheRFCsDisclosuresHaveTheRFCsDigests(t *testing.T) {
	t.Parallel()
	for _, d := range readVectors(t).Digests {
		if got := digestOf(d.Disclosure); got != d.Digest {
			t.Errorf("section %s, %s: got %s, want %s", d.Section, d.Claim, got, d.Digest)
		}
		left := budget(maxValues)
		got, err := parseDisclosure(d.Disclosure, &left)
		if d.Section == "4.2.3" { // its salt, for print, has fewer than 128 bits
			if gateway.AsProblem(err).Code != gateway.CodeDisclosure {
				t.Errorf("section %s: got %v, want a refusal of the short salt", d.Section, err)
			}
			continue
		}
		if err != nil || got.name != d.Claim {
			t.Errorf("section %s: got %q, %v, want %q", d.Section, got.name, err, d.Claim)
		}
	}
}

func TestTheRFCsTokensVerifyAndAreProcessedAsItSays(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	issuer, holder := vectorKey(t, v.Issuer), vectorKey(t, v.Holder)
	for _, tok := range v.Tokens {
		t.Run(tok.Section, func(t *testing.T) {
			t.Parallel()
			w, err := parseWire(tok.Envelope)
			if err != nil {
				t.Fatal(err)
			}
			signed := gateway.Header{Alg: algES256, KeyID: issuer.ID}
			if err := verifyJWS(w.core, signed, issuer); err != nil {
				t.Errorf("the issuer's signature: %v", err)
			}
			if tok.SDHash != "" {
				bound, err := splitCompact(w.bound)
				if err != nil {
					t.Fatal(err)
				}
				if err := verifyJWS(bound, gateway.Header{Alg: algES256, KeyID: holder.ID}, holder); err != nil {
					t.Errorf("the holder's signature: %v", err)
				}
				payload, err := decode64(bound.Payload)
				if err != nil {
					t.Fatal(err)
				}
				if got := object(t, payload)["sd_hash"]; got != tok.SDHash {
					t.Errorf("sd_hash as signed: got %v, want %s", got, tok.SDHash)
				}
				if got := digest(w.core, w.disclosures).String(); got != tok.SDHash {
					t.Errorf("sd_hash as computed: got %s, want %s", got, tok.SDHash)
				}
			}
			payload, err := decode64(w.core.Payload)
			if err != nil {
				t.Fatal(err)
			}
			want := object(t, payload)
			delete(want, sdName)
			for name, value := range object(t, tok.Disclosed) {
				want[name] = value
			}
			texts := slices.DeleteFunc(w.disclosures, func(s string) bool { return slices.Contains(tok.Unread, s) })
			left := budget(maxValues)
			r, _, err := newReveal(texts, &left)
			if err != nil {
				t.Fatal(err)
			}
			got := object(t, payload)
			if _, err := r.fill(got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("processed payload (-want +got):\n%s", diff)
			}
			if i := r.unused(); i >= 0 {
				t.Errorf("disclosure %d was not used", i)
			}
		})
	}
}

func TestTheRFCsRecursiveDisclosureIsAClearBlockWithFields(t *testing.T) {
	t.Parallel()
	v := readVectors(t).Recursive
	left := budget(maxValues)
	r, _, err := newReveal(append([]string{v.Address}, v.Fields...), &left)
	if err != nil {
		t.Fatal(err)
	}
	got := object(t, v.Payload)
	top, err := r.fill(got)
	if err != nil || !slices.Equal(top, []int{0}) {
		t.Fatalf("filling the payload: %v, %v", top, err)
	}
	if r.unused() != 1 {
		t.Error("the fields count as referenced before the block that refers to them is processed")
	}
	if _, err := r.fill(got["address"].(map[string]any)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(object(t, v.Processed), got); diff != "" {
		t.Errorf("processed payload (-want +got):\n%s", diff)
	}
	if i := r.unused(); i >= 0 {
		t.Errorf("disclosure %d was not used", i)
	}
}

func TestWhatTheRFCAllowsAndTheProfileDoesNotIsRefused(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	left := budget(maxValues)
	for _, element := range v.Elements {
		if _, err := parseDisclosure(element, &left); gateway.AsProblem(err).Code != gateway.CodeDisclosure {
			t.Errorf("an array element's disclosure: got %v", err)
		}
	}
	if _, err := parseWire(v.General); gateway.AsProblem(err).Code != gateway.CodeMalformed {
		t.Errorf("the general serialisation: got %v", err)
	}
	for _, tok := range v.Tokens {
		if _, err := (Codec{}).Decode(tok.Envelope); gateway.AsProblem(err).Code != gateway.CodeHeaderUnknown {
			t.Errorf("section %s, a header that is not ours: got %v", tok.Section, err)
		}
	}
}

func vectorKey(t *testing.T, raw []byte) gateway.Key {
	t.Helper()
	pub, id, alg, err := ParsePublic(raw)
	if err != nil {
		t.Fatal(err)
	}
	return gateway.Key{ID: id, Alg: alg, Public: pub, Use: gateway.UseMessage, NotAfter: time.Unix(1<<33, 0)}
}
