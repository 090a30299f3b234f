package trust

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// Statement is what one office says alone, because it must not wait for four countries.
// It stands over every directory, also later ones: no vote changes a party's telephone or
// makes a lost key good again.
type Statement struct {
	Kind   Kind          `json:"kind"`
	By     gateway.Party `json:"by"`
	Issued time.Time     `json:"issued"`

	// Of a revocation: which of the party's own keys, and a code from [Reasons]. It takes
	// effect when it was issued; what was signed before stays good, because everyone
	// judges as of receipt.
	Key    string `json:"key,omitempty"`
	Reason string `json:"reason,omitempty"`

	// Of contacts: all three, the alternate may be empty. Unreached stands in place of the
	// mailbox: no machine tells the party's people that a message waits, and whoever sends
	// to it is shown the telephone.
	Mailbox   string        `json:"mailbox,omitempty"`
	Unreached bool          `json:"unreached,omitempty"`
	Duty      string        `json:"duty,omitempty"`
	Alternate gateway.Party `json:"alternate,omitempty"`

	// Of a switch: the pair's other country, and whether By's side has it off. A pair is
	// on when the directory and both sides have it on.
	With gateway.Country `json:"with,omitempty"`
	Off  bool            `json:"off,omitempty"`
}

// Kind is what a statement is about.
type Kind string

// The kinds. A party's second person signs the first two with the approval key, which
// does not lie where messages are signed; a coordinator signs the third with its
// country's directory key.
const (
	Revocation Kind = "revocation"
	Contacts   Kind = "contacts"
	Switch     Kind = "switch"
)

// Reasons are the codes that a revocation can give.
var Reasons = [...]string{"lost", "person-left", "replaced", "stolen", "suspected"}

// Prompt is how old a statement may be when it is first published: a revocation dated
// back would make what was accepted since look forged.
const Prompt = 10 * time.Minute

func (k Kind) signing() (typ string, use gateway.Use) {
	switch k {
	case Revocation, Contacts:
		return typApproval, gateway.UseApproval
	case Switch:
		return typDirectory, gateway.UseDirectory
	}
	return "", ""
}

// Sign makes the statement's signed form, a compact JWS.
func (s Statement) Sign(k *envelope.Private) (string, error) {
	if err := s.check(); err != nil {
		return "", fmt.Errorf("signing a statement: %w", err)
	}
	typ, use := s.Kind.signing()
	if k == nil || k.Use() != use {
		return "", fmt.Errorf("signing a statement: %w", fault(WrongUse, string(s.By)))
	}
	payload, err := canonical(s)
	if err != nil {
		return "", fmt.Errorf("signing a statement: %w", err)
	}
	return envelope.SignCompact(typ, payload, k)
}

// ReadStatement shows what a statement says, having proven nothing.
func ReadStatement(jws string) (Statement, error) {
	s, _, err := readStatement(jws)
	if err != nil {
		return Statement{}, fmt.Errorf("reading a statement: %w", err)
	}
	return s, nil
}

func readStatement(jws string) (Statement, gateway.Header, error) {
	for _, typ := range []string{typApproval, typDirectory} {
		payload, h, err := envelope.ReadCompact(typ, jws)
		if err != nil {
			continue
		}
		var s Statement
		if err := decode(payload, &s); err != nil {
			return Statement{}, gateway.Header{}, err
		}
		if needs, _ := s.Kind.signing(); needs != typ {
			return Statement{}, gateway.Header{}, fault(UnknownKind, "")
		}
		return s, h, s.check()
	}
	return Statement{}, gateway.Header{}, fault(BadForm, "")
}

// check holds each kind to its own members.
func (s Statement) check() error {
	where := string(s.By)
	if _, err := gateway.ParseParty(where); err != nil {
		return fault(BadParty, "")
	}
	if !wholeUTC(s.Issued) {
		return fault(BadDates, where)
	}
	only := Statement{Kind: s.Kind, By: s.By, Issued: s.Issued}
	switch s.Kind {
	case Revocation:
		only.Key, only.Reason = s.Key, s.Reason
		if !thumbForm.MatchString(s.Key) || !slices.Contains(Reasons[:], s.Reason) {
			return fault(BadStatement, where)
		}
	case Contacts:
		only.Mailbox, only.Unreached, only.Duty, only.Alternate = s.Mailbox, s.Unreached, s.Duty, s.Alternate
		switch {
		case s.Unreached != (s.Mailbox == ""), s.Mailbox != "" && !mailboxForm.MatchString(s.Mailbox):
			return fault(BadMailbox, where)
		case !dutyForm.MatchString(s.Duty):
			return fault(BadDuty, where)
		case s.Alternate != "" && (s.Alternate == s.By || s.Alternate.Country() != s.By.Country()):
			return fault(BadAlternate, where)
		}
	case Switch:
		only.With, only.Off = s.With, s.Off
		if !s.With.Valid() || s.With == s.By.Country() || s.By != coordinator(s.By.Country()) {
			return fault(BadPair, where)
		}
	default:
		return fault(UnknownKind, where)
	}
	if s != only {
		return fault(BadStatement, where)
	}
	return nil
}

// prove checks a statement's signature: the key is By's own, of the right use, and was
// listed and valid when the statement was issued. signer finds keys as they were listed
// then, listed finds any that ever was.
func prove(jws string, signer func(id string, at time.Time) (gateway.Key, bool), listed func(id string) (gateway.Key, bool)) (Statement, error) {
	s, h, err := readStatement(jws)
	if err != nil {
		return Statement{}, err
	}
	_, use := s.Kind.signing()
	k, ok := signer(h.KeyID, s.Issued)
	if !ok || k.Party != s.By || k.Use != use || !k.ValidAt(s.Issued) {
		return Statement{}, fault(NotTheirs, string(s.By))
	}
	if err := envelope.VerifyCompact(jws, k); err != nil {
		return Statement{}, fault(BadSignature, string(s.By))
	}
	if s.Kind == Revocation {
		if own, ok := listed(s.Key); !ok || own.Party != s.By {
			return Statement{}, fault(NotTheirs, string(s.By))
		}
	}
	return s, nil
}

// With is the directory with statements merged over it: each proven with the keys of this
// directory. One that is not is an error, and nothing is merged. A later statement of one
// office about one matter replaces an earlier one; revocations are for ever.
func (d *Directory) With(statements ...string) (*Directory, error) {
	var faults []error
	t := d.told.clone()
	for _, jws := range statements {
		s, err := prove(jws, func(id string, _ time.Time) (gateway.Key, bool) { return d.Key(id) }, d.Key)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		t.merge(jws, s)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("merging statements: %w", err)
	}
	return d.over(t)
}

// Statements lists what is merged over the directory, oldest first, as signed.
func (d *Directory) Statements() []string { return slices.Clone(d.told.signed) }

// over is the directory under what was told, whoever proved it.
func (d *Directory) over(t told) (*Directory, error) {
	out := *d
	out.told = t
	return &out, out.index()
}

// statementID names a statement. The signature is left out: one of ES256 has a twin.
func statementID(jws string) string {
	i := strings.LastIndexByte(jws, '.')
	return gateway.Digest(sha256.Sum256([]byte(jws[:max(i, 0)]))).String()
}
