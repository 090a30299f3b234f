package harness

import (
	"syscall"
	"unsafe"
)

// Full makes every write of the process to a file fail, as on a full disk, until it is
// told otherwise. What the process prints meanwhile is lost too, as it would be.
func (p *Program) Full(full bool) {
	p.t.Helper()
	p.mu.Lock()
	cmd := p.cmd
	p.mu.Unlock()
	if cmd == nil {
		p.t.Fatalf("filling the disk of %s: it does not run", p.Name)
	}
	const forever = ^uint64(0)
	limit := syscall.Rlimit{Cur: forever, Max: forever}
	if full {
		limit.Cur = 0
	}
	// The limit of a file's size, which is asked before every write (prlimit(2)).
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(cmd.Process.Pid), syscall.RLIMIT_FSIZE, uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
	if errno != 0 {
		p.t.Fatalf("filling the disk of %s: %v", p.Name, errno)
	}
}
