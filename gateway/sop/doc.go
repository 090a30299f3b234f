// Package sop knows the standard operating procedure of the exchange: which message has
// its place in a conversation, who owes an answer to it, and by when. It is pure: it asks
// no clock, keeps nothing and speaks to nobody, so that the gateway, both adapters and an
// auditor years later come to the same dates.
//
//   - [Rules.Admit] is what the door asks: whether a reply has anything to reply to.
//   - [Calendar] knows the working days of a country, in its time zone; [Due] counts them.
//   - [Clock.Open] makes the [gateway.Duty] that a message lays on its recipient.
//   - [Clock.Apply] says what becomes of a [gateway.Exchange] when something happens: the table
//     states.csv, whose every cell a test holds against it.
//
// gateway/doc/clock.md says in words what is counted how, and which dates of the
// calendars are not certain.
package sop
