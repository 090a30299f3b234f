package gateway

import (
	"errors"
	"fmt"
	"time"
)

// Problem is what a sender is told when something is refused: a stable code, and where
// in the message to look. It never holds a value of the message. Its JSON form is RFC
// 9457's, made by [Problem.Document].
type Problem struct {
	Code    Code
	Pointer string        // JSON Pointer (RFC 6901) into the processed message, or into the envelope for faults of form, no deeper than the schema knows; empty for the whole
	Hint    string        // what to change, where the code's own advice can be more exact; constant text and names of the schema only
	Rule    string        // the policy rule that refused, where one did
	Wait    time.Duration // Retry-After, where another attempt of the same bytes is welcome
	cause   error         // for the operator
}

// Code names a problem for ever. The catalogue is [Codes].
type Code string

// Refuse makes a problem. The pointer may be empty.
func Refuse(c Code, pointer, hint string) *Problem {
	return &Problem{Code: c, Pointer: pointer, Hint: hint}
}

// Because keeps an inner error for the operator's log. The sender never sees it.
func (p *Problem) Because(err error) *Problem {
	p.cause = err
	return p
}

// Error is the operator's view: code and pointer, and the cause where there is one.
func (p *Problem) Error() string {
	s := string(p.Code)
	if p.Pointer != "" {
		s += " at " + p.Pointer
	}
	if p.cause != nil {
		s += ": " + p.cause.Error()
	}
	return s
}

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.cause }

// AsProblem finds the problem in an error's chain. An error that is none is "internal":
// the sender learns nothing more, the operator reads the cause.
func AsProblem(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return (&Problem{Code: CodeInternal}).Because(err)
}

// Document is the problem as application/problem+json (RFC 9457, Section 3).
type Document struct {
	Type    string `json:"type"`
	Title   string `json:"title"`
	Status  int    `json:"status"`
	Code    Code   `json:"code"`
	Detail  string `json:"detail"`
	Pointer string `json:"pointer,omitempty"`
	Rule    string `json:"rule,omitempty"`
	// Evidence is the signed SubmissionRejection, where the refusal is recorded and is
	// that message id's answer for ever.
	Evidence string `json:"evidence,omitempty"`
}

// Document renders the problem for its sender.
func (p *Problem) Document() Document {
	e, ok := Codes[p.Code]
	if !ok {
		e = Codes[CodeInternal]
	}
	d := Document{
		Type: "urn:trm:problem:" + string(p.Code), Title: e.Title, Status: e.Status,
		Code: p.Code, Detail: e.Fix, Pointer: p.Pointer, Rule: p.Rule,
	}
	if p.Hint != "" {
		d.Detail = p.Hint
	}
	return d
}

// Explanation is what the catalogue says of a code.
type Explanation struct {
	Status int    // HTTP status
	Title  string // what happened
	Fix    string // what to change
}

// Final reports whether the same bytes would be refused again, so that the refusal can
// be recorded as the message's answer. 425, 429 and 503 claim no id.
func (p *Problem) Final() bool {
	s := Codes[p.Code].Status
	return s != 425 && s != 429 && s < 500
}

// permanent marks an error that another attempt cannot heal.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent marks err so that no attempt follows: [IsPermanent] finds it. Every other
// error is temporary, and ambiguous: what was tried may have happened.
func Permanent(err error) error { return permanent{err} }

// IsPermanent reports whether err or something it wraps was marked by [Permanent], or
// is a final problem.
func IsPermanent(err error) bool {
	var m permanent
	if errors.As(err, &m) {
		return true
	}
	var p *Problem
	return errors.As(err, &p) && p.Final()
}

// The codes. Each has a row in [Codes].
const (
	CodeInternal           Code = "internal"
	CodeBusy               Code = "busy"
	CodeRateLimited        Code = "rate-limited"
	CodeBacklog            Code = "backlog-full"
	CodeNotFound           Code = "not-found"
	CodeMethod             Code = "method-not-allowed"
	CodeUnauthenticated    Code = "unauthenticated"
	CodeForbidden          Code = "forbidden"
	CodeTooLarge           Code = "too-large"
	CodeMediaType          Code = "media-type"
	CodeMalformed          Code = "malformed"
	CodeRequest            Code = "request-malformed"
	CodeHeaderUnknown      Code = "header-unknown"
	CodeAlgorithm          Code = "algorithm"
	CodeTyp                Code = "typ"
	CodeDisclosure         Code = "disclosure"
	CodeKeyUnknown         Code = "key-unknown"
	CodeKeyNotValid        Code = "key-not-valid"
	CodeSignature          Code = "signature-invalid"
	CodeCallerMismatch     Code = "caller-mismatch"
	CodeIDReused           Code = "id-reused"
	CodePurged             Code = "purged"
	CodeKeyReused          Code = "idempotency-key-reused"
	CodeNotForUs           Code = "confirmation"
	CodeTimeMismatch       Code = "iat-mismatch"
	CodeTimeFuture         Code = "iat-in-future"
	CodeExpired            Code = "expired"
	CodeLifeTooLong        Code = "life-too-long"
	CodeLaneMismatch       Code = "lane-mismatch"
	CodeTypeUnknown        Code = "type-unknown"
	CodeCodesUnknown       Code = "codes-unknown"
	CodeSchema             Code = "schema"
	CodeActMismatch        Code = "act-mismatch"
	CodeUnitUnknown        Code = "unit-unknown"
	CodeUnitMissing        Code = "unit-missing"
	CodeUnitNotSealed      Code = "unit-not-sealed"
	CodeUnitSealedWrong    Code = "unit-sealed-wrong"
	CodeRoleMayNot         Code = "role-may-not-receive"
	CodePartyUnknown       Code = "party-unknown"
	CodePairOff            Code = "pair-off"
	CodePurposeNotAgreed   Code = "purpose-not-agreed"
	CodeBasisNotAgreed     Code = "basis-not-agreed"
	CodeAgreementMissing   Code = "agreement-missing"
	CodeAttestationMissing Code = "attestation-missing"
	CodeSenderMayNot       Code = "sender-may-not-send"
	CodeReceiverMayNot     Code = "receiver-may-not-receive"
	CodeRequiredWithheld   Code = "required-unit-withheld"
	CodePolicy             Code = "policy"
	CodeOverride           Code = "override-not-allowed"
	CodeApprovalMissing    Code = "approval-missing"
	CodeApproval           Code = "approval-invalid"
	CodeApprovalLate       Code = "approval-late"
	CodeThreadParties      Code = "thread-parties"
	CodeReplyUnknown       Code = "reply-unknown"
	CodeReplyType          Code = "reply-type"
	CodeNotInVersion       Code = "not-in-this-version"
	CodeBinding            Code = "binding-invalid"
	CodeEvidence           Code = "evidence-invalid"
	CodeSealBroken         Code = "unit-cannot-be-opened"
	CodeDirectoryStale     Code = "directory-stale"
	CodeAssertionUsed      Code = "assertion-used"
	CodeDestinationRefused Code = "destination-refused"
	CodeAttemptsExhausted  Code = "attempts-exhausted"
	CodeDeliveryKey        Code = "key"
	CodeNoteIdentifies     Code = "note-identifies"
)

// Codes explains every code: the reference page and the problem documents are made
// from it.
var Codes = map[Code]Explanation{
	CodeInternal:           {500, "The gateway could not finish", "Nothing needs changing. Send the same bytes again later; the operator has been told."},
	CodeBusy:               {503, "The gateway cannot receive safely at the moment", "Send the same bytes again after the time in Retry-After."},
	CodeRateLimited:        {429, "Too many messages at once", "Send the same bytes again after the time in Retry-After."},
	CodeBacklog:            {503, "Too much is waiting for this destination", "Send the same bytes again after the time in Retry-After; the urgent lane keeps a reserve."},
	CodeNotFound:           {404, "There is nothing here that you may see", "Check the address. A message is shown to its two correspondents only."},
	CodeMethod:             {405, "This address does not answer this method", "Use a method that the Allow header lists."},
	CodeUnauthenticated:    {401, "The caller is not known", "Call with the client certificate or a fresh signed assertion of a party in the directory (trm assert)."},
	CodeAssertionUsed:      {401, "The assertion cannot be used (again)", "Make a new assertion for each call; it lives five minutes at most and names this gateway as its audience."},
	CodeForbidden:          {403, "This caller may not do this", "Call as a party whose role may."},
	CodeTooLarge:           {413, "The message is too large", "An envelope has at most 256 KiB."},
	CodeMediaType:          {415, "The content type is not a message's", "Send application/trm+sd-jwt+json."},
	CodeMalformed:          {400, "The envelope is not well formed", "Send one flattened JWS in JSON (RFC 7515, Section 7.2.2) in UTF-8, without duplicate names, trailing data or padding."},
	CodeRequest:            {400, "The request is not as this address takes it", "Correct the parameter or header that the detail names."},
	CodeHeaderUnknown:      {400, "The protected header holds something it must not", "Use alg, kid, typ, cty, iat, x5t#S256 and optionally x5c, and nothing else."},
	CodeAlgorithm:          {400, "The algorithm is not the key's", "Sign with the algorithm that the directory lists for this key: ES256 or EdDSA."},
	CodeTyp:                {400, "The typ is not the one of this purpose", "Use the typ and the kind of key that this purpose has."},
	CodeDisclosure:         {400, "A disclosure does not fit the signed payload", "Send every disclosure once, exactly as its digest was signed (RFC 9901, Section 7.1)."},
	CodeKeyUnknown:         {422, "The signing key is not in the directory", "Sign with a key that the directory lists for the sender."},
	CodeKeyNotValid:        {422, "The signing key was not valid at iat, or is not for this use", "Sign with a current key of the right use."},
	CodeSignature:          {422, "The signature does not fit the bytes", "Send the bytes exactly as they were signed."},
	CodeCallerMismatch:     {403, "The caller is not the message's issuer", "Each party sends its own messages."},
	CodeIDReused:           {409, "This id already names another message", "Give the new message a new jti."},
	CodePurged:             {410, "The message with this id was purged at the end of its retention", "Nothing of it is kept here. Make a new message with a new jti."},
	CodeKeyReused:          {422, "Something else was asked under this Idempotency-Key", "Nothing was done. Give another request another key; to repeat one, send the same bytes."},
	CodeNotForUs:           {422, "The message is not bound to this gateway", "Set cnf.kid to a binding key that the directory lists for the gateway."},
	CodeTimeMismatch:       {422, "iat differs between header and claims", "Write the same iat in both."},
	CodeTimeFuture:         {422, "The message is dated in the future", "Check the clock; up to five minutes are allowed."},
	CodeExpired:            {422, "The message has expired", "Make a new message with a new jti."},
	CodeLifeTooLong:        {422, "The message would live too long", "Shorten exp; the type's page gives the longest life."},
	CodeLaneMismatch:       {422, "The lane in the head is not the one announced", "Send the header TRM-Lane: urgent only with a message whose lane is urgent. Nothing was recorded: send the same bytes without it."},
	CodeTypeUnknown:        {422, "This type is not known", "Use a type that trm types lists."},
	CodeCodesUnknown:       {422, "This code-list release is not accepted", "Use a release that /v1/codes lists."},
	CodeSchema:             {422, "The message does not follow its schema", "Correct the member that the pointer names; trm types show prints what it may hold."},
	CodeActMismatch:        {422, "act does not say what the blocks say", "List in act exactly the codes that the blocks hold, sorted."},
	CodeUnitUnknown:        {422, "This type does not carry such a unit", "Remove the unit; trm types show lists what the type carries."},
	CodeUnitMissing:        {422, "A unit that this type always carries is missing", "Add the unit; one for another role is sealed over {} where there is nothing to say."},
	CodeUnitNotSealed:      {422, "A unit that must be sealed is not", "Seal the unit to the role that its name says."},
	CodeUnitSealedWrong:    {422, "A sealed unit is bound to something else", "Seal it for this message, role and place, to a current key of that role, padded to the type's size."},
	CodeRoleMayNot:         {422, "The role may not receive this class", "Seal the unit to a role that the directory allows it for, or leave it out."},
	CodePartyUnknown:       {422, "The directory does not know this party", "Use a party that trm directory show lists."},
	CodePairOff:            {422, "These two countries do not exchange messages", "There is no agreement for this pair, or one side has switched it off."},
	CodePurposeNotAgreed:   {422, "The purpose is not one that this pair agreed", "Use a purpose that the directory lists for the pair."},
	CodeBasisNotAgreed:     {422, "The basis is not one that this pair agreed", "Use an article that the directory lists for the pair."},
	CodeAgreementMissing:   {422, "The person's agreement does not allow this", "Ask the person, or say in the head why they were not asked."},
	CodeAttestationMissing: {422, "An attestation is missing", "Sign what must be true of the person before this may be sent; the rule names it."},
	CodeSenderMayNot:       {422, "This role does not send this type", "Send it from a role that the type's page lists."},
	CodeReceiverMayNot:     {422, "This role does not receive this type", "Send it to a role that the type's page lists."},
	CodeRequiredWithheld:   {422, "Policy withholds a unit that this type must carry", "The message cannot be sent for this purpose and agreement; the rule says why."},
	CodePolicy:             {422, "Policy does not allow this message", "The rule says why, and what would allow it."},
	CodeOverride:           {422, "This cannot be overridden", "Leave override out, or give a reason for which the rules that stand in the way let themselves be overridden (trm policy list)."},
	CodeApprovalMissing:    {425, "A second person's approval is missing", "Have a second person of the office sign the approval (trm approve), post it to /v1/approvals, and send the same bytes again. Only in the urgent lane may it follow within 24 hours."},
	CodeApproval:           {422, "The approval cannot be accepted", "Sign it with an approval key that the directory lists for the sender, over exactly the bytes that are sent, with the override and the rules that they need."},
	CodeApprovalLate:       {422, "The approval comes too late", "The 24 hours are over and that is recorded. What remains is the review (trm approve --review)."},
	CodeThreadParties:      {422, "The thread belongs to other parties", "Begin a new thread: one is one person and one pair of parties."},
	CodeReplyUnknown:       {422, "inReplyTo names no message of this thread", "Name the jti of a message that the other correspondent sent in this thread."},
	CodeReplyType:          {422, "This type does not answer the message that inReplyTo names", "Answer with the type that the message's page names; a notice is answered by ack.answer, a change by applied.answer."},
	CodeNotInVersion:       {422, "This is not in the first version", "Leave the member out; its place is reserved."},
	CodeBinding:            {422, "What the gateway released is not what is here", "Do not use this delivery; tell the operator of the gateway."},
	CodeEvidence:           {422, "The evidence cannot be accepted", "Sign evidence with the recipient's evidence key for a delivery that was made to it."},
	CodeSealBroken:         {422, "A sealed unit cannot be opened or holds something it must not", "Seal it again under a new jti with supersedes."},
	CodeDirectoryStale:     {503, "The directory has expired", "Send the same bytes again later; the operator has been told."},
	CodeDestinationRefused: {422, "The destination's system refused the message", "Ask the recipient's office what its system could not take."},
	CodeAttemptsExhausted:  {422, "The destination's system could not be reached in time", "Telephone the recipient's duty officer; send again under a new jti."},
	CodeDeliveryKey:        {422, "The recipient no longer has the key", "Seal and sign the message again under a new jti with supersedes."},
	CodeNoteIdentifies:     {422, "The note would identify or locate somebody", "Take out what was found; what a role needs to know has a block of its own. The urgent lane warns and sends."},
}

// Unavailable is a problem that invites the same bytes again after wait.
func Unavailable(c Code, wait time.Duration, err error) *Problem {
	p := (&Problem{Code: c, Wait: wait}).Because(err)
	if err == nil {
		p.cause = fmt.Errorf("retry in %s", wait)
	}
	return p
}
