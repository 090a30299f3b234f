package policy

import "example.org/trm/gateway"

// Effect is what a rule does where it applies.
type Effect string

// The effects, in the order in which they are asked.
const (
	Refuse   Effect = "refuse"   // the message does not travel
	Withhold Effect = "withhold" // the part does not leave, whatever allows it
	Allow    Effect = "allow"    // the part may leave
	Duty     Effect = "duty"     // the gateway cannot see it: the office at one end keeps it
)

// Enforcer is who keeps a rule.
type Enforcer string

// The enforcers.
const (
	Origin      Enforcer = "origin"      // the sending office, before it signs
	Gateway     Enforcer = "gateway"     // the gateway for everyone, and the sender's own adapter before it
	Destination Enforcer = "destination" // the receiving office, after it opened
)

// Place is where a duty is shown to those who keep it, because nobody can check it.
type Place string

// The places.
const (
	InPreview Place = "preview" // before a message is signed
	AtOpening Place = "opening" // beside a message that was opened
	AtReview  Place = "review"  // in the report of overrides
)

// Rule is one rule as the file writes it. It is also what the gateway publishes.
type Rule struct {
	ID       string       `yaml:"id" json:"id"`
	Effect   Effect       `yaml:"effect" json:"effect"`
	Enforcer Enforcer     `yaml:"enforcer" json:"enforcer"`
	Law      []string     `yaml:"law" json:"law"`                       // keys of the file's list of sources
	Says     string       `yaml:"says" json:"says"`                     // the rule in plain words
	Fix      string       `yaml:"fix,omitempty" json:"fix,omitempty"`   // what would let the message travel; refusals only
	Code     gateway.Code `yaml:"code,omitempty" json:"code,omitempty"` // of a refusal
	When     When         `yaml:"when,omitempty" json:"when,omitzero"`
	Unless   []When       `yaml:"unless,omitempty" json:"unless,omitempty"` // the rule does not apply where one of these does
	// Override are the reasons for which an officer, with a second person's approval, may
	// set the rule aside. Most rules have none: they always hold.
	Override []string `yaml:"override,omitempty" json:"override,omitempty"`
	// Shown is where a duty stands before the eyes of whoever keeps it.
	Shown    []Place  `yaml:"shown,omitempty" json:"shown,omitempty"`
	Examples Examples `yaml:"examples,omitempty" json:"examples,omitzero"`
}

// When lists conditions: all that are written must hold, and one of each list suffices.
// An entry may be the name of one of the file's lists. The zero value always holds.
type When struct {
	// Types are "topic.frame", "topic.*" or "*.frame", each with "#code" where one of
	// the message's acts must be that code.
	Types []string `yaml:"types,omitempty" json:"types,omitempty"`
	From  []string `yaml:"from,omitempty" json:"from,omitempty"` // role kinds of the sender
	To    []string `yaml:"to,omitempty" json:"to,omitempty"`     // role kinds of the recipient

	// Units are "block", "block/field" or "block@role"; role may be "aud", the recipient
	// itself, or "*". "clear" and "sealed" are all units of that kind that the type
	// carries.
	Units   []string        `yaml:"units,omitempty" json:"units,omitempty"`
	Readers []string        `yaml:"readers,omitempty" json:"readers,omitempty"` // role kinds that can read the unit
	Classes []gateway.Class `yaml:"classes,omitempty" json:"classes,omitempty"`

	Lanes    []gateway.Lane `yaml:"lanes,omitempty" json:"lanes,omitempty"`
	Purposes []string       `yaml:"purposes,omitempty" json:"purposes,omitempty"`
	Bases    []string       `yaml:"bases,omitempty" json:"bases,omitempty"`
	// Agreement is "state" or "state:reason"; "unsaid" is a head that says nothing of it,
	// "override" a message that overrides rules, whatever was agreed.
	Agreement []string `yaml:"agreement,omitempty" json:"agreement,omitempty"`
	Decided   []string `yaml:"decided,omitempty" json:"decided,omitempty"` // who decided: person, guardian, authority
	Heard     *bool    `yaml:"heard,omitempty" json:"heard,omitempty"`
	Lacks     []string `yaml:"lacks,omitempty" json:"lacks,omitempty"` // attestations of which one is missing
	Thread    []Fact   `yaml:"thread,omitempty" json:"thread,omitempty"`
	Found     []Fault  `yaml:"found,omitempty" json:"found,omitempty"`
}

// Fact is something that the thread has established before this message.
type Fact string

// The facts.
const (
	New         Fact = "new"          // this is its first message
	Begun       Fact = "begun"        // it is not
	Accepted    Fact = "accepted"     // a referral was accepted, wholly or in part
	NotAccepted Fact = "not-accepted" // none was
	Declined    Fact = "declined"     // the last answer to a referral declined it
	Closed      Fact = "closed"       // the case was closed
	Withdrawn   Fact = "withdrawn"    // the agreement was withdrawn, and not given again
	OfAge       Fact = "of-age"       // the person came of age
)

// Fault is a comparison of the message with its type, the pair or the directory, which a
// list of codes cannot express.
type Fault string

// The faults.
const (
	PurposeOutsidePair  Fault = "purpose-outside-pair"
	BasisOutsidePair    Fault = "basis-outside-pair"    // also when the type asks for a basis and there is none
	AgreementUnsaid     Fault = "agreement-unsaid"      // the type asks what was decided and by whom
	SenderOutsideType   Fault = "sender-outside-type"   // the type does not list the sender's role
	ReceiverOutsideType Fault = "receiver-outside-type" // nor the recipient's
	ClassOutsideRole    Fault = "class-outside-role"    // the directory does not let the unit's reader receive its class
)

// Examples are one message that the rule decides and one that it lets pass. A test asks
// the policy about both.
type Examples struct {
	Decides Example `yaml:"decides" json:"decides"`
	Passes  Example `yaml:"passes" json:"passes"`
}

// Example is a message in as few words as it takes. What is left out is the ordinary
// case of the type: its first sender and receiver, agreement given by the person, a
// purpose and an article of the pair, the ordinary lane, a new thread.
type Example struct {
	Says      string          `yaml:"says" json:"says"`
	Type      string          `yaml:"type" json:"type"` // "topic.frame" or "topic.frame#code"
	From      string          `yaml:"from,omitempty" json:"from,omitempty"`
	To        string          `yaml:"to,omitempty" json:"to,omitempty"`
	Unit      string          `yaml:"unit,omitempty" json:"unit,omitempty"` // the part asked about
	Lane      string          `yaml:"lane,omitempty" json:"lane,omitempty"`
	Purpose   string          `yaml:"purpose,omitempty" json:"purpose,omitempty"`
	Basis     string          `yaml:"basis,omitempty" json:"basis,omitempty"`
	Agreement string          `yaml:"agreement,omitempty" json:"agreement,omitempty"` // "state", "state:reason", "none"
	Decided   string          `yaml:"decided,omitempty" json:"decided,omitempty"`
	Heard     bool            `yaml:"heard,omitempty" json:"heard,omitempty"`
	Override  string          `yaml:"override,omitempty" json:"override,omitempty"`
	Attests   []string        `yaml:"attests,omitempty" json:"attests,omitempty"`
	Thread    []Fact          `yaml:"thread,omitempty" json:"thread,omitempty"`
	Classes   []gateway.Class `yaml:"classes,omitempty" json:"classes,omitempty"` // what the unit's reader may receive, if not everything
}
