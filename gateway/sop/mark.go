package sop

// Mark says what an event did to an exchange, for the people on both sides. It refuses
// nothing: what the door let in is kept, and the mark says how to read it.
type Mark string

// The marks. states.csv says which event gets which.
const (
	Begun           Mark = "begun"             // delivered: what is owed is owed from now on
	Again           Mark = "again"             // nothing new: the same was known
	Undelivered     Mark = "undelivered"       // it did not arrive: the sender must act
	Contradiction   Mark = "contradiction"     // two signed statements cannot both be true: a person looks
	Early           Mark = "early"             // out of order: it came before the evidence that it rests on
	Noted           Mark = "noted"             // a person opened it, or took it on
	ReadAfterRecall Mark = "read-after-recall" // opened although it had been taken back
	Answered        Mark = "answered"          // the question is answered
	Partly          Mark = "partly"            // in part; a supplement may follow
	Declined        Mark = "declined"          // with no, or not possible, or kept for a legal reason
	PassedOn        Mark = "passed-on"         // another role in the same country has taken it
	MarkRedirected  Mark = "redirected"        // another office should have got it: the sender turns to it
	Repeated        Mark = "repeated"          // a second answer that says the same
	Contradicts     Mark = "contradicts"       // a second answer that says otherwise: the later stands, both are shown
	Supplement      Mark = "supplement"        // more, after an answer in part
	Crossed         Mark = "crossed"           // sent by one side before it could know what the other had sent
	Arrived         Mark = "arrived"           // the answer proves that it arrived after all
	Mismatch        Mark = "mismatch"          // of a type, or from a side, that cannot do this
	Unrelated       Mark = "unrelated"         // about something else
	Stranger        Mark = "stranger"          // from outside the thread: the door refuses it
	Moved           Mark = "moved"             // the date was moved, and the old one is kept
	Wish            Mark = "wish"              // an earlier date was asked for
	Moot            Mark = "moot"              // there is nothing left that it could change
	MarkRecalled    Mark = "recalled"          // taken back before anybody is known to have read it
	RecalledRead    Mark = "recalled-read"     // taken back after it was read: a breach on both sides' records
	Corrected       Mark = "corrected"         // a part of it was corrected
	Consent         Mark = "consent"           // the person's agreement to it changed
	OpenDuty        Mark = "open-duty"         // the case is to be closed while an answer is owed: it cannot be
	Closing         Mark = "closing"           // the case is to be closed, and nothing here stands against it
	Reopened        Mark = "reopened"          // the case was opened again
	MarkSuperseded  Mark = "superseded"        // its sender sent it anew under another id
)
