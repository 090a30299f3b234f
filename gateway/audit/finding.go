package audit

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"example.org/trm/gateway"
)

// Verdict is how one question ended.
type Verdict string

// The verdicts. What conforms is counted, the others are findings.
const (
	Conforms     Verdict = "conforms"
	Violates     Verdict = "violates"
	NotCheckable Verdict = "not-checkable"
)

// Finding is one thing that does not conform, or that nobody can check any more. It holds
// ids, numbers, codes and names of units, never a value of a message.
type Finding struct {
	Entry   int64              `json:"entry"` // index in the log; -1 where it is about the whole
	Rule    Rule               `json:"rule"`
	Verdict Verdict            `json:"verdict"`
	Says    string             `json:"says"`
	Pair    gateway.PairNumber `json:"pair,omitzero"`
	Purge   *Purge             `json:"purge,omitempty"` // since which it cannot be checked
}

// whole is the place of a finding about the bundle as a whole.
const whole = int64(-1)

// Rule names a question that is asked of every bundle.
type Rule string

// The rules. [Rules] says what each asks.
const (
	BundleForm      Rule = "bundle-form"
	DirectoryProven Rule = "directory-proven"
	StatementProven Rule = "statement-proven"
	EditionKnown    Rule = "edition-known"
	LogSignature    Rule = "log-signature"
	WitnessQuorum   Rule = "witness-quorum"
	LogRoot         Rule = "log-root"
	LogConsistency  Rule = "log-consistency"
	EntryUnaltered  Rule = "entry-unaltered"
	EntryPresent    Rule = "entry-present"
	EntryInPlace    Rule = "entry-in-place"
	EntryForm       Rule = "entry-form"
	TileUnaltered   Rule = "tile-unaltered"
	NumbersGapFree  Rule = "numbers-gap-free"
	EvidenceOrder   Rule = "evidence-order"
	NoContradiction Rule = "no-contradiction"
	OpeningPresent  Rule = "opening-present"
	OpeningOpens    Rule = "opening-opens"
	OpeningAgrees   Rule = "opening-agrees"
	EvidenceSigned  Rule = "evidence-signed"
	EvidenceAgrees  Rule = "evidence-agrees"
	CoreSigned      Rule = "core-signed"
	CoreAgrees      Rule = "core-agrees"
	BindingSigned   Rule = "binding-signed"
	BindingAgrees   Rule = "binding-agrees"
	KeyUsable       Rule = "key-usable"
	PolicyKnown     Rule = "policy-known"
	PolicyKept      Rule = "policy-kept"
	OverrideKept    Rule = "override-kept"
)

// Rules are all rules in the order in which a reader meets them, each with its question.
func Rules() []struct {
	Rule Rule
	Asks string
} {
	return slices.Clone(rules)
}

var rules = []struct {
	Rule Rule
	Asks string
}{
	{BundleForm, "the file has the one form of a bundle, and everything in it that its contents name"},
	{DirectoryProven, "the coordinators whom the pins name signed every directory"},
	{StatementProven, "every revocation, switch and contact that the gateway took is here, and was signed by the office that it speaks for"},
	{EditionKnown, "policies and schemas are those whose digests are named"},
	{LogSignature, "the log that the directory names signed the checkpoint"},
	{WitnessQuorum, "as many witnesses cosigned it as the directory asks"},
	{LogRoot, "the entries make exactly the tree that the log signed"},
	{LogConsistency, "the tree continues the one of the earlier bundle"},
	{EntryUnaltered, "the entry is the one that the log holds"},
	{EntryPresent, "the entry is here"},
	{EntryInPlace, "the entry stands where the log holds it"},
	{EntryForm, "the entry has the form of entries"},
	{TileUnaltered, "the hashes beside the entries are the log's"},
	{NumbersGapFree, "the deliveries from one country to another are numbered without gaps"},
	{EvidenceOrder, "what happened to a delivery happened in an order that can be"},
	{NoContradiction, "no signer contradicts itself or another"},
	{OpeningPresent, "what the entry commits to is here, where this auditor may have it"},
	{OpeningOpens, "what is here is what the entry commits to"},
	{OpeningAgrees, "what was committed to agrees with the entry"},
	{EvidenceSigned, "the statement was signed by whom it names"},
	{EvidenceAgrees, "the statement says what entry and opening say"},
	{CoreSigned, "the sender signed the message"},
	{CoreAgrees, "the message is the one that the opening names"},
	{BindingSigned, "the gateway signed what it released"},
	{BindingAgrees, "what it signed agrees with the message, the number and the digests that were kept"},
	{KeyUsable, "the key was valid when it was used, and of the right use"},
	{PolicyKnown, "the policy that decided is here, and the log says that it was in force"},
	{PolicyKept, "nothing was released that the policy then in force would have withheld"},
	{OverrideKept, "a rule that was set aside stands in the log, with a second person's approval or that nobody gave it in time"},
}

// maxFindings bounds what a hostile bundle can make anybody keep. What comes after is
// counted.
const maxFindings = 10_000

// Report is everything that was found.
type Report struct {
	Bundle   Contents     `json:"bundle"`
	Entries  int64        `json:"entries"`  // that were read
	Messages int          `json:"messages"` // whose openings are here
	Cosigned []Cosigned   `json:"cosigned"` // which witnesses saw the checkpoint, and when
	Conform  map[Rule]int `json:"conform"`  // how often the answer was yes
	Findings []Finding    `json:"findings"`
	More     int          `json:"more,omitempty"` // findings beyond those
	at       map[findingKey]struct{}
	mark     *Mark
}

type findingKey struct {
	entry int64
	rule  Rule
	says  string
}

// Clean reports whether nothing was found.
func (r *Report) Clean() bool { return len(r.Findings) == 0 && r.More == 0 }

// Count is how many findings have a verdict, of those that are listed.
func (r *Report) Count(v Verdict) int {
	n := 0
	for _, f := range r.Findings {
		if f.Verdict == v {
			n++
		}
	}
	return n
}

func (r *Report) conforms(rule Rule) {
	if r.Conform == nil {
		r.Conform = make(map[Rule]int)
	}
	r.Conform[rule]++
}

// find notes a finding, once.
func (r *Report) find(f Finding) {
	f.Says = printable(f.Says)
	key := findingKey{f.Entry, f.Rule, f.Says}
	if _, twice := r.at[key]; twice {
		return
	}
	if len(r.Findings) >= maxFindings {
		r.More++
		return
	}
	if r.at == nil {
		r.at = make(map[findingKey]struct{})
	}
	r.at[key] = struct{}{}
	r.Findings = append(r.Findings, f)
}

// sort puts findings in the order of the log, those about the whole first.
func (r *Report) sort() {
	order := func(rule Rule) int {
		for i, row := range rules {
			if row.Rule == rule {
				return i
			}
		}
		return len(rules)
	}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Entry, b.Entry), cmp.Compare(order(a.Rule), order(b.Rule)), cmp.Compare(a.Says, b.Says))
	})
}

// printable keeps what a bundle's writer wrote from talking to a reader's terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}
