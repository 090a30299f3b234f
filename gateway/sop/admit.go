package sop

import (
	"slices"
	"strings"

	"example.org/trm/gateway"
)

// Rules hold a message against its conversation. The zero value is not usable: it needs
// the types. Safe for concurrent use where these are.
type Rules struct{ Types Types }

// Types is what the rules know of the table of types.
type Types interface {
	Type(name string) (gateway.Type, bool)
}

var _ gateway.Procedure = Rules{}

// Admit refuses an answer that names nothing which its recipient asked of its sender in
// this thread ("reply-unknown"), and an answer of a type that does not close what it
// names ("reply-type"). Other messages may refer to any message of the thread, of either
// side. A message that warns ([Warns]) is never refused for what it refers to.
//
// Late, second and crossed answers are admitted: a person decides what they are worth,
// and refusing them would leave one side with less than the truth.
func (r Rules) Admit(h gateway.Head, earlier func(gateway.MessageID) (gateway.Earlier, error)) error {
	answer := h.Frame() == "answer"
	if h.InReplyTo == "" && !answer || Warns(h) {
		return nil
	}
	theirs, err := earlier(gateway.MessageID{Issuer: h.Audience, ID: h.InReplyTo})
	if err != nil {
		return err
	}
	if theirs.Thread == h.Thread && theirs.Audience == h.Issuer {
		if answer && !r.closes(h.Type, theirs.Type) {
			return gateway.Refuse(gateway.CodeReplyType, "/type", "")
		}
		return nil
	}
	if answer {
		return gateway.Refuse(gateway.CodeReplyUnknown, "/inReplyTo", "")
	}
	own, err := earlier(gateway.MessageID{Issuer: h.Issuer, ID: h.InReplyTo})
	if err != nil {
		return err
	}
	if own.Thread != h.Thread || own.Audience != h.Audience {
		return gateway.Refuse(gateway.CodeReplyUnknown, "/inReplyTo", "Name the jti of a message of this thread, or leave inReplyTo out.")
	}
	return nil
}

// closes reports whether answers of one type close messages of another. Versions are not
// compared: an office answers with what it speaks. What was recorded without its type
// may be answered by any.
func (r Rules) closes(answer, asked string) bool {
	if asked == "" {
		return true
	}
	t, ok := r.Types.Type(asked)
	return ok && t.Answer != "" && unversioned(t.Answer) == unversioned(answer)
}

func unversioned(name string) string {
	name, _, _ = strings.Cut(name, "/")
	return name
}

// Warns reports whether a message is received whenever it is well signed and well formed:
// refusing it for want of an earlier step would leave somebody unwarned.
func Warns(h gateway.Head) bool {
	return h.Frame() != "answer" && slices.Contains([]string{"alert", "travel", "arrival", "recall", "correction", "consent"}, h.Topic())
}
