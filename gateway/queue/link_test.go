package queue

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func TestALinkSpeaksWhenItChangesAndNotInBetween(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	k := &link{log: slog.New(slog.NewTextHandler(&out, nil))}
	k.up()
	for range 2 {
		k.down(errors.New("connection refused"))
		k.down(errors.New("connection reset"))
		k.up()
		k.up()
	}
	if lost, back := strings.Count(out.String(), "lost redis"), strings.Count(out.String(), "redis is back"); lost != 2 || back != 2 {
		t.Errorf("lost twice and back twice, it said so %d and %d times:\n%s", lost, back, out.String())
	}
}
