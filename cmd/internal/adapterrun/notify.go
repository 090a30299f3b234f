package adapterrun

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	// Mail is the office's mail server. A role that is not in Roles is told by mail to the
	// mailbox that the directory has for it.
	Mail *MailServer `yaml:"mail"`
	// Roles are the channels of a role, in the order in which they are tried: the next is
	// for when the one before does not take the notice.
	Roles map[gateway.Party][]Channel `yaml:"roles"`
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
	for p, list := range n.Roles {
		_, err := gateway.ParseParty(string(p))
		bad(err != nil || p.Country() != c, "roles: %s is not a party of this country", p)
		for i, k := range list {
			given := 0
			for _, there := range []bool{k.Mail != nil, k.Webhook != nil, k.Command != nil, k.File != nil} {
				if there {
					given++
				}
			}
			bad(given != 1, "roles.%s[%d]: give mail, webhook, command or file", p, i)
			bad(k.Mail != nil && n.Mail == nil, "roles.%s[%d].mail: notify.mail says no server", p, i)
			bad(k.Webhook != nil && (k.Webhook.Certificate == "") != (k.Webhook.Key == ""), "roles.%s[%d].webhook: give both certificate and key, or neither", p, i)
			bad(k.Webhook != nil && (k.Webhook.SecretFile == "") == (k.Webhook.TokenFile == ""), "roles.%s[%d].webhook: give secretFile or tokenFile", p, i)
			bad(k.Command != nil && !filepath.IsAbs(k.Command.Path), "roles.%s[%d].command.path: give an absolute path", p, i)
			bad(k.File != nil && k.File.Path == "", "roles.%s[%d].file.path: required", p, i)
		}
	}
	bad(n.Mail == nil && len(n.Roles) == 0, "mail: nobody can be told: give a mail server, or roles")
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
		if _, err := o.mail("", nil); err != nil { // what is wrong shows at the start, and not at the first message
			return nil, err
		}
	}
	channels := make(map[gateway.Party][]adapters.Channel, len(n.Roles))
	for role, list := range n.Roles {
		channels[role] = []adapters.Channel{}
		for _, k := range list {
			c, err := o.open(role, k)
			if err != nil {
				return nil, fmt.Errorf("opening a channel of %s: %w", role, err)
			}
			channels[role] = append(channels[role], c)
		}
	}
	return &adapters.Bell{
		Channels: func(role gateway.Party) []adapters.Channel {
			if list, ok := channels[role]; ok || n.Mail == nil {
				return list
			}
			c, err := o.mail(role, nil)
			if err != nil {
				return nil // the server was checked, and nothing else can be wrong
			}
			return []adapters.Channel{c}
		},
		Say: words.Say, Every: sop.RingEvery, Alternate: sop.RingAlternate,
		Deadline: n.Deadline, Retry: adapters.Pace(n.Retry), GiveUp: n.GiveUp,
	}, nil
}

// opener makes channels.
type opener struct {
	n         *Notify
	server    notify.Server
	directory gateway.Directory
	now       func() time.Time
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
