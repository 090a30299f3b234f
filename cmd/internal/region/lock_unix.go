//go:build unix

package region

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

var errRuns = errors.New("a region runs in this folder already")

// lock keeps the folder to one region until release is called or the process ends,
// however it ends.
func lock(dir string) (release func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, "region.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, errRuns
	}
	return func() { _ = f.Close() }, nil
}
