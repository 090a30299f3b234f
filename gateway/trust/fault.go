package trust

import "errors"

// Fault is one thing that is wrong with a directory, a statement or the way it is
// signed. Where names the entry, never a value of it that a person wrote.
type Fault struct {
	Reason Reason
	Where  string // "rs/coordinator", a key id, "al-ba"; empty for the whole
}

// Error names the reason and the place.
func (f *Fault) Error() string {
	s := string(f.Reason)
	if f.Where != "" {
		s += " (" + f.Where + ")"
	}
	return s
}

// Is lets errors.Is find a fault by its reason: errors.Is(err, trust.RolledBack).
func (f *Fault) Is(target error) bool {
	r, ok := target.(Reason)
	return ok && f.Reason == r
}

// Reason is the one name of a refusal. It is an error, so that errors.Is finds it.
type Reason string

// Error is the reason's words.
func (r Reason) Error() string { return string(r) }

// Why a directory or its signatures are refused.
const (
	BadForm         Reason = "not one signed document of the known form"
	NotCanonical    Reason = "not in canonical form: a member is unknown, missing, out of order or written otherwise"
	NotPinned       Reason = "signed with a key that is not a coordinator's directory key"
	SignedTwice     Reason = "signed twice by one country"
	BadSignature    Reason = "a coordinator's signature does not fit the bytes"
	TooFew          Reason = "fewer coordinators signed than the quorum"
	BadPins         Reason = "pins do not name a majority of one key for each country"
	RolledBack      Reason = "older than a directory already seen"
	NumberReused    Reason = "the number already names another directory"
	NotYetInForce   Reason = "not in force yet"
	NoLongerInForce Reason = "expired"
	FromTheFuture   Reason = "issued in the future"
)

// Why the content of a directory is refused.
const (
	BadNumber          Reason = "the number is not positive"
	BadDates           Reason = "dates are not whole seconds of UTC in order"
	NoDelay            Reason = "activates sooner after its issue than the delay"
	LivesTooLong       Reason = "lives longer than a directory may"
	CountryMissing     Reason = "a country's coordinator or its directory key is missing"
	CoordinatorMute    Reason = "a coordinator has no valid key to sign, testify or be written to"
	GatewayMute        Reason = "the gateway has no valid key for evidence or binding"
	BadParty           Reason = "not the name of a party"
	PartyTwice         Reason = "a party is listed twice or out of order"
	BadName            Reason = "a name is empty, too long, or lacks English"
	FootnoteMissing    Reason = "a name of Kosovo* lacks its asterisk"
	BadMailbox         Reason = "the mailbox is not an address"
	BadDuty            Reason = "the duty telephone is not an E.164 number"
	BadAlternate       Reason = "the alternate is not another party of the same country"
	BadClasses         Reason = "classes are not a sorted list that begins with E"
	RoleMayNot         Reason = "the role may never receive this class"
	BadKey             Reason = "not a public key of P-256 or Ed25519 in the one form of its use"
	WrongID            Reason = "the key's id is not its thumbprint"
	WrongUse           Reason = "the use is unknown or not one for this party"
	WrongAlgorithm     Reason = "the algorithm does not fit the use"
	KeyTwice           Reason = "a key appears twice: in two uses or with two parties"
	BadWindow          Reason = "the key's validity is not a window of whole seconds"
	WindowTooLong      Reason = "the key is valid longer than its use allows"
	BadRevocation      Reason = "revoked outside its validity"
	ThumbprintMissing  Reason = "a signing key has no certificate thumbprint"
	ThumbprintUnwanted Reason = "an encryption key has a certificate thumbprint"
	ThumbprintTwice    Reason = "a certificate thumbprint appears twice"
	BadPair            Reason = "a pair is not two countries in alphabetical order"
	PairTwice          Reason = "a pair is listed twice or out of order"
	PairMissing        Reason = "a pair of countries is missing"
	BadLogKey          Reason = "the log's key is not the verifier key of a log under its name"
	BadLogPolicy       Reason = "the log's policy is not one of C2SP tlog-policy without log lines"
	BadDeadlines       Reason = "a pair's terms are not a sorted list with a term for each lane"
	BadTerms           Reason = "a pair's instrument, articles or purposes are not sorted lists of codes"
)

// Why a directory may not follow another, however many signed it.
const (
	CoordinatorReplaced Reason = "a country's directory key was replaced without that country's signature"
	PartyRemoved        Reason = "a country's party was removed without that country's signature"
	KeyTaken            Reason = "a country's working key was removed or changed without that country's signature"
	SwitchedOff         Reason = "a pair was switched off without the signature of either side"
	TermsChanged        Reason = "a pair's terms were changed without the signatures of both sides"
	Unrevoked           Reason = "a revoked key is no longer revoked"
	TurnedReal          Reason = "development and real directories do not follow each other"
)

// Why a statement or a confirmation is refused.
const (
	NotTheirs     Reason = "signed by somebody whose matter it is not"
	UnknownKind   Reason = "not a kind of statement that is known"
	BadStatement  Reason = "a statement says something that it cannot"
	TooOld        Reason = "issued too long ago to be taken"
	OtherDocument Reason = "confirms another directory than this"
)

// Faults lists every fault in an error that this package returned, in order.
func Faults(err error) []*Fault {
	var out []*Fault
	var walk func(error)
	walk = func(err error) {
		switch e := err.(type) {
		case nil:
		case *Fault:
			out = append(out, e)
		case interface{ Unwrap() []error }:
			for _, inner := range e.Unwrap() {
				walk(inner)
			}
		default:
			walk(errors.Unwrap(err))
		}
	}
	walk(err)
	return out
}

func fault(r Reason, where string) error { return &Fault{Reason: r, Where: where} }
