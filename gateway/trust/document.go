package trust

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// Document is the content of a directory: plain data, believed by nobody until k of n
// coordinators signed it and [Open] checked it.
//
// Its JSON form is canonical: members in the order of these fields, times in whole
// seconds of UTC, lists sorted as [Document.Check] asks, no white space. Whoever reads
// one compares its bytes with that form, so that no member is ever overlooked.
type Document struct {
	Notice       string      `json:"notice,omitempty"`      // for people; says TEST KEY where the keys are
	Development  bool        `json:"development,omitempty"` // a process that serves real people refuses it
	Number       int         `json:"number"`                // from 1, never used again
	Issued       time.Time   `json:"issued"`
	Activates    time.Time   `json:"activates"`
	Expires      time.Time   `json:"expires"`
	Coordinators []PinnedKey `json:"coordinators"` // by country: whose hands the next directory needs
	Parties      []Entry     `json:"parties"`      // by name
	Pairs        []Agreed    `json:"pairs"`        // all 21, by A and B
	Log          *Log        `json:"log,omitempty"`
}

// PinnedKey is the directory key of one country's coordinator.
type PinnedKey struct {
	Country gateway.Country `json:"country"`
	ID      string          `json:"id"`
	JWK     json.RawMessage `json:"jwk"`
}

// Entry is a party: a role of an institution.
type Entry struct {
	Party     gateway.Party     `json:"party"`
	Names     map[string]string `json:"names"`   // by language tag; English always
	Classes   []gateway.Class   `json:"classes"` // sorted; what the role may receive
	Mailbox   string            `json:"mailbox"`
	Duty      string            `json:"duty"` // E.164
	Alternate gateway.Party     `json:"alternate,omitempty"`
	Keys      []Key             `json:"keys"` // by use, then newest first
}

// Key is a public key of a party, for one use. Keys that are no longer valid stay until
// nothing that they signed needs to be verified any more.
type Key struct {
	ID         string          `json:"id"`
	Use        gateway.Use     `json:"use"`
	JWK        json.RawMessage `json:"jwk"`
	Thumbprint string          `json:"x5t#S256,omitempty"`
	NotBefore  time.Time       `json:"notBefore"`
	NotAfter   time.Time       `json:"notAfter"`
	Revoked    time.Time       `json:"revoked,omitzero"`
}

// Agreed is what two countries agreed.
type Agreed struct {
	A          gateway.Country `json:"a"`
	B          gateway.Country `json:"b"`
	On         bool            `json:"on"`
	Instrument string          `json:"instrument"`
	Articles   []string        `json:"articles"` // usable as basis
	Purposes   []string        `json:"purposes"`
	Trace      bool            `json:"trace"` // SELEC may trace deliveries
	// Terms replace those of the table of types for questions between the two, by topic,
	// code and who asks. Usually none.
	Terms []gateway.AgreedTerm `json:"terms,omitempty"`
}

// Log is the region's log and whose cosignatures make its checkpoints believed. It stands
// in the directory because neither may be the operator's choice.
type Log struct {
	// Name is the region's, "trm": each origin of the log is it with a year, "trm/2026",
	// or with what follows a succession, "trm/2026.2".
	Name string `json:"name"`
	// Key is the log's verifier key (C2SP signed-note) under Name. A checkpoint is signed by
	// the same key under its origin.
	Key string `json:"key"`
	// Policy is the text of C2SP tlog-policy, without log lines: those follow from Key.
	Policy string `json:"policy"`
}

// labelled is a document as it is signed. Everything that a directory key signs says what
// it is, so that no switch or confirmation is ever read as a directory.
type labelled struct {
	Kind string `json:"kind"`
	Document
}

const kindDirectory = "directory"

// Canonical is the one JSON form of the document: what is signed.
func (doc Document) Canonical() ([]byte, error) { return canonical(labelled{kindDirectory, doc}) }

// DocumentDigest is the name of a document's exact bytes: the SHA-256 of the signed
// payload, base64url. It does not depend on who signed.
func DocumentDigest(payload []byte) string { return gateway.Digest(sha256.Sum256(payload)).String() }

// ParseDocument reads the canonical form and nothing else. Its content is not checked.
func ParseDocument(payload []byte) (Document, error) {
	var l labelled
	if err := decode(payload, &l); err != nil {
		return Document{}, err
	}
	if l.Kind != kindDirectory {
		return Document{}, fault(UnknownKind, "")
	}
	return l.Document, nil
}

// Clone is a copy that shares nothing that can be changed.
func (doc Document) Clone() Document {
	doc.Coordinators = slices.Clone(doc.Coordinators)
	doc.Parties = slices.Clone(doc.Parties)
	for i, e := range doc.Parties {
		e.Names = maps.Clone(e.Names)
		e.Classes = slices.Clone(e.Classes)
		e.Keys = slices.Clone(e.Keys)
		doc.Parties[i] = e
	}
	doc.Pairs = slices.Clone(doc.Pairs)
	for i, p := range doc.Pairs {
		p.Articles = slices.Clone(p.Articles)
		p.Purposes = slices.Clone(p.Purposes)
		p.Terms = slices.Clone(p.Terms)
		doc.Pairs[i] = p
	}
	if doc.Log != nil {
		l := *doc.Log
		doc.Log = &l
	}
	return doc
}

// Entry finds a party's entry for editing, nil where there is none.
func (doc *Document) Entry(p gateway.Party) *Entry {
	for i := range doc.Parties {
		if doc.Parties[i].Party == p {
			return &doc.Parties[i]
		}
	}
	return nil
}

// Sort brings every list into canonical order, after editing.
func (doc *Document) Sort() {
	slices.SortFunc(doc.Coordinators, func(a, b PinnedKey) int { return cmp.Compare(a.Country, b.Country) })
	slices.SortFunc(doc.Parties, func(a, b Entry) int { return cmp.Compare(a.Party, b.Party) })
	for i := range doc.Parties {
		slices.SortFunc(doc.Parties[i].Classes, func(a, b gateway.Class) int { return cmp.Compare(rank(a), rank(b)) })
		slices.SortFunc(doc.Parties[i].Keys, compareKeys)
	}
	slices.SortFunc(doc.Pairs, comparePairs)
	for i := range doc.Pairs {
		slices.Sort(doc.Pairs[i].Articles)
		slices.Sort(doc.Pairs[i].Purposes)
		slices.SortFunc(doc.Pairs[i].Terms, compareTerms)
	}
}

// maxBytes bounds a directory or statement before anything reads it. A region of forty
// parties takes about 130 KiB.
const maxBytes = 1 << 20

// decode reads canonical JSON into v. Two readers have to agree: the strict decoder on
// the text, and the encoder on every byte of what was understood.
func decode(raw []byte, v any) error {
	if len(raw) > maxBytes {
		return fault(BadForm, "")
	}
	if _, err := envelope.DecodeJSON(raw); err != nil {
		return fault(BadForm, "")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fault(NotCanonical, "")
	}
	again, err := canonical(v)
	if err != nil || !bytes.Equal(raw, again) {
		return fault(NotCanonical, "")
	}
	return nil
}

// canonical is encoding/json without its escapes for HTML and without the line feed.
func canonical(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
