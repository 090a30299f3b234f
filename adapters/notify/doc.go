// Package notify reaches the people of an office where they are: by mail, by a webhook of
// the office's own systems, by a command that rings or prints. It carries one sentence,
//
//	A message is waiting. Ref 7Q4KXM. Answer by 16:00.
//
// and has no room for another: no type, no lane, no country, no person. The reference is
// resolved inside the office.
//
// A channel tries once. Who is told, when, and again after how long is the adapter's
// matter, which keeps it in its journal; so a channel only has to say truly what is known
// of its attempt: accepted, refused, certainly not sent, or ambiguous.
package notify
