package gateway

import "time"

// Stage is how far the answering of a message has come.
type Stage string

// The stages. Whether it is late is not a stage but a matter of the clock ([Duty.Standing]).
const (
	StageWaiting    Stage = "waiting"    // received by the gateway, not yet delivered
	StageDelivered  Stage = "delivered"  // the recipient has it
	StageClosed     Stage = "answered"   // wholly or in part, with yes or no
	StageRedirected Stage = "redirected" // another office should have got it
	StageRecalled   Stage = "recalled"   // its sender took it back
	StageFailed     Stage = "failed"     // it did not arrive
	StageSuperseded Stage = "superseded" // its sender sent it anew
)

// Exchange is a message and what has become of it: everything that two offices need to
// see who owes what. It is a value: what changes it gives back another. The sop package
// says what changes it.
type Exchange struct {
	Asked    Head
	Received time.Time // by the gateway
	Closes   string    // the type that answers it
	Terms    []Term    // that the answer has, as agreed at receipt: a request's has until the longest, any other's until the shortest
	Stage    Stage
	Read     bool   // a person is known to have opened it or taken it on
	Answer   string // jti of the answer that stands
	Outcome  string // of that answer
	Duty     Duty   // the zero value where nothing is owed
}
