package adapterrun

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"example.org/trm/adapters"
	"example.org/trm/adapters/country"
	"example.org/trm/adapters/notify"
	"example.org/trm/gateway"
	"example.org/trm/gateway/sop"
)

// Notify says how people are told that a message waits for them. What they are told is one
// sentence, which is not for configuring.
type Notify struct {
	// Mail is the office's mail server.
	Mail *MailServer `yaml:"mail"`
	// Roles are the channels of a role, in the order in which they are tried: the next is
	// for when the one before does not take the notice. An empty list says that nobody of
	// the role can be told.
	Roles map[gateway.Party][]Channel `yaml:"roles"`
	// Default are the channels of every other role. Default: mail to the mailbox that the
	// directory has for it, where there is a mail server.
	Default []Channel `yaml:"default"`
	// Languages in which the sentence is said, such as [sq, en]. Default: the country's
	// official languages and English.
	Languages []string `yaml:"languages"`
	// Deadline is the time that one attempt at one channel may take. Default 30s.
	Deadline time.Duration `yaml:"deadline"`
	// Retry is the wait before all channels of a role are tried again. Default 15s to 30m.
	Retry Pace `yaml:"retry"`
	// GiveUp is how long they are tried. Default 24h. In the urgent lane the next step
	// overtakes after ten minutes.
	GiveUp time.Duration `yaml:"giveUp"`
}

// MailServer is where mail is handed in.
type MailServer struct {
	Host         string `yaml:"host"`         // required
	Port         int    `yaml:"port"`         // default 587, 465 for implicit, 25 for plain
	Security     string `yaml:"security"`     // starttls, implicit, or plain on this machine; default starttls
	User         string `yaml:"user"`         // for AUTH PLAIN or LOGIN; default: none
	PasswordFile string `yaml:"passwordFile"` // one line; required with a user
	From         string `yaml:"from"`         // address without a name; required
	Hello        string `yaml:"hello"`        // how we name ourselves; default localhost
	CA           string `yaml:"ca"`           // PEM file; default: the system's authorities
}

// Channel is one of these.
type Channel struct {
	Mail    *Mailboxes  `yaml:"mail"`
	Webhook *Webhook    `yaml:"webhook"`
	Command *Command    `yaml:"command"`
	File    *NoticeFile `yaml:"file"`
}

// Mailboxes are addresses of the role.
type Mailboxes struct {
	To []string `yaml:"to"` // default: the mailbox that the directory has for the role
}

// Webhook is a system of the office's own: package adapters/notify says what it is sent
// and what its answers mean.
type Webhook struct {
	URL         string        `yaml:"url"`         // required
	SecretFile  string        `yaml:"secretFile"`  // at least 32 characters, signs; this or tokenFile
	TokenFile   string        `yaml:"tokenFile"`   // at least 32 characters, a bearer token
	CA          string        `yaml:"ca"`          // PEM file; default: the system's authorities
	Certificate string        `yaml:"certificate"` // PEM file of our own, leaf first
	Key         string        `yaml:"key"`         // PEM file
	Deadline    time.Duration `yaml:"deadline"`    // of one call; default 10s
}

// Command is a program: package adapters/notify says what it is given and what its exit
// code means.
type Command struct {
	Path     string        `yaml:"path"`     // absolute; required
	Args     []string      `yaml:"args"`     // given as they are: there is no shell
	Deadline time.Duration `yaml:"deadline"` // default: that of an attempt
}

// NoticeFile is appended to.
type NoticeFile struct {
	Path string `yaml:"path"` // required; its folder is made
}

// validate reports everything that is wrong, at once. It opens nothing.
func (n *Notify) validate(c gateway.Country) error {
	if n == nil {
		return nil
	}
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("notify."+format, args...))
		}
	}
	if m := n.Mail; m != nil {
		bad(m.Host == "", "mail.host: required")
		bad(m.From == "", "mail.from: required")
		bad((m.User == "") != (m.PasswordFile == ""), "mail: give both user and passwordFile, or neither")
	}
	lists := map[string][]Channel{"default": n.Default}
	for p, list := range n.Roles {
		_, err := gateway.ParseParty(string(p))
		bad(err != nil || p.Country() != c, "roles: %s is not a party of this country", p)
		lists["roles."+string(p)] = list
	}
	for at, list := range lists {
		for i, k := range list {
			given := 0
			for _, there := range []bool{k.Mail != nil, k.Webhook != nil, k.Command != nil, k.File != nil} {
				if there {
					given++
				}
			}
			bad(given != 1, "%s[%d]: give mail, webhook, command or file", at, i)
			bad(k.Mail != nil && n.Mail == nil, "%s[%d].mail: notify.mail says no server", at, i)
			bad(k.Webhook != nil && (k.Webhook.Certificate == "") != (k.Webhook.Key == ""), "%s[%d].webhook: give both certificate and key, or neither", at, i)
			bad(k.Webhook != nil && (k.Webhook.SecretFile == "") == (k.Webhook.TokenFile == ""), "%s[%d].webhook: give secretFile or tokenFile", at, i)
			bad(k.Command != nil && !filepath.IsAbs(k.Command.Path), "%s[%d].command.path: give an absolute path", at, i)
			bad(k.File != nil && k.File.Path == "", "%s[%d].file.path: required", at, i)
		}
	}
	bad(n.Mail == nil && len(n.Roles)+len(n.Default) == 0, "mail: nobody can be told: give a mail server, or channels")
	bad(min(n.Deadline, n.GiveUp, n.Retry.First, n.Retry.Last) < 0, "deadline, giveUp, retry: a time is negative")
	return errors.Join(errs...)
}

// openBell makes the channels of every role; nil where nobody is told from here. Nothing
// is dialled.
func openBell(n *Notify, p country.Profile, d gateway.Directory, now func() time.Time) (*adapters.Bell, error) {
	if n == nil {
		return nil, nil
	}
	words, err := notify.WordsOf(p, n.Languages...)
	if err != nil {
		return nil, err
	}
	o := opener{n: n, directory: d, now: now}
	if m := n.Mail; m != nil {
		o.server = notify.Server{
			Host: m.Host, Port: m.Port, Security: notify.Security(m.Security), User: m.User, From: m.From, Hello: m.Hello,
			Deadline: n.Deadline, Now: now,
		}
		if o.server.Password, err = secret(m.PasswordFile); err != nil {
			return nil, err
		}
		if o.server.TLS, err = clientTLS(m.CA, "", ""); err != nil {
			return nil, err
		}
	}
	others := n.Default
	if len(others) == 0 && n.Mail != nil {
		others = []Channel{{Mail: &Mailboxes{}}}
	}
	// What is wrong shows at the start, and not at the first message.
	for role, list := range n.Roles {
		if _, err := o.all(role, list); err != nil {
			return nil, fmt.Errorf("opening a channel of %s: %w", role, err)
		}
	}
	if _, err := o.all(gateway.Party(string(p.Country)+"/coordinator"), others); err != nil {
		return nil, fmt.Errorf("opening a channel: %w", err)
	}
	var opened sync.Map // by role
	return &adapters.Bell{
		Channels: func(role gateway.Party) []adapters.Channel {
			if list, ok := opened.Load(role); ok {
				return list.([]adapters.Channel)
			}
			given, ok := n.Roles[role]
			if !ok {
				given = others
			}
			list, err := o.all(role, given)
			if err != nil {
				return nil // they were opened at the start; nothing about the role can be wrong
			}
			opened.Store(role, list)
			return list
		},
		Say: words.Say, Every: sop.RingEvery, Alternate: sop.RingAlternate,
		Deadline: n.Deadline, Retry: adapters.Pace(n.Retry), GiveUp: n.GiveUp,
	}, nil
}

// warnUnreached says at the start of whom nobody will be told.
func (a *Adapter) warnUnreached(b *adapters.Bell, parties []gateway.Party) {
	if b == nil {
		a.log.Warn("nobody is told from here that messages wait: notify is not configured", "country", string(a.config.Country))
		return
	}
	for _, p := range parties {
		if p.Country() == a.config.Country && len(b.Channels(p)) == 0 {
			a.log.Warn("nobody of a role can be told that messages wait: it has no channel", "country", string(a.config.Country), "party", string(p))
		}
	}
}

// opener makes channels.
type opener struct {
	n         *Notify
	server    notify.Server
	directory gateway.Directory
	now       func() time.Time
}

// all are a role's channels.
func (o opener) all(role gateway.Party, list []Channel) ([]adapters.Channel, error) {
	var out []adapters.Channel
	for _, k := range list {
		c, err := o.open(role, k)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

func (o opener) open(role gateway.Party, k Channel) (adapters.Channel, error) {
	switch {
	case k.Mail != nil:
		return o.mail(role, k.Mail.To)
	case k.Webhook != nil:
		return o.webhook(*k.Webhook)
	case k.File != nil:
		return notify.File{Path: k.File.Path, Party: role, Now: o.now}, os.MkdirAll(filepath.Dir(k.File.Path), 0o700)
	}
	c := notify.Command{Path: k.Command.Path, Args: k.Command.Args, Deadline: k.Command.Deadline}
	return c, c.Check()
}

// mail is a channel to the addresses given, or to the one that the directory has for the
// role at the time.
func (o opener) mail(role gateway.Party, to []string) (adapters.Channel, error) {
	return notify.NewMail(o.server, func() []string {
		if len(to) > 0 {
			return to
		}
		i, _ := o.directory.Institution(role)
		return []string{i.Mailbox}
	})
}

func (o opener) webhook(w Webhook) (adapters.Channel, error) {
	h := notify.Hook{URL: w.URL, Deadline: w.Deadline, Now: o.now}
	var err error
	if h.Secret, err = secret(w.SecretFile); err != nil {
		return nil, err
	}
	if h.Token, err = secret(w.TokenFile); err != nil {
		return nil, err
	}
	if h.TLS, err = clientTLS(w.CA, w.Certificate, w.Key); err != nil {
		return nil, err
	}
	return notify.NewWebhook(h)
}
