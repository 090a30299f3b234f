package policy

import "example.org/trm/gateway"

// Ask is the question of a situation.
func Ask(s Situation, t gateway.Type, code, to string, w Everyday) gateway.Question {
	return s.question(t, code, to, w)
}
