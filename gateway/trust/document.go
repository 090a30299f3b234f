package trust

import (
	"encoding/json"
	"time"

	"example.org/trm/gateway"
)

// Document is the content of a directory, before or after it was signed.
type Document struct {
	Notice       string      `json:"notice,omitempty"` // says TEST KEY where the keys are
	Development  bool        `json:"development,omitempty"`
	Number       int         `json:"number"`
	Issued       time.Time   `json:"issued"`
	Activates    time.Time   `json:"activates"`
	Expires      time.Time   `json:"expires"`
	Coordinators []PinnedKey `json:"coordinators"`
	Parties      []Entry     `json:"parties"`
	Pairs        []Agreed    `json:"pairs"`
}

// PinnedKey is the directory key of one country's coordinator.
type PinnedKey struct {
	Country gateway.Country `json:"country"`
	ID      string          `json:"id"`
	JWK     json.RawMessage `json:"jwk"`
}

// Entry is a party.
type Entry struct {
	Party     gateway.Party     `json:"party"`
	Names     map[string]string `json:"names"`
	Classes   []gateway.Class   `json:"classes"`
	Mailbox   string            `json:"mailbox"`
	Duty      string            `json:"duty"`
	Alternate gateway.Party     `json:"alternate,omitempty"`
	Keys      []Key             `json:"keys"`
}

// Key is a public key of a party.
type Key struct {
	ID         string          `json:"id"`
	Use        gateway.Use     `json:"use"`
	JWK        json.RawMessage `json:"jwk"`
	Thumbprint string          `json:"x5t#S256,omitempty"`
	NotBefore  time.Time       `json:"notBefore"`
	NotAfter   time.Time       `json:"notAfter"`
	Revoked    time.Time       `json:"revoked,omitzero"`
}

// Agreed is a pair of countries.
type Agreed struct {
	A          gateway.Country `json:"a"`
	B          gateway.Country `json:"b"`
	On         bool            `json:"on"`
	Instrument string          `json:"instrument"`
	Articles   []string        `json:"articles"`
	Purposes   []string        `json:"purposes"`
	Trace      bool            `json:"trace"`
}
