// Package examiner looks at a gateway's log as it lies on disk, without the gateway's code:
// it hashes the tree anew from the entries and holds everything else against that.
//
// It stands in for the auditor who has the machine itself, and finds what is wrong also
// where the gateway has not noticed yet. Signatures alone it leaves to package ledger: in
// test/interop other people's code looks at those.
package examiner

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/mod/sumdb/tlog"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal/sqlite"
	"example.org/trm/gateway/ledger"
	"example.org/trm/gateway/ledger/quorum"
)

// Files are where a gateway keeps its log, and what the directory says of it.
type Files struct {
	Journal string // the database
	Guard   string // the last signed checkpoint; may not be there yet
	Key     quorum.Key
	Policy  quorum.Policy
}

// Head is how far a log had come when it was last examined.
type Head struct {
	Size int64
	Root [32]byte
}

// Entry is one entry of the log, with what opens it where that is left.
type Entry struct {
	Seq     int64 // the order of recording
	Origin  string
	Index   int64
	Event   gateway.Event
	Pair    gateway.PairNumber
	Leaf    []byte
	Opening map[string]any
}

// Report is what an examination found.
type Report struct {
	Findings  []string        // what is wrong, in the order of the log
	Heads     map[string]Head // by origin, for the next examination
	Entries   []Entry         // all of them, the oldest log first
	Waiting   int             // entries without a place
	Signed    map[string]int64
	Witnessed map[string]int64 // the size that the newest checkpoint with a quorum covers
}

func (r *Report) find(format string, args ...any) {
	r.Findings = append(r.Findings, fmt.Sprintf(format, args...))
}

// Examine examines a log at one moment, also while the gateway runs. seen is what an
// earlier examination found, nil for the first. An error means that it could not look.
func Examine(ctx context.Context, f Files, seen map[string]Head) (Report, error) {
	// The guard first: what it says was signed is in the database that is read after it.
	guard, err := os.ReadFile(f.Guard)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Report{}, err
	}
	write, read, err := sqlite.Open(f.Journal)
	if err != nil {
		return Report{}, err
	}
	defer write.Close()
	defer read.Close()
	tx, err := read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return Report{}, err
	}
	defer tx.Rollback()
	keys, err := os.ReadFile(f.Journal + ".keys")
	if err != nil {
		return Report{}, err
	}
	e := examination{ctx: ctx, tx: tx, files: f, keys: keys, Report: Report{Heads: map[string]Head{}, Signed: map[string]int64{}, Witnessed: map[string]int64{}}}
	if err := e.run(guard, seen); err != nil {
		return Report{}, fmt.Errorf("examining the log: %w", err)
	}
	return e.Report, nil
}

type examination struct {
	Report
	ctx   context.Context
	tx    *sql.Tx
	files Files
	keys  keys
	trees map[string]*tree
}

// tree is a log's tree, hashed here.
type tree struct{ leaves [][32]byte }

func (e *examination) run(guard []byte, seen map[string]Head) error {
	type log struct {
		id, size int64
		origin   string
	}
	var logs []log
	err := e.each(`SELECT id, origin, size FROM logs ORDER BY id`, func(scan func(...any) error) error {
		var l log
		err := scan(&l.id, &l.origin, &l.size)
		logs = append(logs, l)
		return err
	})
	if err != nil {
		return err
	}
	e.trees = map[string]*tree{}
	for _, l := range logs {
		t, err := e.entries(l.id, l.origin)
		if err != nil {
			return err
		}
		e.trees[l.origin] = t
		if n := int64(len(t.leaves)); n != l.size {
			e.find("%s has %d entries and says %d", l.origin, n, l.size)
		}
		if err := e.hashes(l.id, l.origin, t); err != nil {
			return err
		}
		if err := e.checkpoints(l.id, l.origin); err != nil {
			return err
		}
		e.Heads[l.origin] = Head{int64(len(t.leaves)), t.root(len(t.leaves))}
	}
	if len(guard) > 0 {
		e.checkpoint("", "the guard", guard, false)
	}
	for origin, h := range seen {
		e.holds(origin, "an earlier examination", h)
	}
	e.numbers()
	return e.tx.QueryRowContext(e.ctx, `SELECT count(*) FROM log_outbox WHERE idx IS NULL`).Scan(&e.Waiting)
}

func (e *examination) each(q string, row func(scan func(...any) error) error, args ...any) error {
	rows, err := e.tx.QueryContext(e.ctx, q, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// leaf is what an entry's bytes say.
type leaf struct {
	Event      gateway.Event   `json:"event"`
	From       gateway.Country `json:"from"`
	To         gateway.Country `json:"to"`
	Origin     string          `json:"origin"`
	N          int64           `json:"n"`
	Commitment string          `json:"commitment"`
	Withheld   string          `json:"withheld"`
}

// entries reads a log's entries: every place is taken once, the bytes in the tree say what
// was recorded, and the opening is the one that was committed to.
func (e *examination) entries(id int64, origin string) (*tree, error) {
	t := &tree{}
	before := int64(0)
	err := e.each(`SELECT e.seq, e.idx, e.event, ifnull(e.pair_from, ''), ifnull(e.pair_to, ''), ifnull(e.origin, ''), ifnull(e.n, 0), e.commitment, e.withheld, e.leaf, o.nonce, o.opening, ifnull(o.message, 0)
		FROM log_outbox e LEFT JOIN openings o ON o.entry = e.seq WHERE e.log = ? ORDER BY e.idx`, func(scan func(...any) error) error {
		x := Entry{Origin: origin}
		var commitment, withheld, nonce, opening []byte
		var message int64
		if err := scan(&x.Seq, &x.Index, &x.Event, &x.Pair.From, &x.Pair.To, &x.Pair.Origin, &x.Pair.N, &commitment, &withheld, &x.Leaf, &nonce, &opening, &message); err != nil {
			return err
		}
		at := fmt.Sprintf("%s, entry %d", origin, x.Index)
		if want := int64(len(t.leaves)); x.Index != want {
			e.find("%s, entry %d is not there, and entry %d is next", origin, want, x.Index)
		}
		if x.Seq < before {
			e.find("%s was recorded before the one before it", at)
		}
		before = x.Seq
		var l leaf
		if err := json.Unmarshal(x.Leaf, &l); err != nil {
			e.find("%s is not JSON", at)
		}
		if want := (leaf{x.Event, x.Pair.From, x.Pair.To, x.Pair.Origin, x.Pair.N, text(commitment), text(withheld)}); l != want {
			e.find("%s says something else than was recorded", at)
		}
		if opening != nil {
			opening = e.keys.open(message, opening)
			m := hmac.New(sha256.New, nonce)
			m.Write(opening)
			if !hmac.Equal(m.Sum(nil), commitment) {
				e.find("%s is opened by what it did not commit to", at)
			}
			if err := json.Unmarshal(opening, &x.Opening); err != nil || x.Opening["event"] != string(x.Event) {
				e.find("%s is opened to another event", at)
			}
		}
		t.leaves = append(t.leaves, leafHash(x.Leaf))
		e.Entries = append(e.Entries, x)
		return nil
	}, id)
	return t, err
}

func text(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// hashes holds the stored hashes, which tiles and proofs are made of, against the entries.
func (e *examination) hashes(id int64, origin string, t *tree) error {
	stored := map[int64][]byte{}
	err := e.each(`SELECT idx, hash FROM log_hashes WHERE log = ?`, func(scan func(...any) error) error {
		var idx int64
		var h []byte
		err := scan(&idx, &h)
		stored[idx] = h
		return err
	}, id)
	if err != nil {
		return err
	}
	for level := 0; len(t.leaves)>>level > 0; level++ {
		for n := range len(t.leaves) >> level {
			at := tlog.StoredHashIndex(level, int64(n))
			want := root(t.leaves[n<<level : (n+1)<<level])
			if !bytes.Equal(stored[at], want[:]) {
				e.find("%s, the hash over entries %d to %d is not theirs", origin, n<<level, (n+1)<<level-1)
			}
			delete(stored, at)
		}
	}
	if len(stored) > 0 {
		e.find("%s has %d hashes of no entries", origin, len(stored))
	}
	return nil
}

func (e *examination) checkpoints(id int64, origin string) error {
	return e.each(`SELECT day, size, note FROM log_checkpoints WHERE log = ? ORDER BY day`, func(scan func(...any) error) error {
		var day, size int64
		var signed string
		if err := scan(&day, &size, &signed); err != nil {
			return err
		}
		what := fmt.Sprintf("the checkpoint of day %d", day)
		if c, ok := e.checkpoint(origin, what, []byte(signed), true); ok && c.Size != size {
			e.find("%s, %s covers %d entries and says %d", origin, what, c.Size, size)
		}
		return nil
	}, id)
}

// checkpoint verifies a signed one and holds it against the tree.
func (e *examination) checkpoint(origin, what string, signed []byte, witnessed bool) (ledger.Checkpoint, bool) {
	if origin == "" {
		line, _, _ := bytes.Cut(signed, []byte("\n"))
		origin = string(line)
	}
	c, n, err := ledger.OpenCheckpoint(signed, e.files.Key.Named(origin), ledger.WitnessKeys(e.files.Policy)...)
	if err != nil {
		e.find("%s, %s is not signed by the log", origin, what)
		return c, false
	}
	if witnessed && !ledger.Satisfied(e.files.Policy, n) {
		e.find("%s, %s has not the witnesses that it needs", origin, what)
		return c, false
	}
	if !e.holds(origin, what, Head{c.Size, c.Root}) {
		return c, false
	}
	if witnessed {
		e.Witnessed[origin] = max(e.Witnessed[origin], c.Size)
	}
	e.Signed[origin] = max(e.Signed[origin], c.Size)
	return c, true
}

// holds finds where the log as it is does not begin with what it was.
func (e *examination) holds(origin, what string, h Head) bool {
	t, ok := e.trees[origin]
	switch {
	case !ok:
		e.find("%s is not there, and %s knows %d entries of it", origin, what, h.Size)
	case h.Size > int64(len(t.leaves)):
		e.find("%s has %d entries, and %s knows %d", origin, len(t.leaves), what, h.Size)
	case t.root(int(h.Size)) != h.Root:
		e.find("%s, the first %d entries are not those that %s knows", origin, h.Size, what)
	default:
		return true
	}
	return false
}

// keys are the keys that the openings of messages are closed with: one for each message, in
// the order of receipt, each 32 bytes.
type keys []byte

// open opens an opening, which is nothing where it cannot. One that is about no message is
// not closed.
func (k keys) open(message int64, closed []byte) []byte {
	const first = int64(len("TRM body keys 1\n"))
	if len(closed) < 13 || closed[0] != 1 {
		return closed
	}
	at := first + message*32
	if int64(len(k)) < at+32 {
		return nil
	}
	block, err := aes.NewCipher(k[at : at+32])
	if err != nil {
		return nil
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil
	}
	plain, err := gcm.Open(nil, closed[1:13], closed[13:], binary.BigEndian.AppendUint64([]byte("opening"), uint64(message)))
	if err != nil {
		return nil
	}
	return plain
}

// numbers finds deliveries that were left out of a pair's numbering, or stand in it twice.
func (e *examination) numbers() {
	next := map[gateway.PairNumber]int64{}
	for _, x := range e.Entries {
		if x.Event != gateway.SubmissionAcceptance {
			continue
		}
		pair := x.Pair
		pair.N = 0
		next[pair]++
		if want := next[pair]; x.Pair.N != want {
			e.find("%s, entry %d is number %d of %s to %s in %s, want %d", x.Origin, x.Index, x.Pair.N, pair.From, pair.To, pair.Origin, want)
			next[pair] = x.Pair.N
		}
	}
}

// root is the Merkle tree hash of RFC 6962, Section 2.1.
func root(leaves [][32]byte) [32]byte {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	left, right := root(leaves[:k]), root(leaves[k:])
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

func (t *tree) root(n int) [32]byte { return root(t.leaves[:n]) }

func leafHash(b []byte) [32]byte { return sha256.Sum256(append([]byte{0}, b...)) }
