package examiner

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/tlog"

	"example.org/trm/gateway/journal/sqlite"
)

// Tampering is one thing that whoever has the gateway's machine could do to a log at rest.
type Tampering struct {
	Name string
	Do   func(Files) error
	// Named is what an examination says of it: a part of one finding.
	Named string
	// Tiles says that an auditor sees it who has only tiles and checkpoints.
	Tiles bool
	// Refused says that the gateway itself notices before it signs anything more.
	Refused bool
}

// Size is that of the log that [Tamperings] are made for. Where one is about an entry, it is
// entry 7.
const Size = 23

// Tamperings lists them.
func Tamperings() []Tampering {
	return []Tampering{
		{"a byte of an entry", change(`UPDATE log_outbox SET leaf = CAST(replace(CAST(leaf AS TEXT), '"from":"me"', '"from":"mk"') AS BLOB) WHERE idx = 7`), "entry 7 says something else", true, false},
		{"a byte of an entry, and of what it was made from", change(`UPDATE log_outbox SET pair_from = 'mk', leaf = CAST(replace(CAST(leaf AS TEXT), '"from":"me"', '"from":"mk"') AS BLOB) WHERE idx = 7`), "the hash over entries 7 to 7", true, false},
		{"a byte of what an entry was made from", change(`UPDATE log_outbox SET n = n + 1 WHERE idx = 7`), "entry 7 says something else", false, false},
		{"a byte of a leaf's hash", change(`UPDATE log_hashes SET hash = CASE substr(hash, 1, 1) WHEN x'00' THEN x'01' ELSE x'00' END || substr(hash, 2) WHERE idx = (SELECT idx FROM log_hashes ORDER BY idx LIMIT 1 OFFSET 11)`), "is not theirs", true, false},
		{"a byte of a hash that is in no tile", change(`UPDATE log_hashes SET hash = CASE substr(hash, 1, 1) WHEN x'00' THEN x'01' ELSE x'00' END || substr(hash, 2) WHERE idx = 2`), "the hash over entries 0 to 1", false, false},
		{"a byte of an opening", change(`UPDATE openings SET opening = CAST(replace(CAST(opening AS TEXT), '"jti":"', '"jti":"x') AS BLOB) WHERE entry = (SELECT seq FROM log_outbox WHERE idx = 7)`), "entry 7 is opened by what it did not commit to", false, false},
		{"a byte of a nonce", change(`UPDATE openings SET nonce = CASE substr(nonce, 1, 1) WHEN x'00' THEN x'01' ELSE x'00' END || substr(nonce, 2) WHERE entry = (SELECT seq FROM log_outbox WHERE idx = 7)`), "entry 7 is opened by what it did not commit to", false, false},
		{"an entry removed", change(`DELETE FROM openings WHERE entry = (SELECT seq FROM log_outbox WHERE idx = 7)`, `DELETE FROM log_outbox WHERE idx = 7`), "entry 7 is not there", true, false},
		{"the last entry removed, and the size set back", change(`DELETE FROM openings WHERE entry = (SELECT seq FROM log_outbox ORDER BY idx DESC LIMIT 1)`, `DELETE FROM log_outbox WHERE idx = (SELECT max(idx) FROM log_outbox)`, `UPDATE logs SET size = size - 1`), "and the guard knows", true, true},
		{"an entry removed and the rest moved up", change(`DELETE FROM openings WHERE entry = (SELECT seq FROM log_outbox WHERE idx = 7)`, `DELETE FROM log_outbox WHERE idx = 7`, `UPDATE log_outbox SET idx = -idx WHERE idx > 7`, `UPDATE log_outbox SET idx = -idx - 1 WHERE idx < 0`, `UPDATE logs SET size = size - 1`), "has 22 entries, and the guard knows 23", true, true},
		{"two entries swapped", change(`UPDATE log_outbox SET idx = -1 WHERE idx = 7`, `UPDATE log_outbox SET idx = 7 WHERE idx = 8`, `UPDATE log_outbox SET idx = 8 WHERE idx = -1`), "entry 8 was recorded before the one before it", true, false},
		{"the bytes of two entries swapped", change(`WITH kept AS MATERIALIZED (SELECT idx, leaf FROM log_outbox WHERE idx IN (7, 8)) UPDATE log_outbox SET leaf = kept.leaf FROM kept WHERE kept.idx = 15 - log_outbox.idx AND log_outbox.idx IN (7, 8)`), "entry 7 says something else", true, false},
		{"an entry that nobody recorded, in the place of one", change(`UPDATE log_outbox SET commitment = unhex(hex(randomblob(32))) WHERE idx = 7`), "entry 7 says something else", false, false},
		{"history written anew, with all its hashes", rewrite, "the first 23 entries are not those that the guard knows", true, true},
		{"a checkpoint's size", change(`UPDATE log_checkpoints SET size = size + 1`), "says", false, false},
		{"a checkpoint that its log did not sign", change(`UPDATE log_checkpoints SET note = replace(note, char(10) || 'x', '') || 'x'`), "is not signed by the log", true, false},
		{"a checkpoint without its witnesses", forgetWitnesses, "has not the witnesses that it needs", true, false},
		{"the guard's signature", inGuard(func(b []byte) []byte { b[len(b)-10] ^= 1; return b }), "the guard is not signed by the log", false, true},
	}
}

// change runs statements on the database.
func change(statements ...string) func(Files) error {
	return func(f Files) error {
		write, read, err := sqlite.Open(f.Journal)
		if err != nil {
			return err
		}
		defer write.Close()
		defer read.Close()
		for _, s := range statements {
			result, err := write.Exec(s)
			if err != nil {
				return fmt.Errorf("%s: %w", s, err)
			}
			if n, err := result.RowsAffected(); err != nil || n == 0 {
				return fmt.Errorf("%s: changed nothing (%v)", s, err)
			}
		}
		return nil
	}
}

// rewrite makes another history of one entry, in which everything fits but what was signed
// before.
func rewrite(f Files) error {
	write, read, err := sqlite.Open(f.Journal)
	if err != nil {
		return err
	}
	defer write.Close()
	defer read.Close()
	tx, err := write.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var nonce, leaf []byte
	var old string
	if err := tx.QueryRow(`SELECT o.nonce, hex(e.commitment), e.leaf FROM log_outbox e JOIN openings o ON o.entry = e.seq WHERE e.idx = 7`).Scan(&nonce, &old, &leaf); err != nil {
		return err
	}
	raw, err := hex.DecodeString(old)
	if err != nil {
		return err
	}
	opening := `{"event":"ContentConsignment","jti":"another"}`
	commitment := commit(nonce, opening)
	leaf = bytes.Replace(leaf, []byte(text(raw)), []byte(text(commitment)), 1)
	for q, args := range map[string][]any{
		`UPDATE log_outbox SET commitment = ?, leaf = ? WHERE idx = 7`:                             {commitment, leaf},
		`UPDATE openings SET opening = ? WHERE entry = (SELECT seq FROM log_outbox WHERE idx = 7)`: {[]byte(opening)},
		`DELETE FROM log_hashes`: nil,
	} {
		if _, err := tx.Exec(q, args...); err != nil {
			return err
		}
	}
	var leaves [][32]byte
	rows, err := tx.Query(`SELECT leaf FROM log_outbox ORDER BY idx`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return err
		}
		leaves = append(leaves, leafHash(b))
	}
	for level := 0; len(leaves)>>level > 0; level++ {
		for n := range len(leaves) >> level {
			h := root(leaves[n<<level : (n+1)<<level])
			if _, err := tx.Exec(`INSERT INTO log_hashes (log, idx, hash) SELECT max(id), ?, ? FROM logs`, tlog.StoredHashIndex(level, int64(n)), h[:]); err != nil {
				return err
			}
		}
	}
	return tx.Commit()
}

// forgetWitnesses leaves the log's own signature of each checkpoint.
func forgetWitnesses(f Files) error {
	write, read, err := sqlite.Open(f.Journal)
	if err != nil {
		return err
	}
	defer write.Close()
	defer read.Close()
	var note string
	if err := read.QueryRow(`SELECT note FROM log_checkpoints`).Scan(&note); err != nil {
		return err
	}
	text, signatures, _ := bytes.Cut([]byte(note), []byte("\n\n"))
	line, _, _ := bytes.Cut(signatures, []byte("\n"))
	_, err = write.Exec(`UPDATE log_checkpoints SET note = ?`, string(text)+"\n\n"+string(line)+"\n")
	return err
}

func inGuard(edit func([]byte) []byte) func(Files) error {
	return func(f Files) error {
		raw, err := os.ReadFile(f.Guard)
		if err != nil {
			return err
		}
		return os.WriteFile(f.Guard, edit(raw), 0o600)
	}
}
