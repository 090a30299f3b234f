//go:build !windows

package filedrop

import (
	"errors"
	"os"
)

// flush makes a folder's names durable.
func flush(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return reason("flushing a folder", err)
	}
	return reason("flushing a folder", errors.Join(f.Sync(), f.Close()))
}
