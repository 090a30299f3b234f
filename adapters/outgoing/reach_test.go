package outgoing_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/gateway"
)

// silenced is a directory in which some parties have no mailbox.
type silenced struct {
	gateway.Directory
	who map[gateway.Party]bool
}

func (d silenced) Institution(p gateway.Party) (gateway.Institution, bool) {
	i, ok := d.Directory.Institution(p)
	if d.who[p] {
		i.Mailbox = ""
	}
	return i, ok
}

func TestOfficerSeesWhomToTelephoneBeforeSending(t *testing.T) {
	t.Parallel()
	w := theRegion(t)
	child, _ := w.directory.Institution("rs/child-protection")
	d := w.desk()
	d.Directory = silenced{w.directory, map[gateway.Party]bool{"rs/child-protection": true, "rs/social-services": true}}
	draft := w.referral(t, func(d *outgoing.Draft) {
		d.Lane, d.Agreement = gateway.Child, gateway.Agreement{State: "given", By: "authority", Heard: true}
	})
	p, err := d.Preview(draft, gateway.ThreadFacts{})
	if err != nil {
		t.Fatal(err)
	}
	want := []gateway.Unreached{{Party: "rs/child-protection", Telephone: child.Duty, Why: gateway.NoMailbox}}
	if diff := cmp.Diff(p.Unreached, want); diff != "" {
		t.Errorf("got, want: %s", diff)
	}
	var text bytes.Buffer
	if err := p.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	line := "Telephone: rs/child-protection has no reachable channel. The duty telephone is " + child.Duty + "."
	if !strings.Contains(text.String(), line) {
		t.Errorf("the text does not say %q:\n%s", line, text.String())
	}
	p, err = w.desk().Preview(draft, gateway.ThreadFacts{})
	if err != nil || len(p.Unreached) > 0 {
		t.Errorf("where all have a mailbox: got %v, %v", p.Unreached, err)
	}
}
