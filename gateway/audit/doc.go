// Package audit lets people prove, years later and without the gateway, what was
// exchanged: complete, unaltered, and without seeing anything about a person.
//
//	Receipt  one message's story, for its two correspondents   [Receipt], [Receipt.Verify]
//	Bundle   a range of the log, for one country's auditor      [Exporter], [Verify]
//	Match    two countries' bundles, held against each other    [Match]
//
// # A bundle
//
// A bundle is a tar archive whose bytes follow from the log's range and from whose it is:
// asked for twice, it is the same twice. It is tar and not zip, because a zip has a second
// list of its content at its end, which may say something else than the first, and because
// a year of it must be read in one go, without holding it. Headers are fixed: nothing in
// them can vary, and a reader refuses one that does. Nothing is compressed, so that a
// small file cannot become a large one.
//
//	bundle.json               whose it is, and which entries
//	checkpoint                the signed note, with its cosignatures
//	directories/N.json        every directory until then, as the coordinators signed it
//	statements.jsonl          revocations, switches of pairs, contacts, as they were signed
//	policies/DIGEST.yaml      every policy that a binding in the bundle names
//	schemas/DIGEST/...        every edition of types, schemas and code lists that was in force
//	tile/L/...                the log's hash tiles from level 1 up (C2SP tlog-tiles)
//	tile/0/..., tile/entries/..., openings/...
//	                          for every 256 entries: their hashes, the entries, what opens them
//
// It begins with the entry bundle in which its range begins, so that hash tiles fit.
//
// # What is trusted
//
// The coordinators' directory keys that the pins name, and arithmetic. The directory says
// which log, whose cosignatures, which keys; the log says which directory, policy and
// schemas were in force. Nothing that a bundle says of itself is believed.
package audit
