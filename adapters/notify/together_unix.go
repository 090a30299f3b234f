//go:build unix

package notify

import (
	"os/exec"
	"syscall"
)

// together puts a program and what it starts into one group, which is ended as one.
func together(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
