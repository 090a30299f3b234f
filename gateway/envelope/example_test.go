package envelope_test

import (
	"fmt"
	"strings"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// An office signs a message with a clear block and one that only child protection can
// open; somebody on the way leaves the clear one out; the office's signature still holds.
func Example() {
	office, err := envelope.Generate(gateway.UseMessage, "ES256")
	if err != nil {
		fmt.Println(err)
		return
	}
	protection, err := envelope.Generate(gateway.UseEncryption, "ECDH-ES+A256KW")
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	reader := protection.Key("rs/child-protection", now, now.AddDate(0, 0, 90), "")
	certificate := strings.Repeat("A", 43) // x5t#S256

	id := "0199a3b4-5c6d-7e8f-9a0b-1c2d3e4f5a6b"
	place := envelope.Place{Issuer: "ba/coordinator", ID: id, Role: "child-protection", Pointer: "/health@child-protection"}
	sealed, err := envelope.Seal([]byte(`{"finding":"invented"}`), 1024, reader, place)
	if err != nil {
		fmt.Println(err)
		return
	}
	raw, err := envelope.Sign(envelope.Draft{
		Head: gateway.Head{
			ID: id, Issuer: "ba/coordinator", Audience: "rs/coordinator", IssuedAt: now, Expires: now.Add(72 * time.Hour),
			Confirmation: strings.Repeat("A", 43), Type: "referral.request/1.0", Codes: "2026-11",
			Thread: "0199a3b4-0000-7000-8000-000000000001", Lane: gateway.Normal, Purpose: "assistance",
		},
		Clear:  map[string]map[string]any{"needs": {"n1": map[string]any{"code": "housing"}}},
		Sealed: map[string]string{"health@child-protection": sealed},
		Type:   gateway.Type{Digests: 8}, // two units among eight digests
	}, office, certificate, nil)
	if err != nil {
		fmt.Println(err)
		return
	}

	raw, err = envelope.Drop(raw, func(unit string) bool { return unit != "needs" })
	if err != nil {
		fmt.Println(err)
		return
	}

	parts, err := envelope.Codec{}.Decode(raw)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = envelope.Codec{}.Verify(parts, office.Key("ba/coordinator", now, now.AddDate(1, 0, 0), certificate))
	fmt.Println("signature:", err)
	for _, u := range parts.Units {
		plain, err := envelope.Unseal(parts.Document[u.Name].(string), protection, place)
		fmt.Println(u.Name, string(plain), err)
	}
	// Output:
	// signature: <nil>
	// health@child-protection {"finding":"invented"} <nil>
}
