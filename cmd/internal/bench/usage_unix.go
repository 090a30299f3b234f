//go:build unix

package bench

import (
	"fmt"
	"syscall"
	"time"
)

func ownUsage() (usage, error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return usage{}, fmt.Errorf("asking what this process has used: %w", err)
	}
	return usage{time.Duration(r.Utime.Nano()), time.Duration(r.Stime.Nano())}, nil
}
