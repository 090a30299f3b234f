package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"mime/quotedprintable"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"

	"example.org/trm/adapters"
	"example.org/trm/gateway"
)

// enter says who we are, through TLS.
func (m *Mail) enter(ctx context.Context, conn net.Conn) (*smtp.Client, error) {
	if m.s.Security == Implicit {
		secure := tls.Client(conn, m.s.TLS)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		conn = secure
	}
	c, err := smtp.NewClient(conn, m.s.Host)
	if err != nil {
		return nil, err
	}
	if err := c.Hello(m.s.Hello); err != nil {
		return nil, err
	}
	if m.s.Security == StartTLS {
		if ok, _ := c.Extension("STARTTLS"); !ok {
			return nil, errNoTLS
		}
		if err := c.StartTLS(m.s.TLS); err != nil {
			return nil, err
		}
	}
	if m.s.User == "" {
		return c, nil
	}
	_, offered := c.Extension("AUTH")
	if strings.Contains(" "+offered+" ", " PLAIN ") || !strings.Contains(offered, "LOGIN") {
		return c, c.Auth(smtp.PlainAuth("", m.s.User, m.s.Password, m.s.Host))
	}
	return c, c.Auth(login{m.s.User, m.s.Password})
}

// send gives the mail to the server. Until the last line has left, nothing was sent; when
// the server's word about it is lost, nobody knows.
func (m *Mail) send(ctx context.Context, c *smtp.Client, to []string, n adapters.Notice) error {
	if err := c.Mail(m.s.From); err != nil {
		return refused(ctx, "MAIL", err)
	}
	var refusal error
	accepted := 0
	for _, a := range to {
		err := c.Rcpt(a)
		if err == nil {
			accepted++
			continue
		}
		err = refused(ctx, "RCPT", err)
		if refusal == nil || gateway.IsPermanent(refusal) {
			refusal = err // one that may be taken later outweighs those that never will
		}
	}
	if accepted == 0 {
		return refusal
	}
	w, err := c.Data()
	if err != nil {
		return refused(ctx, "DATA", err)
	}
	if _, err := w.Write(m.compose(to, n)); err != nil {
		return adapters.Unsent(fmt.Errorf("sending mail: %w", cause(ctx, err)))
	}
	if err := w.Close(); err != nil {
		if code(err) > 0 {
			return refused(ctx, "the mail", err)
		}
		return fmt.Errorf("sending mail: %w", cause(ctx, err)) // it may have taken it
	}
	return nil
}

// compose writes the mail. Nothing in it comes from a message; Key and Ref are ours, and
// have letters and digits only.
func (m *Mail) compose(to []string, n adapters.Notice) []byte {
	var b bytes.Buffer
	_, domain, _ := strings.Cut(m.s.From, "@")
	for _, h := range [][2]string{
		{"From", "<" + m.s.From + ">"},
		{"To", "<" + strings.Join(to, ">, <") + ">"},
		{"Subject", "A message is waiting. Ref " + plain(n.Ref) + "."},
		{"Date", m.s.Now().UTC().Format(time.RFC1123Z)},
		{"Message-ID", "<" + plain(n.Key) + "@" + domain + ">"}, // the same again is the same mail
		{"Auto-Submitted", "auto-generated"},                    // RFC 3834: no holiday answers
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		b.WriteString(h[0] + ": " + h[1] + "\r\n")
	}
	b.WriteString("\r\n")
	q := quotedprintable.NewWriter(&b)
	_, _ = q.Write([]byte(strings.ReplaceAll(n.Text, "\n", "\r\n"))) // a buffer takes everything
	_ = q.Close()
	return b.Bytes()
}

// plain keeps the letters and digits of a word: nothing else may come into a header.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, s)
}

// refused is what a server's answer to a step before the end means: 5xx never, 4xx not now
// (greylisting is one), and no answer at all that nothing was sent.
func refused(ctx context.Context, step string, err error) error {
	n := code(err)
	said := fmt.Errorf("the mail server answered %d to %s", n, step)
	switch {
	case n >= 500:
		return gateway.Permanent(said)
	case n > 0:
		return gateway.Unavailable(gateway.CodeBusy, 0, said)
	}
	return adapters.Unsent(fmt.Errorf("sending mail: %w", cause(ctx, err)))
}

// code is the server's, 0 where it gave none.
func code(err error) int {
	var said *textproto.Error
	if errors.As(err, &said) {
		return said.Code
	}
	return 0
}

// cause is what an operator may read of an error: never what the server wrote, which can
// quote an address.
func cause(ctx context.Context, err error) error {
	if n := code(err); n > 0 {
		return fmt.Errorf("it answered %d", n)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, errNoTLS) {
		return errNoTLS
	}
	return adapters.NetworkCause(err)
}

// login is AUTH LOGIN, which is no standard and all that some servers know. It is given to
// none that is not spoken to through TLS, or on this machine.
type login struct{ user, password string }

func (l login) Start(s *smtp.ServerInfo) (string, []byte, error) {
	if !s.TLS && !here(s.Name) {
		return "", nil, errors.New("a password goes through TLS only")
	}
	return "LOGIN", nil, nil
}

func (l login) Next(asked []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	switch strings.ToLower(strings.TrimSpace(string(asked))) {
	case "username:", "user name":
		return []byte(l.user), nil
	case "password:", "password":
		return []byte(l.password), nil
	}
	return nil, errors.New("the mail server asks for something else than name and password")
}
