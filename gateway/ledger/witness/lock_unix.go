//go:build unix

package witness

import (
	"fmt"
	"os"
	"syscall"
)

// lock keeps other processes from using a key as long as the file stays open, and lets go
// when the process ends, however it ends.
func lock(key string) (*os.File, error) {
	f, err := os.Open(key)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("locking %s: %w", key, err)
	}
	return f, nil
}
