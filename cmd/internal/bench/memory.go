package bench

import (
	"bytes"
	"os"
	"strconv"
)

// memory is what a process holds, in bytes; zero where the system does not say.
type memory struct {
	resident     int64 // all its pages, also those that others use too
	proportional int64 // of shared pages, its share
}

// memoryOf reads it from Linux.
func memoryOf(pid int) memory {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
	if err != nil {
		return memory{}
	}
	var m memory
	for line := range bytes.Lines(raw) {
		f := bytes.Fields(line)
		if len(f) < 2 {
			continue
		}
		n, _ := strconv.ParseInt(string(f[1]), 10, 64)
		switch string(f[0]) {
		case "Rss:":
			m.resident = n << 10
		case "Pss:":
			m.proportional = n << 10
		}
	}
	return m
}
