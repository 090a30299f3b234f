package witness

import (
	"fmt"
	"os"
	"syscall"
)

// lock keeps other processes from using a key as long as the file stays open, and lets go
// when the process ends, however it ends: nobody else may open it for writing, which is
// what a second witness would do here. Reading stays possible.
func lock(key string) (*os.File, error) {
	name, err := syscall.UTF16PtrFromString(key)
	if err != nil {
		return nil, err
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, syscall.FILE_SHARE_READ, nil, syscall.OPEN_EXISTING, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", key, err)
	}
	return os.NewFile(uintptr(h), key), nil
}
