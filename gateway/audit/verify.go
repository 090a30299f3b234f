package audit

import (
	"context"
	"io"
	"slices"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/ledger"
	"example.org/trm/gateway/ledger/quorum"
	"example.org/trm/gateway/policy"
	"example.org/trm/gateway/trust"
	"example.org/trm/schemas"
)

// Options say by what a bundle is judged.
type Options struct {
	Pins  trust.Pins // whose directories are believed
	Since *Mark      // where an earlier bundle ended; nil where there is none
	// Types finds the types of an edition of the schemas by its digest: those that this
	// program has. Nil, or false, and the bundle's own are read.
	Types func(digest string) (Types, bool)
}

// Types are the rows of an edition of the table of types.
type Types interface {
	Type(name string) (gateway.Type, bool)
}

// Cosigned is a witness that saw the checkpoint, and when, by its own clock.
type Cosigned struct {
	Witness string    `json:"witness"`
	At      time.Time `json:"at"`
}

// Verify reads a bundle and asks every question of it that it and the pins can answer. It
// goes on after what it finds, so that the report has everything. It stops early where ctx
// ends. The error is that of the reader; whatever is wrong with the bundle is a finding.
// Its cost is linear in the bundle's size: it panics and waits for no input.
func Verify(ctx context.Context, in io.Reader, o Options) (*Report, error) {
	r := &Report{Conform: map[Rule]int{}, Findings: []Finding{}, Cosigned: []Cosigned{}}
	d := newReader(in, r)
	p, ok := d.parts()
	r.Bundle = p.contents
	if !ok {
		err := d.broken()
		r.sort()
		return r, err
	}
	v := newVerifier(o, p, r)
	for least := p.contents.begin() / chunk; ; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		piece, ok := d.chunk(p.contents, least)
		end := (p.contents.Size + chunk - 1) / chunk
		if ok {
			end = piece.n
		}
		if end > least {
			v.tree.skip(least, end, r)
			v.unknown += min(end*chunk, p.contents.Size) - least*chunk
		}
		if !ok {
			break
		}
		v.piece(piece)
		least = piece.n + 1
	}
	v.finish()
	err := d.broken()
	r.sort()
	return r, err
}

// verifier goes through a bundle once.
type verifier struct {
	options   Options
	parts     parts
	report    *Report
	receipt   bool                       // one message's, which its correspondents hold themselves
	told      map[string]trust.Statement // by id
	revoked   map[string]bool            // keys of which the log has said that their revocation was taken
	history   *trust.History
	policies  map[string]func() (*policy.Policy, error) // by digest, read when they are needed
	editions  map[string]func() (*schemas.Edition, error)
	origin    string
	root      hash
	signed    bool // the checkpoint's root is the log's
	tree      *grown
	numbers   map[pairKey]*numbering
	stories   map[gateway.PairNumber]*story
	messages  map[gateway.MessageID]int64 // accepted, at which entry
	said      map[statementKey]said
	threads   map[string]*thread
	policyNow string          // that the log said last to be in force, empty where it said none
	edition   string          // the same of the schemas
	succeeds  bool            // the log follows another
	followed  bool            // and it was asked whether that is the earlier bundle's
	inherits  bool            // and all that was said in that is known
	purges    map[int64]int64 // by entry: its number
	claimed   []claim
	holes     map[[2]gateway.Country]bool // between which countries a message is missing
	asides    map[string]*aside           // by digest of the message's name
	latest    time.Time                   // the last receipt that was read
	unknown   int64                       // entries that are missing or cannot be read, and may be any
}

func newVerifier(o Options, p parts, r *Report) *verifier {
	v := &verifier{
		options: o, parts: p, report: r, origin: p.contents.Origin, purges: map[int64]int64{}, holes: map[[2]gateway.Country]bool{},
		numbers: map[pairKey]*numbering{}, stories: map[gateway.PairNumber]*story{}, messages: map[gateway.MessageID]int64{},
		said: map[statementKey]said{}, threads: map[string]*thread{},
	}
	if o.Since != nil {
		o.Since.into(v)
	}
	v.directories()
	v.rules()
	v.checkpoint()
	v.tree = newGrown(p.contents, p.upper, v.old())
	return v
}

// old is the earlier bundle's mark, where it is of the same log.
func (v *verifier) old() *Mark {
	if m := v.options.Since; m != nil && m.Origin == v.origin && m.Size <= v.parts.contents.Size {
		return m
	}
	return nil
}

func (v *verifier) find(entry int64, rule Rule, verdict Verdict, says string) {
	v.report.find(Finding{Entry: entry, Rule: rule, Verdict: verdict, Says: says})
}

// directories proves the chain of directories and what was told over them.
func (v *verifier) directories() {
	v.asides = map[string]*aside{}
	v.history, v.told, v.revoked = trust.NewHistory(v.options.Pins), map[string]trust.Statement{}, map[string]bool{}
	for _, m := range v.parts.directories {
		if _, err := v.history.Take(m.data); err != nil {
			v.find(whole, DirectoryProven, Violates, "directory "+shown(m.name)+": "+err.Error())
		} else {
			v.report.conforms(DirectoryProven)
		}
	}
	if len(v.parts.directories) == 0 {
		v.find(whole, DirectoryProven, Violates, "no directory is here, so that no signature can be proven")
	}
	for _, jws := range v.parts.statements {
		said, err := v.history.Hear(jws)
		if err != nil {
			v.find(whole, StatementProven, Violates, "a statement: "+err.Error())
			continue
		}
		v.told[trust.StatementID(jws)] = said
		v.report.conforms(StatementProven)
	}
}

// checkpoint proves that the log and its witnesses signed the head of the tree.
func (v *verifier) checkpoint() {
	log, rule, ok := v.log()
	if !ok || v.parts.checkpoint == nil {
		v.find(whole, LogSignature, Violates, "no directory here names the log, or the checkpoint is missing")
		return
	}
	c, n, err := ledger.OpenCheckpoint(v.parts.checkpoint, log.Named(v.origin), ledger.WitnessKeys(rule)...)
	switch {
	case err != nil:
		v.find(whole, LogSignature, Violates, "the log did not sign this checkpoint")
		return
	case c.Origin != v.origin || c.Size != v.parts.contents.Size:
		v.find(whole, LogSignature, Violates, "the checkpoint is of another log or size than bundle.json says")
		return
	}
	v.root, v.signed = hash(c.Root), true
	v.report.conforms(LogSignature)
	for _, w := range rule.Witnesses {
		if at := ledger.CosignedAt(n, w.Key); !at.IsZero() {
			v.report.Cosigned = append(v.report.Cosigned, Cosigned{w.Name, at})
		}
	}
	if !ledger.Satisfied(rule, n) {
		v.find(whole, WitnessQuorum, Violates, "fewer witnesses cosigned the checkpoint than the directory asks: only the log's operator stands for it")
		return
	}
	v.report.conforms(WitnessQuorum)
}

// log is the log and the rule over its witnesses, as the newest directory names them.
func (v *verifier) log() (quorum.Key, quorum.Policy, bool) {
	list := v.history.Directories()
	for _, d := range slices.Backward(list) {
		if l, ok := d.Log(); ok {
			k, err := quorum.ParseKey(l.Key)
			p, err2 := quorum.Parse(l.Policy)
			return k, p, err == nil && err2 == nil
		}
	}
	return quorum.Key{}, quorum.Policy{}, false
}

// piece goes through one chunk: first where its entries stand, then what they say.
func (v *verifier) piece(p piece) {
	seats := v.tree.take(p.held, v.root, v.report)
	if seats == nil {
		v.unknown += int64(width(v.parts.contents.Size, p.n))
	}
	open := make(map[int64]Opened, len(p.openings))
	for _, o := range p.openings {
		open[o.Index] = o
	}
	for _, s := range seats {
		o, ok := open[s.index]
		delete(open, s.index)
		if s.index >= v.parts.contents.First {
			v.entry(s, o, ok)
		} else if ok {
			v.find(s.index, BundleForm, Violates, "an entry before the bundle's range is opened")
		}
	}
	for _, o := range p.openings {
		if _, left := open[o.Index]; left && (seats != nil || o.Index >= v.parts.contents.Size) {
			v.find(o.Index, BundleForm, Violates, "something is opened here that is no entry of the bundle")
		}
	}
}

// entry asks what can be asked of one entry.
func (v *verifier) entry(s seat, o Opened, opened bool) {
	if s.entry == nil {
		v.unknown++
		return
	}
	v.report.Entries++
	e, err := parseEntry(s.entry)
	if err != nil {
		if !s.altered { // what was altered was found already
			v.find(s.index, EntryForm, Violates, "what stands here has not the form of an entry")
		}
		v.unknown++
		return
	}
	v.report.conforms(EntryForm)
	if !s.altered {
		v.report.conforms(EntryUnaltered)
	}
	l := &leaf{index: s.index, altered: s.altered, Entry: e}
	v.number(l)
	v.opening(l, o, opened)
}

// leaf is an entry in its place.
type leaf struct {
	index   int64
	altered bool
	ledger.Entry
}

func (v *verifier) finish() {
	if v.signed {
		v.tree.finish(v.root, v.report)
	}
	v.consistent()
	v.purgings()
	v.overrides()
	v.endings()
	v.report.mark = v.leave()
}

// consistent says whether the tree continues the earlier bundle's.
func (v *verifier) consistent() {
	m := v.options.Since
	switch {
	case m == nil:
	case m.Origin != v.origin && v.followed:
	case m.Origin != v.origin:
		v.find(whole, LogConsistency, NotCheckable, "the earlier bundle is of the log "+m.Origin+": that this one follows it stands in its first entry, which is not here")
	case m.Size > v.parts.contents.Size:
		v.find(whole, LogConsistency, NotCheckable, "the earlier bundle is the later one: give them the other way round")
	case v.tree.continues == nil:
		v.find(whole, LogConsistency, NotCheckable, "the earlier bundle ends before this one begins: the entries between them are in neither")
	case *v.tree.continues:
		v.report.conforms(LogConsistency)
	default:
		v.find(whole, LogConsistency, Violates, "the log that this bundle is of is not the one that the earlier bundle was of: its history was rewritten")
	}
}

// lookup finds a key in any directory of the bundle.
func (v *verifier) lookup(id string) (gateway.Key, bool) { return v.history.Key(id) }

var codec envelope.Codec
