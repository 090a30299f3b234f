// Package policy decides what may leave: data minimisation.
//
// The rules are data, not code: policy.yaml, which a lawyer reads and a test executes.
// Everything that no rule allows stays with its sender. A rule says in plain words what
// it does and why, names the law it rests on and who keeps it, and carries an example
// that it decides and one that it leaves alone.
//
// A decision is made in three steps, and each rule belongs to one of them:
//
//  1. refuse: the message may not travel at all. The first rule in the file that applies
//     is the answer.
//  2. withhold: a part of it may not leave, whatever else allows it. The first rule in
//     the file that applies is named to the sender.
//  3. allow: a part may leave if one rule says so. Without one it is withheld by
//     [DefaultDeny].
//
// The rules see the head, the names of parts and what the thread established, never a
// value (gateway.Question), so the preview in the sender's office and the gateway decide
// alike. Whether a message is refused depends on its head and thread alone, and whether
// a part leaves does not depend on which other parts are there: nobody learns from the
// absence of one part that another exists.
package policy
