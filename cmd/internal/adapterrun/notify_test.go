package adapterrun

import (
	"bufio"
	"bytes"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/trm/adapters"
	"example.org/trm/adapters/country"
	"example.org/trm/gateway"
	"example.org/trm/gateway/sop"
)

func TestFaultsOfNotifyAreReportedTogether(t *testing.T) {
	t.Parallel()
	n := &Notify{
		Mail: &MailServer{User: "office"}, Deadline: -time.Second,
		Roles: map[gateway.Party][]Channel{
			"mk/coordinator": {{Mail: &Mailboxes{}}},
			"rs/coordinator": {
				{}, {Mail: &Mailboxes{}, File: &NoticeFile{Path: "/f"}}, {Command: &Command{Path: "ring"}}, {File: &NoticeFile{}},
				{Webhook: &Webhook{URL: "https://a.example", Certificate: "/c"}},
			},
		},
		Default: []Channel{{Webhook: &Webhook{SecretFile: "/s", TokenFile: "/t"}}},
	}
	err := n.validate("rs")
	for _, want := range []string{
		"notify.mail.host", "notify.mail.from", "notify.mail: give both", "mk/coordinator is not a party", "roles.rs/coordinator[0]: give mail",
		"roles.rs/coordinator[1]: give mail", "roles.rs/coordinator[2].command.path", "roles.rs/coordinator[3].file.path",
		"roles.rs/coordinator[4].webhook: give both", "roles.rs/coordinator[4].webhook: give secretFile", "default[0].webhook: give secretFile", "a time is negative",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}
	for name, n := range map[string]*Notify{
		"nobody":                {},
		"mail without a server": {Default: []Channel{{Mail: &Mailboxes{}}}},
	} {
		if n.validate("rs") == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	var none *Notify
	if err := none.validate("rs"); err != nil {
		t.Errorf("without notify: got %v", err)
	}
}

// mailboxes is a directory in which a party's mailbox can change.
type mailboxes struct {
	gateway.Directory
	of map[gateway.Party]string
}

func (m mailboxes) Institution(p gateway.Party) (gateway.Institution, bool) {
	return gateway.Institution{Party: p, Mailbox: m.of[p]}, true
}

// letterbox is a mail server that takes one mail after the other and tells to whom.
func letterbox(t *testing.T) (port int, to <-chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	taken := make(chan string, 8)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			say := func(s string) { _, _ = conn.Write([]byte(s + "\r\n")) }
			say("220 test")
			var rcpt string
			for in := bufio.NewScanner(conn); in.Scan(); {
				switch verb, rest, _ := strings.Cut(in.Text(), " "); verb {
				case "RCPT":
					rcpt = strings.TrimPrefix(rest, "TO:")
					say("250 ok")
				case "DATA":
					say("354 go on")
				case ".":
					taken <- rcpt
					say("250 taken")
				case "EHLO", "MAIL", "QUIT":
					say("250 ok")
				}
			}
			_ = conn.Close()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port, taken
}

func serbia(t *testing.T) country.Profile {
	t.Helper()
	p, err := country.Of("rs")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRolesAreToldByTheirOwnChannelsAndOthersByMail(t *testing.T) {
	t.Parallel()
	port, to := letterbox(t)
	d := mailboxes{of: map[gateway.Party]string{"rs/coordinator": "office@example.org"}}
	log := filepath.Join(t.TempDir(), "made", "notices.log")
	n := &Notify{
		Mail: &MailServer{Host: "127.0.0.1", Port: port, Security: "plain", From: "trm@example.org"},
		Roles: map[gateway.Party][]Channel{
			"rs/child-protection": {{Mail: &Mailboxes{To: []string{"night@example.org"}}}, {File: &NoticeFile{Path: log}}},
			"rs/prosecution":      {},
		},
	}
	if err := n.validate("rs"); err != nil {
		t.Fatal(err)
	}
	b, err := openBell(n, serbia(t), d, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if b.Every != sop.RingEvery || b.Alternate != sop.RingAlternate {
		t.Errorf("rings every %s, and the alternate from %s", b.Every, b.Alternate)
	}
	kinds := func(p gateway.Party) (out []string) {
		for _, c := range b.Channels(p) {
			out = append(out, c.Kind())
		}
		return out
	}
	for p, want := range map[gateway.Party][]string{"rs/coordinator": {"mail"}, "rs/child-protection": {"mail", "file"}, "rs/prosecution": nil} {
		if got := kinds(p); !slices.Equal(got, want) {
			t.Errorf("%s has %v, want %v", p, got, want)
		}
	}
	notice := adapters.Notice{Ref: "7Q4KXM", Key: "k", Text: b.Say("7Q4KXM", time.Time{}, time.Now())}
	ring := func(p gateway.Party) string {
		t.Helper()
		if err := b.Channels(p)[0].Notify(t.Context(), notice); err != nil {
			t.Fatal(err)
		}
		return <-to
	}
	if got := ring("rs/coordinator"); got != "<office@example.org>" {
		t.Errorf("told %s", got)
	}
	d.of["rs/coordinator"] = "new@example.org" // the party has said so in its contacts
	if got := ring("rs/coordinator"); got != "<new@example.org>" {
		t.Errorf("told %s after the directory changed", got)
	}
	if got := ring("rs/child-protection"); got != "<night@example.org>" {
		t.Errorf("told %s", got)
	}
	if err := b.Channels("rs/child-protection")[1].Notify(t.Context(), notice); err != nil {
		t.Error(err)
	}
	if raw, err := os.ReadFile(log); err != nil || !strings.Contains(string(raw), "rs/child-protection  A message is waiting. Ref 7Q4KXM.\n") {
		t.Errorf("got %q, %v", raw, err)
	}
}

func TestOperatorHearsAtTheStartOfWhomNobodyWillBeTold(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	a := &Adapter{config: Config{Country: "rs"}, log: slog.New(slog.NewTextHandler(&log, nil))}
	a.warnUnreached(nil, []gateway.Party{"rs/coordinator"})
	if !strings.Contains(log.String(), "notify is not configured") {
		t.Errorf("without notify: %s", log.String())
	}
	log.Reset()
	b, err := openBell(&Notify{Roles: map[gateway.Party][]Channel{"rs/coordinator": {{File: &NoticeFile{Path: filepath.Join(t.TempDir(), "f")}}}}}, serbia(t), mailboxes{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	a.warnUnreached(b, []gateway.Party{"rs/coordinator", "rs/prosecution", "ba/coordinator"})
	if got := log.String(); strings.Count(got, "no channel") != 1 || !strings.Contains(got, "rs/prosecution") {
		t.Errorf("got %s", got)
	}
}

func TestWhatIsWrongWithAChannelShowsAtTheStart(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	here := MailServer{Host: "127.0.0.1", Security: "plain", From: "trm@example.org"}
	with := func(change func(*MailServer)) *Notify {
		m := here
		change(&m)
		return &Notify{Mail: &m}
	}
	for name, n := range map[string]*Notify{
		"plain to another machine": with(func(m *MailServer) { m.Host = "mail.example" }),
		"a sender with a name":     with(func(m *MailServer) { m.From = "TRM <trm@example.org>" }),
		"no such security":         with(func(m *MailServer) { m.Security = "maybe" }),
		"no password there":        with(func(m *MailServer) { m.User, m.PasswordFile = "office", "/nowhere/password" }),
		"no authority there":       with(func(m *MailServer) { m.CA = "/nowhere/ca.pem" }),
		"a short secret":           {Default: []Channel{{Webhook: &Webhook{URL: "https://a.example", SecretFile: secret}}}},
		"a webhook without TLS":    {Roles: map[gateway.Party][]Channel{"rs/coordinator": {{Webhook: &Webhook{URL: "http://a.example", SecretFile: secret}}}}},
		"a language of nobody":     {Mail: &here, Languages: []string{"de"}},
	} {
		if _, err := openBell(n, serbia(t), mailboxes{}, time.Now); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	if runtime.GOOS != "windows" {
		b, err := openBell(&Notify{Default: []Channel{{Command: &Command{Path: "/bin/true"}}}}, serbia(t), mailboxes{}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		if list := b.Channels("rs/coordinator"); len(list) != 1 || list[0].Notify(t.Context(), adapters.Notice{Ref: "7Q4KXM"}) != nil {
			t.Errorf("got %v", list)
		}
	}
}
