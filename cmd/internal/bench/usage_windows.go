package bench

import (
	"fmt"
	"syscall"
	"time"
)

func ownUsage() (usage, error) {
	self, err := syscall.GetCurrentProcess()
	if err != nil {
		return usage{}, fmt.Errorf("asking what this process has used: %w", err)
	}
	var created, exited, kernel, user syscall.Filetime
	if err := syscall.GetProcessTimes(self, &created, &exited, &kernel, &user); err != nil {
		return usage{}, fmt.Errorf("asking what this process has used: %w", err)
	}
	return usage{ticks(user), ticks(kernel)}, nil
}

// ticks are of 100 nanoseconds; a Filetime's own Nanoseconds counts from 1970.
func ticks(f syscall.Filetime) time.Duration {
	return 100 * time.Duration(int64(f.HighDateTime)<<32|int64(f.LowDateTime))
}
