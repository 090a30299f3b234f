package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestEveryCommandSaysWhatItDoesAndHowItIsCalled: whoever looks a command up finds a sentence
// and a line to copy, and the line calls that command.
func TestEveryCommandSaysWhatItDoesAndHowItIsCalled(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	root := (&app{out: &out, errs: &out}).command()
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			walk(sub)
		}
		if c.Hidden || !c.Runnable() || c.HasSubCommands() {
			return
		}
		if len(c.Long) <= len(c.Short) {
			t.Errorf("%s: --help says no more than the list", c.CommandPath())
		}
		if !strings.Contains(c.Example, c.CommandPath()) {
			t.Errorf("%s: --help shows no example of it", c.CommandPath())
		}
		for line := range strings.Lines(c.Example) {
			if !strings.HasPrefix(line, "  ") {
				t.Errorf("%s: the example %q is not indented", c.CommandPath(), line)
			}
		}
	}
	walk(root)
}
