package daemon_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"

	"example.org/trm/cmd/internal/daemon"
)

var (
	errAbsent = errors.New("there is no such file")
	errServed = errors.New("it served")
)

// sample reads what a test calls good, which says whether it is ready nowhere, and serves
// by saying so.
func sample() daemon.Program[string] {
	return daemon.Program[string]{
		Name: "sampled", What: "sample",
		Read: func(path string) (string, error) {
			if path != "good.yaml" {
				return "", errAbsent
			}
			return "127.0.0.1", nil
		},
		Operators: func(c string) string { return c },
		Serve: func(_ context.Context, _ string, log *slog.Logger) error {
			log.Info("info")
			log.Debug("debug")
			return errServed
		},
	}
}

// TestAWrongCommandLineEndsWithTwo, so that whoever starts the process can tell it from a
// failure that may pass.
func TestAWrongCommandLineEndsWithTwo(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args []string
		code int
		said string
	}{
		"help":                  {[]string{"-h"}, 0, "usage: sampled "},
		"an unknown flag":       {[]string{"-frobnicate"}, 2, "usage: sampled "},
		"no configuration":      {nil, 2, "usage: sampled "},
		"two":                   {[]string{"good.yaml", "good.yaml"}, 2, "usage: sampled "},
		"one that is not there": {[]string{"nowhere.yaml"}, 1, ""},
		"a check":               {[]string{"-check", "good.yaml"}, 0, "well formed"},
		"a check of none":       {[]string{"-check", "nowhere.yaml"}, 1, ""},
		"a question to nobody":  {[]string{"-health", "good.yaml"}, 1, ""},
	} {
		var out bytes.Buffer
		err := sample().Run(t.Context(), tt.args, io.Discard, &out)
		if daemon.ExitCode(err) != tt.code || errors.Is(err, errServed) {
			t.Errorf("%s: got %v, want exit code %d and nothing served", name, err, tt.code)
		}
		if !strings.Contains(out.String(), tt.said) || tt.said == "" && out.Len() > 0 {
			t.Errorf("%s: got %q, want %q", name, &out, tt.said)
		}
	}
}

// TestItServesAndLogsMoreWhereThatIsAsked is not parallel: Run says where the Redis client
// of the process logs to.
func TestItServesAndLogsMoreWhereThatIsAsked(t *testing.T) {
	for _, debug := range []bool{false, true} {
		args := []string{"good.yaml"}
		if debug {
			args = []string{"-debug", "good.yaml"}
		}
		var log bytes.Buffer
		if err := sample().Run(t.Context(), args, &log, io.Discard); !errors.Is(err, errServed) || daemon.ExitCode(err) != 1 {
			t.Errorf("got %v, want what serving ended with", err)
		}
		if !strings.Contains(log.String(), `"info"`) || strings.Contains(log.String(), `"debug"`) != debug {
			t.Errorf("debug %t: got the log %s", debug, &log)
		}
	}
}
