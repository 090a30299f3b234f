package envelope

import (
	"encoding/json"
	"strconv"
	"time"

	"example.org/trm/gateway"
)

// claims reads an object of which every member is known. It keeps the first fault; done
// tells it, or that something was there that nobody asked for. Empty members are faults:
// there is one way to say nothing, which is to leave the member out.
type claims struct {
	m     map[string]any
	at    string // pointer to the object
	code  gateway.Code
	taken int
	err   error
}

func (c *claims) fail(name, hint string) {
	if c.err == nil {
		c.err = gateway.Refuse(c.code, c.at+"/"+name, hint)
	}
}

func (c *claims) take(name string) (any, bool) {
	v, ok := c.m[name]
	if ok {
		c.taken++
	}
	return v, ok
}

// need makes the fault of a member that must be there and is not.
func (c *claims) need(name string) {
	if _, ok := c.m[name]; !ok {
		c.fail(name, "The member is missing.")
	}
}

// text reads a string that must have the form; absent is empty.
func (c *claims) text(name string, form func(string) bool) string {
	return c.formed(name, form, "The member does not have its form; leave it out where it is empty.")
}

// formed is text with a hint of its own, for the forms that integrators get wrong.
func (c *claims) formed(name string, form func(string) bool, hint string) string {
	v, ok := c.take(name)
	if !ok {
		return ""
	}
	s, ok := v.(string)
	if !ok || !form(s) {
		c.fail(name, hint)
		return ""
	}
	return s
}

func (c *claims) party(name string) gateway.Party {
	return gateway.Party(c.formed(name, isParty, "The member is a party: a country and a role, as in rs/coordinator."))
}

func (c *claims) uuid(name string) string {
	return c.formed(name, isUUID7, "The member is a UUID of version 7 (RFC 9562), in lower case.")
}

// integer reads a whole number from least up.
func (c *claims) integer(name string, least int64) int64 {
	v, ok := c.take(name)
	if !ok {
		return 0
	}
	n, ok := v.(json.Number)
	i, err := strconv.ParseInt(string(n), 10, 64)
	if !ok || err != nil || i < least {
		c.fail(name, "The member is a whole number.")
		return 0
	}
	return i
}

// lastSecond is the end of the year 9999, beyond which RFC 3339 cannot write.
const lastSecond = 253402300799

// date reads a NumericDate (RFC 7519, Section 2) in whole seconds.
func (c *claims) date(name string) time.Time {
	i := c.integer(name, 1)
	if i > lastSecond {
		c.fail(name, "The member is a time in seconds since 1970.")
	}
	if i == 0 || i > lastSecond {
		return time.Time{}
	}
	return time.Unix(i, 0).UTC()
}

func (c *claims) clock(name string) (t time.Time) {
	c.formed(name, func(s string) (ok bool) {
		t, ok = parseTime(s)
		return ok
	}, "The member is a time in UTC and whole seconds, written as in 2026-11-24T16:00:00Z.")
	return t
}

// flag reads a boolean, which is left out where it is false.
func (c *claims) flag(name string) bool {
	v, ok := c.take(name)
	if ok && v != true {
		c.fail(name, "The member is true, or left out.")
	}
	return ok && v == true
}

// list reads strings that have the form and are sorted, none twice.
func (c *claims) list(name string, form func(string) bool) []string {
	v, ok := c.take(name)
	if !ok {
		return nil
	}
	a, ok := v.([]any)
	if !ok || len(a) == 0 {
		c.fail(name, "The member is a list; leave it out where it is empty.")
		return nil
	}
	out := make([]string, len(a))
	for i, e := range a {
		s, ok := e.(string)
		if !ok || !form(s) || i > 0 && s <= out[i-1] {
			c.fail(name, "The member is a sorted list of codes, none twice.")
			return nil
		}
		out[i] = s
	}
	return out
}

// object reads a member that is an object itself; absent is an object without members.
func (c *claims) object(name string) *claims {
	in := &claims{at: c.at + "/" + name, code: c.code}
	v, ok := c.take(name)
	if !ok {
		return in
	}
	if in.m, ok = v.(map[string]any); !ok || len(in.m) == 0 {
		c.fail(name, "The member is an object; leave it out where it is empty.")
	}
	return in
}

// close ends the reading of an inner object.
func (c *claims) close(in *claims) {
	if err := in.done(); err != nil && c.err == nil {
		c.err = err
	}
}

func (c *claims) done() error {
	if c.err != nil {
		return c.err
	}
	if c.taken != len(c.m) {
		return gateway.Refuse(c.code, c.at, "There is a member here that is not known.")
	}
	return nil
}
