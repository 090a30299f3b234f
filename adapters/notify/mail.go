package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"example.org/trm/adapters"
	"example.org/trm/gateway"
)

// Security is how a mail server is spoken to.
type Security string

// The ways. There is no "if the server can": whoever stands between could say that it
// cannot.
const (
	StartTLS Security = "starttls" // in the clear until the server has said STARTTLS; port 587
	Implicit Security = "implicit" // TLS from the first byte (RFC 8314); port 465
	Plain    Security = "plain"    // never TLS: only to this machine
)

// Server is the mail server of an office. Host and From must be set.
type Server struct {
	Host     string
	Port     int      // default that of Security
	Security Security // default StartTLS
	// User and Password are for AUTH PLAIN or LOGIN, whichever the server offers; without a
	// user, none.
	User, Password string
	// From is the address in the envelope and in the header.
	From string
	// Hello is how we name ourselves. Default "localhost".
	Hello string
	// TLS holds the server's certificate authority. Default: the system's.
	TLS *tls.Config
	// Deadline is the time of one mail, from dialling to the server's word. Default 30
	// seconds; the attempt's own deadline stands above it.
	Deadline time.Duration
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// Mail sends a notice to mailboxes of one role. It speaks SMTP (RFC 5321) by net/smtp and
// not by a larger library: one sentence needs nothing more, and at every step it is known
// whether anything can have been sent. A server that takes the mail for one of several
// mailboxes has taken it. Make one with [NewMail].
//
// No text of the server and no address is in an error: a refusal can quote both.
type Mail struct {
	s  Server
	to func() []string
}

var _ adapters.Channel = (*Mail)(nil)

// NewMail checks the server's configuration. to gives the mailboxes when a notice is sent:
// a directory may have changed them. Nothing is dialled.
func NewMail(s Server, to func() []string) (*Mail, error) {
	var errs []error
	if s.Security == "" {
		s.Security = StartTLS
	}
	if s.Host == "" || strings.ContainsAny(s.Host, "\r\n :/") && !strings.HasPrefix(s.Host, "[") {
		errs = append(errs, errors.New("host: required, without a port"))
	}
	switch s.Security {
	case StartTLS:
		s.Port = or(s.Port, 587)
	case Implicit:
		s.Port = or(s.Port, 465)
	case Plain:
		s.Port = or(s.Port, 25)
		if !here(s.Host) {
			errs = append(errs, errors.New("security: plain is for a server on this machine"))
		}
	default:
		errs = append(errs, errors.New("security: give starttls, implicit or plain"))
	}
	if s.Port < 1 || s.Port > 65535 {
		errs = append(errs, errors.New("port: not a port"))
	}
	if (s.User == "") != (s.Password == "") {
		errs = append(errs, errors.New("user: give both user and password, or neither"))
	}
	from, err := address(s.From)
	if err != nil {
		errs = append(errs, errors.New("from: not a plain address"))
	}
	s.From = from
	if s.Hello == "" {
		s.Hello = "localhost"
	}
	if strings.ContainsAny(s.Hello, "\r\n ") {
		errs = append(errs, errors.New("hello: not a host's name"))
	}
	if to == nil {
		errs = append(errs, errors.New("to: required"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("configuring mail: %w", err)
	}
	if s.Deadline <= 0 {
		s.Deadline = 30 * time.Second
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	s.TLS = s.TLS.Clone()
	if s.TLS == nil {
		s.TLS = &tls.Config{}
	}
	s.TLS.MinVersion = max(s.TLS.MinVersion, tls.VersionTLS12)
	s.TLS.ServerName = s.Host
	return &Mail{s, to}, nil
}

func or(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// address is an address without a name, in plain ASCII: nothing that could end a line or
// begin a header.
func address(s string) (string, error) {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Name != "" || a.Address != s || len(s) > 254 || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", errors.New("not a plain address")
	}
	return s, nil
}

// Kind is "mail".
func (*Mail) Kind() string { return "mail" }

// errNoMailbox is the operator's and the directory's to heal, and may be tomorrow.
var errNoMailbox = errors.New("the role has no mailbox")

var errNoTLS = errors.New("it does not offer STARTTLS")

// Notify sends one mail.
func (m *Mail) Notify(ctx context.Context, n adapters.Notice) error {
	var to []string
	for _, s := range m.to() {
		if a, err := address(s); err == nil {
			to = append(to, a)
		}
	}
	if len(to) == 0 {
		return adapters.Unsent(errNoMailbox)
	}
	ctx, cancel := within(ctx, m.s.Deadline)
	defer cancel()
	d := net.Dialer{Timeout: 10 * time.Second}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(m.s.Host, strconv.Itoa(m.s.Port)))
	if err != nil {
		return adapters.Unsent(fmt.Errorf("reaching the mail server: %w", cause(ctx, err)))
	}
	defer conn.Close()
	if t, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(t)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // it may be reading: nothing else wakes it
	defer stop()
	c, err := m.enter(ctx, conn)
	if err != nil {
		return adapters.Unsent(fmt.Errorf("reaching the mail server: %w", cause(ctx, err)))
	}
	if err := m.send(ctx, c, to, n); err != nil {
		return err
	}
	_ = c.Quit() // it has taken the mail: what it says now changes nothing
	return nil
}

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
