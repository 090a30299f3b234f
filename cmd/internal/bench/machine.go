package bench

import (
	"bytes"
	"os"
	"strconv"
	"time"
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

// clockTicks is what Linux counts processor time in, in every version that it has for
// programs.
const clockTicks = time.Second / 100

// machineTime is how long all processors have worked, and how long they had nothing to do;
// zero where the system does not say.
func machineTime() (worked, idle time.Duration) {
	raw, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	line, _, _ := bytes.Cut(raw, []byte("\n"))
	f := bytes.Fields(line) // cpu user nice system idle iowait irq softirq ...
	for i := 1; i < len(f) && i <= 7; i++ {
		n, _ := strconv.ParseInt(string(f[i]), 10, 64)
		if i == 4 || i == 5 {
			idle += time.Duration(n) * clockTicks
		} else {
			worked += time.Duration(n) * clockTicks
		}
	}
	return worked, idle
}

// foreign is the share of the machine that others took between two states, from 0 to 1;
// -1 where the system does not say.
func foreign(before, after snapshot) float64 {
	others := after.worked - before.worked
	all := others + after.idle - before.idle
	if all <= 0 {
		return -1
	}
	for name, s := range after.states {
		b := before.states[name]
		others -= s.User + s.System - b.User - b.System
	}
	return max(0, float64(others)/float64(all))
}
