package envelope_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

func TestAMessageGoesFromTheOfficeToTheRoleThatNeedsIt(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"ES256", "EdDSA"} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, alg)
			raw := w.message(t)

			p := decode(t, raw)
			if diff := cmp.Diff(w.head(), p.Head); diff != "" {
				t.Errorf("head (-want +got):\n%s", diff)
			}
			if err := (envelope.Codec{}).Verify(p, w.key(w.office, "ba/coordinator")); err != nil {
				t.Errorf("verifying: %v", err)
			}
			want := []string{"facts@coordinator", "health@child-protection", "needs", "subject", "subject/decidedBy", "subject/phase"}
			if diff := cmp.Diff(want, unitNames(p)); diff != "" {
				t.Errorf("units (-want +got):\n%s", diff)
			}

			bound := w.bind(t, raw, but("subject/decidedBy"))
			kid, delivery, err := envelope.WrapKeyID(bound.Wrapped)
			if err != nil || kid != w.coordinator.ID() || delivery != bound.Binding.Delivery {
				t.Fatalf("outside of the wrapping: %q, %q, %v", kid, delivery, err)
			}
			got := decode(t, w.unwrap(t, bound.Wrapped))
			if err := (envelope.Codec{}).Verify(got, w.key(w.office, "ba/coordinator")); err != nil {
				t.Errorf("verifying what was released: %v", err)
			}
			b, err := envelope.CheckBinding(got, w.lookup, delivery)
			if err != nil {
				t.Fatalf("binding: %v", err)
			}
			if diff := cmp.Diff(bound.Binding, b); diff != "" {
				t.Errorf("binding (-made +read):\n%s", diff)
			}
			subject := map[string]any{"child": "age-disputed", "phase": "presumed"}
			if diff := cmp.Diff(subject, got.Document["subject"]); diff != "" {
				t.Errorf("subject (-want +got):\n%s", diff)
			}
			needs := map[string]any{"n1": map[string]any{"code": "housing", "days": json.Number("14")}}
			if diff := cmp.Diff(needs, got.Document["needs"]); diff != "" {
				t.Errorf("needs (-want +got):\n%s", diff)
			}
			for _, left := range []string{"_sd", "_sd_alg"} {
				if _, ok := got.Document[left]; ok {
					t.Errorf("the processed document still has %s", left)
				}
			}
			plain, err := envelope.Unseal(got.Document["health@child-protection"].(string), w.protection, w.place("health", "child-protection"))
			if err != nil || string(plain) != `{"finding":"`+canary+`"}` {
				t.Errorf("unsealing gave %d bytes, %v", len(plain), err)
			}
		})
	}
}

func TestDroppingOneMoreDisclosureAfterBindingIsNoticed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "ES256")
	bound := w.bind(t, w.message(t), all)
	raw, err := envelope.Drop(w.unwrap(t, bound.Wrapped), but("needs"))
	if err != nil {
		t.Fatal(err)
	}
	p := decode(t, raw)
	if err := (envelope.Codec{}).Verify(p, w.key(w.office, "ba/coordinator")); err != nil {
		t.Errorf("the origin's signature broke: %v", err)
	}
	_, err = envelope.CheckBinding(p, w.lookup, bound.Binding.Delivery)
	if got := gateway.AsProblem(err).Code; got != gateway.CodeBinding {
		t.Errorf("got %q, want %q", got, gateway.CodeBinding)
	}
}

// The files in testdata were made once and are never made again: what a release signed and
// sealed, later ones read.
func TestWhatAnEarlierReleaseMadeIsStillRead(t *testing.T) {
	t.Parallel()
	w := oldWorld(t)
	p := decode(t, kept(t, "message.json"))
	if err := (envelope.Codec{}).Verify(p, w.key(w.office, "ba/coordinator")); err != nil {
		t.Errorf("verifying: %v", err)
	}
	if diff := cmp.Diff(w.head(), p.Head); diff != "" {
		t.Errorf("head (-want +got):\n%s", diff)
	}
	plain, err := envelope.Unseal(string(kept(t, "unit.jwe")), w.protection, w.place("health", "child-protection"))
	if err != nil || string(plain) != `{"finding":"`+canary+`"}` {
		t.Errorf("unsealing gave %d bytes, %v", len(plain), err)
	}
}
