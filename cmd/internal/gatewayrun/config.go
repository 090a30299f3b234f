package gatewayrun

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"example.org/trm/certs"
	"example.org/trm/gateway"
)

// Config is the manual of gatewayd's configuration file. Zero values work except where a
// field says required. Secrets are files, never values. Relative paths begin where the
// process does.
type Config struct {
	// Listen is where parties call. Default "127.0.0.1:8440".
	Listen string `yaml:"listen"`
	// TLS is the door's certificate. An address that others can reach needs it.
	TLS TLS `yaml:"tls"`
	// BehindProxy says that a proxy on the way ends TLS, so that an address that others
	// can reach needs no certificate here. Client certificates do not get past it:
	// callers use assertions.
	BehindProxy bool `yaml:"behindProxy"`
	// Operators is where /metrics, /healthz and /readyz are, for the operator's own
	// systems: nobody is asked who it is there. Default "127.0.0.1:9464"; "off" for none.
	Operators string `yaml:"operators"`
	// Audience is what callers name in aud of their assertions. Default "urn:trm:gateway"
	// (gateway.Audience), which every adapter and trm have as theirs.
	Audience string `yaml:"audience"`
	// Certs is the folder with the gateway's keys, keys/gateway/*.jwk. Required.
	Certs string `yaml:"certs"`
	// Development allows a directory of development keys, which everybody who has the
	// source can make. Default false: the gateway does not start with one.
	Development bool `yaml:"development"`
	// Directory is the signed directory. It is read again when it changes and on SIGHUP.
	// Default directory.json in Certs.
	Directory string `yaml:"directory"`
	// Pins is the file of the coordinators' directory keys, which the first directory is
	// checked against. Default pins.json in Certs.
	Pins string `yaml:"pins"`
	// Journal is the database file. Required; it and its folder are made if they are not
	// there. The directories that were taken are kept in the folder "directory" beside it.
	Journal string `yaml:"journal"`
	// Backlog is how many deliveries may wait for a country before 503, and as many again
	// on its urgent stream. Default 10000.
	Backlog int `yaml:"backlog"`
	// Origin is the log origin of the running year, part of every pair number. Default
	// "trm/" and the year in which the process started.
	Origin string `yaml:"origin"`
	// Log is where the log's key and guard are, and where its witnesses listen.
	Log Log `yaml:"log"`
	// Policy is a policy file. Default: the one that is built in.
	Policy string `yaml:"policy"`
	// Codes is the folder with releases of the code lists that came after the program,
	// NAME.json and NAME.signed.json. It is read every half minute and on SIGHUP. Default
	// "codes" beside the journal.
	Codes string `yaml:"codes"`
	// Redis is the queue. Required.
	Redis Redis `yaml:"redis"`
	// Limits bound what the door takes.
	Limits Limits `yaml:"limits"`
	// Name tells this process from others over the same journal, and stays the same
	// after a restart. Default "gateway".
	Name string `yaml:"name"`
	// Keep is how long after its final evidence a wrapped delivery, which only its
	// recipient can open, stays in the journal. Default 24h.
	Keep time.Duration `yaml:"keep"`
	// Refused is how long it is kept that a message was refused, and why. A message that was
	// received is kept as long as its type says. Default 30 days.
	Refused time.Duration `yaml:"refused"`
	// Reconcile is how often the streams are compared with the journal while Redis
	// answers, to put back what it lost. Default 1m.
	Reconcile time.Duration `yaml:"reconcile"`
	// Lease is how long a delivery that an adapter fetched over HTTPS is not given again: it
	// must be longer than an attempt at its national system. Default 2m.
	Lease time.Duration `yaml:"lease"`
	// Lapse is how long after exp the gateway waits before it signs that no evidence
	// came. Default 10m.
	Lapse time.Duration `yaml:"lapse"`
	// Grace is how long requests in hand may take when the process stops. Default 10s.
	Grace time.Duration `yaml:"grace"`
	// OTLP is the URL of an OTLP/HTTP collector for spans. Default: none.
	OTLP string `yaml:"otlp"`
}

// Log is the log that nobody can rewrite. Whose key signs it and whose cosignatures it
// needs, the directory says; a region whose directory lists no log has none.
type Log struct {
	// Key is the file with the log's private key. Default keys/gateway/log.key in Certs.
	Key string `yaml:"key"`
	// Guard is the file that holds the last signed checkpoint, outside the database: keep it
	// where no backup of the journal restores it, at best on another disk. Default log.guard
	// in Certs.
	Guard string `yaml:"guard"`
	// Witnesses are addresses (http or https URLs) of witnesses, by their names in the
	// directory's policy, in the place of those that stand there.
	Witnesses map[string]string `yaml:"witnesses"`
}

// TLS is a server's certificate. It is read again on SIGHUP.
type TLS struct {
	Certificate string `yaml:"certificate"` // PEM file, leaf first
	Key         string `yaml:"key"`         // PEM file
}

// Redis is where the streams are.
type Redis struct {
	Addresses    []string `yaml:"addresses"`    // host:port; several are a Cluster, or the Sentinels of Master
	Master       string   `yaml:"master"`       // name of the master that Sentinels watch
	User         string   `yaml:"user"`         // ACL user
	PasswordFile string   `yaml:"passwordFile"` // its password, one line of 16 characters or more. Required unless Redis is on this machine
	CA           string   `yaml:"ca"`           // PEM file; speaks TLS when it is set. Required unless Redis is on this machine or Plain is set
	Plain        bool     `yaml:"plain"`        // allows Redis without TLS on a network that only the gateway and Redis are on
}

// Limits bound what the door takes, before anything is parsed.
type Limits struct {
	Submissions int     `yaml:"submissions"` // in progress at once. Default 64
	Reserved    int     `yaml:"reserved"`    // of these, kept for the urgent lane. Default 16
	Rate        float64 `yaml:"rate"`        // submissions of one party in a second, lasting. Default 200
	Burst       int     `yaml:"burst"`       // submissions of one party at once, above its rate. Default 400
}

// Read reads a configuration file. A key that Config does not have is an error, and all
// faults are reported at once.
func Read(path string) (Config, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	var c Config
	d := yaml.NewDecoder(bytes.NewReader(raw))
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return Config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	if err := d.Decode(&Config{}); !errors.Is(err, io.EOF) {
		return Config{}, errors.New("reading the configuration: a second document, or more")
	}
	if err := errors.Join(c.Validate(), c.Redis.Validate()); err != nil {
		return Config{}, fmt.Errorf("checking the configuration:\n%w", err)
	}
	return c, nil
}

// Validate reports everything that is wrong, at once, but for Redis, which an Environment
// may bring. It opens nothing.
func (c Config) Validate() error {
	c = c.orDefaults(time.Now())
	var errs faults
	errs.add(c.Certs == "", "certs: required, the folder with the gateway's keys")
	errs.add(c.Journal == "", "journal: required, the database file")
	errs.address(c.Listen, "listen")
	if c.Operators != "off" {
		errs.address(c.Operators, "operators")
		errs.add(c.Operators == c.Listen && !strings.HasSuffix(c.Listen, ":0"), "operators: is where parties call; give it a place of its own, or off")
	}
	errs.add((c.TLS.Certificate == "") != (c.TLS.Key == ""), "tls: give both certificate and key, or neither")
	errs.add(c.TLS.Certificate == "" && !c.BehindProxy && !loopback(c.Listen), "listen: an address that others can reach needs tls, or behindProxy where a proxy ends it")
	errs.add(c.TLS.Certificate != "" && c.BehindProxy, "behindProxy: with tls, the gateway ends TLS itself; choose one")
	errs.add(c.Backlog < 0, "backlog: is negative")
	errs.add(c.Reconcile < 0, "reconcile: is negative")
	errs.add(c.Lease < 0, "lease: is negative")
	errs.add(c.Lapse < 0, "lapse: is negative")
	errs.add(c.Keep < 0, "keep: is negative")
	errs.add(c.Refused < 0, "refused: is negative")
	errs.add(c.Grace < 0, "grace: is negative")
	errs.add(!originForm.MatchString(c.Origin), "origin: the region's name, a slash and a year, such as trm/2026")
	for name, at := range c.Log.Witnesses {
		errs.add(!web(at), "log.witnesses: give an http or https URL for "+name)
	}
	l := c.Limits
	errs.add(l.Submissions < 0 || l.Reserved < 0 || l.Rate < 0 || l.Burst < 0, "limits: one is negative")
	errs.add(l.Reserved > 0 && l.Submissions > 0 && l.Reserved >= l.Submissions, "limits.reserved: leaves nothing for the ordinary lane")
	errs.add(c.OTLP != "" && !web(c.OTLP), "otlp: give an http or https URL")
	return errors.Join(errs...)
}

// Validate reports everything that is wrong. It opens nothing.
func (r Redis) Validate() error {
	var errs faults
	errs.add(len(r.Addresses) == 0, "redis.addresses: required")
	remote := false
	for i, a := range r.Addresses {
		errs.address(a, fmt.Sprintf("redis.addresses[%d]", i))
		remote = remote || !loopback(a)
	}
	errs.add(remote && r.PasswordFile == "", "redis.passwordFile: required for a Redis that is not on this machine")
	errs.add(remote && r.CA == "" && !r.Plain, "redis.ca: required for a Redis that is not on this machine, or plain where only the gateway can reach it")
	errs.add(r.User != "" && r.PasswordFile == "", "redis.passwordFile: required with user")
	return errors.Join(errs...)
}

func (c Config) orDefaults(now time.Time) Config {
	c.Listen = cmp.Or(c.Listen, "127.0.0.1:8440")
	c.Operators = cmp.Or(c.Operators, "127.0.0.1:9464")
	c.Audience = cmp.Or(c.Audience, gateway.Audience)
	c.Directory = cmp.Or(c.Directory, filepath.Join(c.Certs, "directory.json"))
	c.Pins = cmp.Or(c.Pins, filepath.Join(c.Certs, "pins.json"))
	c.Codes = cmp.Or(c.Codes, filepath.Join(filepath.Dir(c.Journal), "codes"))
	c.Origin = cmp.Or(c.Origin, now.UTC().Format("trm/2006"))
	c.Log.Key = cmp.Or(c.Log.Key, filepath.Join(c.Certs, certs.LogKeyFile()))
	c.Log.Guard = cmp.Or(c.Log.Guard, filepath.Join(c.Certs, "log.guard"))
	c.Name = cmp.Or(c.Name, "gateway")
	c.Keep = cmp.Or(c.Keep, 24*time.Hour)
	c.Refused = cmp.Or(c.Refused, 30*24*time.Hour)
	c.Grace = cmp.Or(c.Grace, 10*time.Second)
	return c
}

// OperatorsAddress is Operators, or what it is where the file does not say.
func (c Config) OperatorsAddress() string { return c.orDefaults(time.Now()).Operators }

// originForm leaves the dot to what succeeds an origin ("trm/2026.2").
var originForm = regexp.MustCompile(`^[a-z0-9-]{1,20}/[a-z0-9-]{1,20}$`)

func web(url string) bool {
	return strings.HasPrefix(url, "http://") || strings.HasPrefix(url, "https://")
}

// faults collects what is wrong with a configuration.
type faults []error

func (f *faults) add(wrong bool, what string) {
	if wrong {
		*f = append(*f, errors.New(what))
	}
}

func (f *faults) address(a, name string) {
	_, port, err := net.SplitHostPort(a)
	f.add(err != nil || port == "", name+": give host:port")
}

// loopback reports whether only this machine can reach an address.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
