package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strconv"
	"strings"
	"time"

	"example.org/trm/adapters"
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
