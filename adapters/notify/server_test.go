package notify_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// mailServer is a mail server of a test: it speaks SMTP over TCP and TLS and answers as it
// is told.
type mailServer struct {
	listener net.Listener
	conf     *tls.Config
	roots    *x509.CertPool
	implicit bool
	wait     sync.WaitGroup

	mu      sync.Mutex          // guards what follows
	answers map[string][]string // by verb, or "." for the end of the mail: replies to give before the usual one; "" hangs up, "-" keeps silent
	lateDie bool                // takes the mail, and hangs up before it says so
	auth    string              // what it offers
	users   []string            // who came, with password
	verbs   []string            // what was said, addresses and all
	mails   []string            // taken
	to      [][]string
	tls     []bool // of each mail
}

// newMailServer listens on loopback, with a certificate of its own for 127.0.0.1.
func newMailServer(t *testing.T, implicit bool) *mailServer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	leaf, err := x509.ParseCertificate(der)
	must(t, err)
	s := &mailServer{roots: x509.NewCertPool(), implicit: implicit, answers: map[string][]string{}}
	s.roots.AddCert(leaf)
	s.conf = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.listener, err = net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s.wait.Go(func() {
		for {
			conn, err := s.listener.Accept()
			if err != nil {
				return
			}
			s.wait.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = s.listener.Close()
		s.wait.Wait()
	})
	return s
}

func (s *mailServer) port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// when prepares replies to a verb.
func (s *mailServer) when(verb string, replies ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[verb] = replies
}

func (s *mailServer) dieLate(yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lateDie = yes
}

func (s *mailServer) offer(auth string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.auth = auth
}

// seen is what a server was told.
type seen struct {
	mails, verbs, users []string
	to                  [][]string
	tls                 []bool
}

func (s *mailServer) seen() seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return seen{slices.Clone(s.mails), slices.Clone(s.verbs), slices.Clone(s.users), slices.Clone(s.to), slices.Clone(s.tls)}
}

// next is the prepared reply to a verb, if there is one.
func (s *mailServer) next(verb string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.answers[verb]
	if len(list) == 0 {
		return "", false
	}
	s.answers[verb] = list[1:]
	return list[0], true
}

func (s *mailServer) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	secure := s.implicit
	if secure {
		conn = tls.Server(conn, s.conf)
	}
	r := bufio.NewReader(conn)
	say := func(line string) { fmt.Fprintf(conn, "%s\r\n", line) }
	if first, ok := s.next("hello"); ok {
		if first == "" {
			return
		}
		say(first)
	} else {
		say("220 test")
	}
	var to []string
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		s.mu.Lock()
		s.verbs = append(s.verbs, line)
		s.mu.Unlock()
		if reply, ok := s.next(verb); ok {
			switch reply {
			case "":
				return
			case "-":
				_, _ = io.Copy(io.Discard, r) // until the other side is gone
				return
			}
			say(reply)
			continue
		}
		switch verb {
		case "EHLO":
			say("250-test")
			if !secure {
				say("250-STARTTLS")
			}
			s.mu.Lock()
			auth := s.auth
			s.mu.Unlock()
			if auth != "" {
				say("250-AUTH " + auth)
			}
			say("250 8BITMIME")
		case "STARTTLS":
			say("220 go on")
			conn = tls.Server(conn, s.conf)
			r, secure = bufio.NewReader(conn), true
		case "AUTH":
			s.login(line, r, say)
		case "MAIL":
			to = nil
			say("250 ok")
		case "RCPT":
			to = append(to, line[len("RCPT TO:"):])
			say("250 ok")
		case "DATA":
			say("354 go on")
			if !s.take(r, to, secure, say) {
				return
			}
		case "QUIT":
			say("221 bye")
			return
		default:
			say("500 what?")
		}
	}
}

func (s *mailServer) login(line string, r *bufio.Reader, say func(string)) {
	decode := func(s string) string {
		raw, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(s))
		return string(raw)
	}
	who := ""
	if rest, ok := strings.CutPrefix(line, "AUTH PLAIN "); ok {
		who = strings.ReplaceAll(strings.TrimPrefix(decode(rest), "\x00"), "\x00", " ")
	} else {
		say("334 " + base64.StdEncoding.EncodeToString([]byte("Username:")))
		name, _ := r.ReadString('\n')
		say("334 " + base64.StdEncoding.EncodeToString([]byte("Password:")))
		password, _ := r.ReadString('\n')
		who = decode(name) + " " + decode(password)
	}
	s.mu.Lock()
	s.users = append(s.users, who)
	s.mu.Unlock()
	if who != "office secret-of-a-test" {
		say("535 no")
		return
	}
	say("235 ok")
}

// take reads a mail to its end. It reports whether the conversation goes on.
func (s *mailServer) take(r *bufio.Reader, to []string, secure bool, say func(string)) bool {
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
		b.WriteString(line)
	}
	if reply, ok := s.next("."); ok {
		if reply == "" {
			return false
		}
		say(reply)
		return true
	}
	s.mu.Lock()
	s.mails, s.to, s.tls = append(s.mails, b.String()), append(s.to, to), append(s.tls, secure)
	late := s.lateDie
	s.mu.Unlock()
	if late {
		return false
	}
	say("250 taken")
	return true
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
