package envelope_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

func approval() gateway.Approval {
	return gateway.Approval{
		ID: "019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6070", By: "ba/coordinator", At: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC),
		Message:  gateway.MessageID{Issuer: "ba/coordinator", ID: "019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071"},
		Envelope: strings.Repeat("A", 43), Reason: "danger-to-life", Rules: []string{"names-after-acceptance", "no-means-no"},
	}
}

func approvalKey(t *testing.T, u gateway.Use) (*envelope.Private, gateway.Key) {
	t.Helper()
	k, err := envelope.Generate(u, "ES256")
	if err != nil {
		t.Fatal(err)
	}
	return k, gateway.Key{ID: k.ID(), Party: "ba/coordinator", Use: u, Alg: "ES256", Public: k.Public()}
}

func TestAnApprovalSaysWhatWasSigned(t *testing.T) {
	t.Parallel()
	k, public := approvalKey(t, gateway.UseApproval)
	review := approval()
	review.Rules, review.Finding = nil, "not-upheld"
	for _, want := range []gateway.Approval{approval(), review} {
		jws, err := envelope.SignApproval(want, k)
		if err != nil {
			t.Fatal(err)
		}
		got, kid, err := envelope.Codec{}.ExamineApproval(jws)
		if diff := cmp.Diff(want, got); diff != "" || err != nil || kid != k.ID() {
			t.Errorf("signed by %q, %v:\n%s", kid, err, diff)
		}
		if err := (envelope.Codec{}).CheckApproval(jws, public); err != nil {
			t.Error(err)
		}
		if err := (envelope.Codec{}).CheckApproval(jws[:len(jws)-8]+"AAAAAAAA", public); gateway.AsProblem(err).Code != gateway.CodeSignature {
			t.Errorf("another signature got %v", err)
		}
	}
}

func TestOnlyAnApprovalKeySignsAnApproval(t *testing.T) {
	t.Parallel()
	for _, u := range []gateway.Use{gateway.UseMessage, gateway.UseEvidence, gateway.UseAssertion, gateway.UseBinding, gateway.UseDirectory} {
		k, public := approvalKey(t, u)
		if _, err := envelope.SignApproval(approval(), k); err == nil {
			t.Errorf("a key of use %s signed", u)
		}
		right, _ := approvalKey(t, gateway.UseApproval)
		jws, err := envelope.SignApproval(approval(), right)
		if err != nil {
			t.Fatal(err)
		}
		if err := (envelope.Codec{}).CheckApproval(jws, public); err == nil {
			t.Errorf("a key of use %s proves it", u)
		}
	}
}

func TestAnApprovalIsReadStrictly(t *testing.T) {
	t.Parallel()
	k, _ := approvalKey(t, gateway.UseApproval)
	const good = `{"jti":"019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6070","iss":"ba/coordinator","iat":1795000000,"envelope":"` + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" +
		`","reason":"danger-to-life","message":{"iss":"ba/coordinator","jti":"019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071"},"rules":["a","b"]}`
	read := func(payload string) error {
		jws, err := envelope.SignCompact("trm-approval+jwt", []byte(payload), k)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = envelope.Codec{}.ExamineApproval(jws)
		return err
	}
	if err := read(good); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, replaced string }{
		"a member that nobody knows":    {`"reason"`, `"why":"x","reason"`},
		"a text for a reason":           {"danger-to-life", "because she asked"},
		"a reason that is none":         {"danger-to-life", "convenience"},
		"no reason":                     {`"reason":"danger-to-life",`, ""},
		"no message":                    {`"message":{"iss":"ba/coordinator","jti":"019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071"},`, ""},
		"half a message":                {`"message":{"iss":"ba/coordinator",`, `"message":{`},
		"more of a message":             {`"message":{"iss"`, `"message":{"type":"x","iss"`},
		"no envelope":                   {`"envelope"`, `"envelop"`},
		"a digest that is none":         {"AAAAAAAAAA", "AAAA"},
		"rules out of order":            {`["a","b"]`, `["b","a"]`},
		"a rule twice":                  {`["a","b"]`, `["a","a"]`},
		"a rule that is a sentence":     {`["a","b"]`, `["a","b c"]`},
		"no rules and yet a list":       {`["a","b"]`, `[]`},
		"more rules than one can need":  {`["a","b"]`, `["a1","a2","a3","a4","a5","a6","a7","a8","a9","b0","b1","b2","b3","b4","b5","b6","b7","b8","b9","c0","c1","c2","c3","c4","c5","c6","c7","c8","c9","d0","d1","d2","d3"]`},
		"a finding that is none":        {`"rules"`, `"finding":"perhaps","rules"`},
		"an id that is none":            {"019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6070", "1"},
		"a party that is none":          {`"iss":"ba/coordinator","iat"`, `"iss":"zz/coordinator","iat"`},
		"what is said to the directory": {good, `{"kind":"revocation","by":"ba/coordinator","issued":"2026-11-21T12:00:00Z","key":"x","reason":"stolen"}`},
		"a list":                        {good, `[]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			payload := strings.Replace(good, c.old, c.replaced, 1)
			if payload == good {
				t.Fatal("nothing was changed")
			}
			if err := read(payload); err == nil {
				t.Error("it is read")
			}
		})
	}
	// Evidence and a directory are no approvals, whatever they hold.
	for _, typ := range []string{"trm-evidence+jwt", "trm-directory+jwt"} {
		use := map[string]gateway.Use{"trm-evidence+jwt": gateway.UseEvidence, "trm-directory+jwt": gateway.UseDirectory}[typ]
		other, _ := approvalKey(t, use)
		jws, err := envelope.SignCompact(typ, []byte(good), other)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := (envelope.Codec{}).ExamineApproval(jws); err == nil {
			t.Errorf("a %s is read as an approval", typ)
		}
	}
}

func FuzzExamineApproval(f *testing.F) {
	k, err := envelope.Generate(gateway.UseApproval, "ES256")
	if err != nil {
		f.Fatal(err)
	}
	jws, err := envelope.SignApproval(approval(), k)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(jws)
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, s string) {
		a, _, err := envelope.Codec{}.ExamineApproval(s)
		if err != nil {
			return
		}
		again, err := envelope.SignApproval(a, k)
		if err != nil {
			t.Fatal(err)
		}
		b, _, err := envelope.Codec{}.ExamineApproval(again)
		if diff := cmp.Diff(a, b); diff != "" || err != nil {
			t.Errorf("signed again it says (%v):\n%s", err, diff)
		}
	})
}
