package ledger

import (
	"errors"
	"fmt"
)

// Why a log signs nothing. Messages are received and recorded all the same, and their
// entries wait. The words are for the operator.
var (
	// ErrRolledBack says that the database knows less than was signed.
	ErrRolledBack = errors.New("the database was rolled back, as by restoring a backup")
	// ErrRewritten says that the database holds something else than was signed.
	ErrRewritten = errors.New("the database holds another history than was signed")
	// ErrUnguarded says that nothing outside the database says how far the log had come.
	ErrUnguarded = errors.New("nothing outside the database says how far the log had come")
	// ErrKey says that the checkpoint outside the database is another key's.
	ErrKey = errors.New("the last checkpoint was signed with another key")
	// ErrPending says that no checkpoint with the witnesses that it needs covers the entry
	// yet. It is a state, not a fault.
	ErrPending = errors.New("not witnessed yet")
	// ErrUnknown says that there is no such log, entry or tile, or that it lies beyond what
	// is published.
	ErrUnknown = errors.New("not in the log")
)

const (
	bringBack = "Bring back the database that it knows of; where that is lost, begin a new origin: trm ledger succeed. Until then nothing is signed, and what is received waits"
	askWhoRan = "Two processes may sign with one key, or somebody changed the database: stop, keep both for the auditors, and begin a new origin: trm ledger succeed"
)

func rolledBack(where, origin string, have, signed int64) error {
	return fmt.Errorf("%w: %s knows %d entries of %s, the database %d. %s", ErrRolledBack, where, signed, origin, have, bringBack)
}

func rewritten(where, origin string, size int64) error {
	return fmt.Errorf("%w: %s knows %d other entries of %s. %s", ErrRewritten, where, size, origin, askWhoRan)
}

func unguarded(path string) error {
	return fmt.Errorf("%w: the guard file %s is not there, and too few witnesses have cosigned what the database holds. Bring the file back, or wait for the witnesses; where both are lost, begin a new origin: trm ledger succeed --checkpoint FILE", ErrUnguarded, path)
}
