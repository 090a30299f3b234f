// Package sop knows the standard operating procedure of the exchange: who owes an answer
// to a message, and by when. It is pure: it asks no clock, keeps nothing and speaks to
// nobody, so that the gateway, both adapters and an auditor years later come to the same
// dates.
//
// gateway/doc/clock.md says in words what is counted how, and which dates of the
// calendars are not certain.
package sop
