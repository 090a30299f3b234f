package deploy

import (
	"regexp"
	"strings"
	"testing"
)

// TestTheUnitsLetTheirProgramsWriteWhatTheExamplesName holds the units of systemd, under
// which nothing but their state can be written, against the example configurations.
func TestTheUnitsLetTheirProgramsWriteWhatTheExamplesName(t *testing.T) {
	t.Parallel()
	gatewayd := parse[struct {
		Journal string
		Log     struct{ Guard string }
	}](t, read(t, "cmd/gatewayd/gatewayd.yaml"))
	adapterd := parse[struct {
		Country, Data string
		Deliver       struct {
			Filedrop struct{ Dir, Taken string }
		}
	}](t, read(t, "cmd/adapterd/adapterd.yaml"))
	witness := read(t, "cmd/deploy/systemd/trm-witness.service")
	for unit, tt := range map[string]struct {
		text, instance string
		written        []string
	}{
		"gatewayd":    {read(t, "cmd/deploy/systemd/gatewayd.service"), "", []string{gatewayd.Journal, gatewayd.Log.Guard}},
		"adapterd":    {read(t, "cmd/deploy/systemd/adapterd@.service"), adapterd.Country, []string{adapterd.Data, adapterd.Deliver.Filedrop.Dir, adapterd.Deliver.Filedrop.Taken}},
		"trm-witness": {witness, "", submatches(`--key (\S+)`, witness)},
	} {
		if !strings.Contains(tt.text, "\nProtectSystem=strict\n") || !regexp.MustCompile(`(?m)^User=trm-`).MatchString(tt.text) {
			t.Errorf("%s may write everywhere, or runs as root", unit)
		}
		var state []string
		for _, line := range submatches(`(?m)^StateDirectory=(.+)$`, strings.ReplaceAll(tt.text, "%i", tt.instance)) {
			state = append(state, strings.Fields(line)...)
		}
		for _, path := range tt.written {
			inside := false
			for _, s := range state {
				inside = inside || strings.HasPrefix(path+"/", "/var/lib/"+s+"/")
			}
			if !inside {
				t.Errorf("%s writes %q, and may write in %v only", unit, path, state)
			}
		}
		if len(tt.written) == 0 {
			t.Errorf("%s writes nothing: this test no longer understands the files", unit)
		}
	}
	if journal, guard := gatewayd.Journal, gatewayd.Log.Guard; strings.HasPrefix(guard, journal[:strings.LastIndex(journal, "/")+1]) {
		t.Errorf("the example has the guard file %s in the folder of the journal, which a backup brings back", guard)
	}
}
