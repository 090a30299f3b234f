//go:build unix

package redisrun

import "syscall"

// childAttributes keep the terminal's Ctrl-C from the child, so that the region stops in
// its own order.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
