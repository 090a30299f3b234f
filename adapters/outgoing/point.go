package outgoing

import (
	"strings"

	"example.org/trm/gateway"
)

// renamed are the members of a draft that a message calls by another name.
var renamed = map[string]string{"iss": "from", "aud": "to", "exp": "expires", "cnf": "", "jti": "", "iat": "", "codes": ""}

// inDraft makes a problem point into the draft instead of the message, so that an officer
// finds what to change. The fault of something that no draft says points nowhere.
func inDraft(err error) error {
	p := gateway.AsProblem(err)
	if p.Code == gateway.CodeInternal || p.Pointer == "" {
		return err
	}
	q := *p
	q.Pointer = draftPointer(p.Pointer)
	return &q
}

func draftPointer(pointer string) string {
	first, rest, deeper := strings.Cut(pointer[1:], "/")
	if deeper {
		rest = "/" + rest
	}
	if name, ok := renamed[first]; ok {
		if name == "" {
			return ""
		}
		return "/" + name
	}
	switch first {
	case "payload", "protected", "signature", "header", "_sd", "_sd_alg":
		return ""
	case "type", "thread", "inReplyTo", "lane", "answerBy", "purpose", "basis", "agreement", "attests", "act",
		"outcome", "target", "effectiveAt", "ackBy", "test", "supersedes", "override":
		return "/" + first + rest
	}
	if strings.Contains(first, "@") {
		return "/sealed/" + first + rest
	}
	return "/blocks/" + first + rest
}

// below puts a pointer into a block's content, which may or may not begin with the block's
// name, under the place of the block in the draft.
func below(err error, at, block string) error {
	p := gateway.AsProblem(err)
	if p.Code == gateway.CodeInternal {
		return err
	}
	q := *p
	rest := p.Pointer
	if after, ok := strings.CutPrefix(rest, "/"+block); ok && (after == "" || after[0] == '/') {
		rest = after
	}
	q.Pointer = at + rest
	return &q
}
