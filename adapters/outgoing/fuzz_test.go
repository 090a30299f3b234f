package outgoing_test

import (
	"testing"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/gateway"
)

// FuzzParseDraft reads drafts of an officer's system that is broken or worse: whatever it
// sends, the answer is a draft or a problem, and a preview of what it could be read as is
// a preview or a problem.
func FuzzParseDraft(f *testing.F) {
	w := theRegion(f)
	for _, typ := range w.catalogue.Types() {
		raw, _ := w.catalogue.Example(typ.Name)
		f.Add(raw)
	}
	f.Add([]byte(`{"type":"ack.answer/1.0","from":"rs/coordinator","to":"ba/coordinator","blocks":{"contact":{}},"sealed":{"":{}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := outgoing.ParseDraft(raw)
		if err == nil {
			_, err = w.desk().Preview(d, gateway.ThreadFacts{})
		}
		if p := gateway.AsProblem(err); err != nil && p.Code == gateway.CodeInternal {
			t.Fatalf("neither a draft nor a problem: %v", err)
		}
	})
}
