package notify_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/trm/adapters"
	"example.org/trm/adapters/country"
	"example.org/trm/adapters/notify"
	"example.org/trm/gateway"
)

var noon = time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC)

func notice(t *testing.T, c gateway.Country) adapters.Notice {
	t.Helper()
	p, err := country.Of(c)
	must(t, err)
	w, err := notify.WordsOf(p)
	must(t, err)
	due := noon.Add(4 * time.Hour)
	return adapters.Notice{Ref: "7Q4KXM", Text: w.Say("7Q4KXM", due, noon), AnswerBy: due, Key: "5N2V0YQ8ZKX1M3AB"}
}

// mailTo makes the channel to a server of the test.
func mailTo(t *testing.T, s *mailServer, change func(*notify.Server), to ...string) *notify.Mail {
	t.Helper()
	conf := notify.Server{
		Host: "127.0.0.1", Port: s.port(), From: "notices@office.example", TLS: &tls.Config{RootCAs: s.roots},
		Deadline: 10 * time.Second, Now: func() time.Time { return noon },
	}
	if s.implicit {
		conf.Security = notify.Implicit
	}
	if change != nil {
		change(&conf)
	}
	if len(to) == 0 {
		to = []string{"duty@office.example"}
	}
	m, err := notify.NewMail(conf, func() []string { return to })
	must(t, err)
	return m
}

func TestMailHoldsTheSentenceAndNothingElse(t *testing.T) {
	t.Parallel()
	for name, implicit := range map[string]bool{"STARTTLS": false, "implicit TLS": true} {
		s := newMailServer(t, implicit)
		if err := mailTo(t, s, nil, "duty@office.example", "second@office.example").Notify(t.Context(), notice(t, "rs")); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(s.seen().mails) != 1 || !s.seen().tls[0] {
			t.Fatalf("%s: got %d mails, TLS %v", name, len(s.seen().mails), s.seen().tls)
		}
		if got, want := s.seen().to[0], []string{"<duty@office.example>", "<second@office.example>"}; !slices.Equal(got, want) {
			t.Errorf("%s: to %v, want %v", name, got, want)
		}
		m, err := mail.ReadMessage(strings.NewReader(s.seen().mails[0]))
		must(t, err)
		body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
		must(t, err)
		want := "Једна порука чека. Ref 7Q4KXM. Одговорите до 16:00.\r\nA message is waiting. Ref 7Q4KXM. Answer by 16:00.\r\n"
		if string(body) != want {
			t.Errorf("%s: got %q, want %q", name, body, want)
		}
		for header, want := range map[string]string{
			"Subject": "A message is waiting. Ref 7Q4KXM.", "From": "<notices@office.example>",
			"To": "<duty@office.example>, <second@office.example>", "Message-Id": "<5N2V0YQ8ZKX1M3AB@office.example>",
			"Date": "Mon, 23 Nov 2026 11:00:00 +0000", "Auto-Submitted": "auto-generated",
		} {
			if got := m.Header.Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
		if got := len(m.Header); got != 9 {
			t.Errorf("%s: got %d headers, want 9: %v", name, got, m.Header)
		}
	}
}

func TestServerIsToldWhoWeAreInEitherWayThatItOffers(t *testing.T) {
	t.Parallel()
	for _, offer := range []string{"PLAIN LOGIN", "LOGIN", "PLAIN"} {
		s := newMailServer(t, false)
		s.offer(offer)
		enter := func(c *notify.Server) { c.User, c.Password = "office", "secret-of-a-test" }
		if err := mailTo(t, s, enter).Notify(t.Context(), notice(t, "al")); err != nil {
			t.Errorf("%s: %v", offer, err)
		}
		if want := []string{"office secret-of-a-test"}; !slices.Equal(s.seen().users, want) {
			t.Errorf("%s: got %q, want %q", offer, s.seen().users, want)
		}
		wrong := func(c *notify.Server) { c.User, c.Password = "office", "another-of-a-test" }
		err := mailTo(t, s, wrong).Notify(t.Context(), notice(t, "al"))
		if !adapters.IsUnsent(err) || gateway.IsPermanent(err) {
			t.Errorf("%s, wrong password: got %v, want an error that nothing was sent", offer, err)
		}
		if len(s.seen().mails) != 1 {
			t.Errorf("%s: got %d mails, want 1", offer, len(s.seen().mails))
		}
	}
}

func TestNothingIsSaidWithoutTLS(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*mailServer, *notify.Server){
		"a server that offers no TLS":   func(s *mailServer, _ *notify.Server) { s.when("EHLO", "250 test") },
		"a certificate of nobody known": func(_ *mailServer, c *notify.Server) { c.TLS = nil },
		"implicit TLS that is none":     func(_ *mailServer, c *notify.Server) { c.Security = notify.Implicit },
	} {
		s := newMailServer(t, false)
		s.offer("PLAIN")
		m := mailTo(t, s, func(c *notify.Server) {
			c.User, c.Password = "office", "secret-of-a-test"
			prepare(s, c)
		})
		if err := m.Notify(t.Context(), notice(t, "rs")); !adapters.IsUnsent(err) || gateway.IsPermanent(err) {
			t.Errorf("%s: got %v, want an error that nothing was sent", name, err)
		}
		got := s.seen()
		said := strings.Join(got.verbs, " ")
		if strings.Contains(said, "AUTH") || strings.Contains(said, "MAIL") || len(got.mails) > 0 {
			t.Errorf("%s: was told %q", name, said)
		}
	}
}

// outcome is what is known of an attempt that failed.
type outcome struct{ unsent, never bool }

func TestServersAnswerSaysWhatIsKnown(t *testing.T) {
	t.Parallel()
	refusal := "550 no such user <canary-mailbox@office.example>"
	for name, row := range map[string]struct {
		verb  string
		reply []string
		want  outcome
		mails int
	}{
		"recipient refused":                 {"RCPT", []string{refusal}, outcome{never: true}, 0},
		"recipient greylisted":              {"RCPT", []string{"451 4.7.1 come again"}, outcome{}, 0},
		"sender refused":                    {"MAIL", []string{"553 no"}, outcome{never: true}, 0},
		"too busy to begin":                 {"hello", []string{"421 busy"}, outcome{unsent: true}, 0},
		"hangs up at once":                  {"hello", []string{""}, outcome{unsent: true}, 0},
		"hangs up after the recipient":      {"RCPT", []string{""}, outcome{unsent: true}, 0},
		"hangs up before the mail":          {"DATA", []string{""}, outcome{unsent: true}, 0},
		"refuses the mail":                  {".", []string{"554 5.7.1 spam <canary-mailbox@office.example>"}, outcome{never: true}, 0},
		"cannot take the mail now":          {".", []string{"452 full"}, outcome{}, 0},
		"hangs up, the mail was not taken":  {".", []string{""}, outcome{}, 0},
		"hangs up, the mail was taken":      {"late", nil, outcome{}, 1},
		"the quitting is refused":           {"QUIT", []string{"500 no"}, outcome{}, 1},
		"hangs up when we quit, mail taken": {"QUIT", []string{""}, outcome{}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newMailServer(t, false)
			s.when(row.verb, row.reply...)
			s.dieLate(row.verb == "late")
			err := mailTo(t, s, nil).Notify(t.Context(), notice(t, "rs"))
			if row.verb == "QUIT" {
				if err != nil {
					t.Errorf("got %v, want none: the mail was taken", err)
				}
				return
			}
			if err == nil {
				t.Fatal("got no error")
			}
			if got := (outcome{adapters.IsUnsent(err), gateway.IsPermanent(err)}); got != row.want {
				t.Errorf("got %+v of %v, want %+v", got, err, row.want)
			}
			if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "office.example") {
				t.Errorf("the error quotes the server: %v", err)
			}
			if got := len(s.seen().mails); got != row.mails {
				t.Errorf("got %d mails, want %d", got, row.mails)
			}
		})
	}
}

// TestLostAnswerIsAmbiguous parts the two that look alike from here.
func TestLostAnswerIsAmbiguous(t *testing.T) {
	t.Parallel()
	for _, taken := range []bool{false, true} {
		s := newMailServer(t, true)
		if s.dieLate(taken); !taken {
			s.when(".", "")
		}
		err := mailTo(t, s, nil).Notify(t.Context(), notice(t, "rs"))
		var p *gateway.Problem
		if err == nil || adapters.IsUnsent(err) || gateway.IsPermanent(err) || errors.As(err, &p) {
			t.Errorf("taken %v: got %v, want an error that says nothing", taken, err)
		}
		// The same key makes the same mail, so that a mail system can know it again.
		s.dieLate(false)
		must(t, mailTo(t, s, nil).Notify(t.Context(), notice(t, "rs")))
		for _, m := range s.seen().mails {
			if !strings.Contains(m, "Message-ID: <5N2V0YQ8ZKX1M3AB@office.example>\r\n") {
				t.Errorf("got %q", m)
			}
		}
	}
}

func TestOneOfSeveralMailboxesIsEnough(t *testing.T) {
	t.Parallel()
	s := newMailServer(t, false)
	s.when("RCPT", "550 gone")
	must(t, mailTo(t, s, nil, "gone@office.example", "duty@office.example").Notify(t.Context(), notice(t, "rs")))
	if len(s.seen().mails) != 1 {
		t.Errorf("got %d mails, want 1", len(s.seen().mails))
	}
	// Where none takes it, the one that may later decides.
	for _, answers := range [][]string{{"550 gone", "451 later"}, {"451 later", "550 gone"}} {
		s.when("RCPT", answers...)
		err := mailTo(t, s, nil, "gone@office.example", "duty@office.example").Notify(t.Context(), notice(t, "rs"))
		if err == nil || gateway.IsPermanent(err) {
			t.Errorf("%v: got %v, want an error that another attempt may heal", answers, err)
		}
	}
}

func TestSilentServerCostsOneDeadline(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"EHLO", "RCPT", "DATA"} {
		s := newMailServer(t, false)
		s.when(verb, "-")
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		began := time.Now()
		err := mailTo(t, s, nil).Notify(ctx, notice(t, "rs"))
		cancel()
		if !adapters.IsUnsent(err) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v, want a deadline, and nothing sent", verb, err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: took %s", verb, took)
		}
	}
	s := newMailServer(t, false)
	s.when("EHLO", "-")
	ctx, cancel := context.WithCancel(t.Context())
	go cancel()
	if err := mailTo(t, s, nil).Notify(ctx, notice(t, "rs")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want cancelled", err)
	}
}

func TestNoAddressMakesAHeaderOrAnotherMail(t *testing.T) {
	t.Parallel()
	s := newMailServer(t, false)
	evil := []string{
		"duty@office.example\r\nBcc: other@elsewhere.example", "duty@office.example>\r\nDATA", "Duty Officer <duty@office.example>",
		"duty@office.example, other@elsewhere.example", "", "duty", "dužnost@office.example", "duty@office.example ", strings.Repeat("a", 300) + "@office.example",
	}
	if err := mailTo(t, s, nil, evil...).Notify(t.Context(), notice(t, "rs")); !adapters.IsUnsent(err) {
		t.Errorf("got %v, want an error that nothing was sent", err)
	}
	if len(s.seen().verbs) > 0 {
		t.Errorf("the server was told %q", s.seen().verbs)
	}
	for _, from := range evil {
		if _, err := notify.NewMail(notify.Server{Host: "mail.example", From: from}, func() []string { return nil }); err == nil {
			t.Errorf("from %q: got no error", from)
		}
	}
	// Reference and key cannot break a header either, should they ever be anybody else's.
	n := notice(t, "rs")
	n.Ref, n.Key = "7Q\r\nBcc: other@elsewhere.example", "k>\r\nX-Evil: 1"
	must(t, mailTo(t, s, nil).Notify(t.Context(), n))
	m, err := mail.ReadMessage(strings.NewReader(s.seen().mails[0]))
	must(t, err)
	if len(m.Header) != 9 || m.Header.Get("Bcc") != "" || m.Header.Get("X-Evil") != "" {
		t.Errorf("got headers %v", m.Header)
	}
}

func TestMailIsConfiguredWholly(t *testing.T) {
	t.Parallel()
	good := notify.Server{Host: "mail.example", From: "notices@office.example"}
	to := func() []string { return nil }
	if _, err := notify.NewMail(good, to); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*notify.Server){
		"no host":                   func(s *notify.Server) { s.Host = "" },
		"host with port":            func(s *notify.Server) { s.Host = "mail.example:25" },
		"host with a line":          func(s *notify.Server) { s.Host = "mail.example\r\nMAIL" },
		"plain to another machine":  func(s *notify.Server) { s.Security = notify.Plain },
		"no such security":          func(s *notify.Server) { s.Security = "maybe" },
		"a user without a password": func(s *notify.Server) { s.User = "office" },
		"a password without a user": func(s *notify.Server) { s.Password = "x" },
		"a name with a line":        func(s *notify.Server) { s.Hello = "a\r\nb" },
		"a port that is none":       func(s *notify.Server) { s.Port = 70000 },
	} {
		s := good
		change(&s)
		if _, err := notify.NewMail(s, to); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	if _, err := notify.NewMail(good, nil); err == nil {
		t.Error("no mailboxes: got no error")
	}
}
