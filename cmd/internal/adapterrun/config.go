package adapterrun

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"example.org/trm/gateway"
)

// Config is the manual of adapterd's configuration file. Zero values work except where a
// field says required. Secrets are files, never values.
type Config struct {
	// Country is whose adapter this is: al, ba, xk, md, me, mk or rs. Required.
	Country gateway.Country `yaml:"country"`
	// Certs is the folder with the keys of this country's parties, directory.json and
	// pins.json. Required.
	Certs string `yaml:"certs"`
	// Data is the folder of this adapter's own: its journal and the directories that it
	// has seen. Required; made if it is not there.
	Data string `yaml:"data"`
	// Development allows a directory of development keys, which everybody who has the
	// source can make. Default false: the adapter does not start with one.
	Development bool `yaml:"development"`
	// Name tells this process from others of the same country, and stays the same after a
	// restart. Default "adapter".
	Name string `yaml:"name"`
	// Gateway is where messages are submitted. Required.
	Gateway Gateway `yaml:"gateway"`
	// Source is where deliveries come from: "redis", or "https" where a firewall lets
	// nothing else out. Default "redis".
	Source string `yaml:"source"`
	// Redis is the queue. Required if it is the source.
	Redis Redis `yaml:"redis"`
	// Deliver says how the national system gets what arrives. Exactly one of its members.
	Deliver Deliver `yaml:"deliver"`
	// Listen is where the national system calls: "127.0.0.1:8090", or "unix:PATH" for a
	// socket that only this user may open. Default: nowhere. Other addresses than loopback
	// need TLS.
	Listen string `yaml:"listen"`
	// TLS is the local API's certificate.
	TLS TLS `yaml:"tls"`
	// Callers may use the local API. Without any, only its health is shown.
	Callers []Caller `yaml:"callers"`
	// Notify says how people are told that a message waits. Default: the national system
	// tells its own people, nobody is told from here, and the sender learns nothing of it.
	Notify *Notify `yaml:"notify"`
	// Operators is where /metrics, /healthz and /readyz are, "127.0.0.1:9465", for the
	// operator's own systems: nobody is asked who it is there. Default: nowhere.
	Operators string `yaml:"operators"`
	// OTLP is the URL of an OTLP/HTTP collector for spans. Default: none.
	OTLP string `yaml:"otlp"`
	// Attempt is the time that one attempt at the national system may take. Default 30s.
	Attempt time.Duration `yaml:"attempt"`
	// Retry, Retell and Resubmit are the waits between attempts, between sendings of
	// evidence that nobody acknowledged, and between submissions without an answer.
	Retry    Pace `yaml:"retry"`    // default 2s to 5m
	Retell   Pace `yaml:"retell"`   // default 30s to 1h
	Resubmit Pace `yaml:"resubmit"` // default 1s to 5m
	// Follow is how often the gateway is asked for evidence about what was sent. Default 5s.
	Follow time.Duration `yaml:"follow"`
	// Refresh is how often the gateway is asked for a newer directory and newer releases of
	// the code lists. Default 15m.
	Refresh time.Duration `yaml:"refresh"`
	// Codes is how releases of the code lists come: "follow" takes what the coordinators
	// signed from the gateway; "hand" takes only what somebody puts into the folder "codes"
	// in Data, for an office that looks at a release before it uses it. Messages in a
	// release that is not here are read either way. Default "follow".
	Codes string `yaml:"codes"`
	// Grace is how long what is in hand may take when the process stops. Default 10s.
	Grace time.Duration `yaml:"grace"`
	// Keep is how long after its exp a message's journal rows are kept. Default 720h.
	Keep time.Duration `yaml:"keep"`
}

// Gateway is where messages are submitted.
type Gateway struct {
	URL      string `yaml:"url"`      // "https://gateway.example"; required
	Audience string `yaml:"audience"` // what assertions name; default "urn:trm:gateway"
	CA       string `yaml:"ca"`       // PEM file of the authority that signed its certificate; default: the system's
}

// Redis is where the streams are.
type Redis struct {
	Addresses    []string `yaml:"addresses"`    // host:port; several are a Cluster, or the Sentinels of Master
	Master       string   `yaml:"master"`       // name of the master that Sentinels watch
	User         string   `yaml:"user"`         // this country's ACL user
	PasswordFile string   `yaml:"passwordFile"` // its password, one line of 16 characters or more. Required unless Redis is on this machine
	CA           string   `yaml:"ca"`           // PEM file; speaks TLS when it is set. Required unless Redis is on this machine or Plain is set
	Plain        bool     `yaml:"plain"`        // allows Redis without TLS on a network that only we are on
}

// Deliver is one of the transports.
type Deliver struct {
	Filedrop *Filedrop `yaml:"filedrop"`
	REST     *REST     `yaml:"rest"`
}

// Filedrop writes a file for each role and delivery.
type Filedrop struct {
	Dir   string `yaml:"dir"`   // required; made if it is not there
	Taken string `yaml:"taken"` // where the national system moves what it took, if it keeps it
}

// REST posts to the national system: see package adapters/rest for what answers mean.
type REST struct {
	URL         string        `yaml:"url"`         // required; {role} is replaced
	Query       string        `yaml:"query"`       // asked before a repeat; {role} and {key} are replaced
	TokenFile   string        `yaml:"tokenFile"`   // bearer token, one line
	CA          string        `yaml:"ca"`          // PEM file; default: the system's
	Certificate string        `yaml:"certificate"` // PEM file of our own, leaf first
	Key         string        `yaml:"key"`         // PEM file
	Networks    []string      `yaml:"networks"`    // prefixes where it may be
	Deadline    time.Duration `yaml:"deadline"`    // of one request; default 20s
}

// TLS is a server's certificate.
type TLS struct {
	Certificate string `yaml:"certificate"` // PEM file, leaf first
	Key         string `yaml:"key"`         // PEM file
}

// Caller may use the local API.
type Caller struct {
	TokenFile string          `yaml:"tokenFile"` // at least 32 characters, one line; required
	Parties   []gateway.Party `yaml:"parties"`   // for whom; default: all of the country's
}

// Pace is a wait that doubles.
type Pace struct {
	First time.Duration `yaml:"first"`
	Last  time.Duration `yaml:"last"`
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
	if err := errors.Join(c.Validate(), c.redis()); err != nil {
		return Config{}, fmt.Errorf("checking the configuration:\n%w", err)
	}
	return c, nil
}

// redis checks the queue, where it is the source.
func (c Config) redis() error {
	if c.Source == sourceHTTPS {
		return nil
	}
	return c.Redis.validate()
}

const (
	sourceRedis = "redis"
	sourceHTTPS = "https"
)

func (r Redis) validate() error {
	if len(r.Addresses) == 0 {
		return errors.New("redis.addresses: required")
	}
	here := !slices.ContainsFunc(r.Addresses, func(a string) bool { return !loopback(a) })
	var errs []error
	if !here && r.PasswordFile == "" {
		errs = append(errs, errors.New("redis.passwordFile: required where Redis is on another machine"))
	}
	if !here && r.CA == "" && !r.Plain {
		errs = append(errs, errors.New("redis.ca: required where Redis is on another machine, or plain: true on a network of its own"))
	}
	return errors.Join(errs...)
}

// Validate reports everything that is wrong, at once, but for Redis, which an Environment
// may bring. It opens nothing.
func (c Config) Validate() error {
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	bad(!c.Country.Valid(), "country: give one of %v", gateway.Countries)
	bad(c.Certs == "", "certs: required")
	bad(c.Data == "", "data: required")
	u, err := url.Parse(c.Gateway.URL)
	bad(c.Gateway.URL == "" || err != nil || u.Host == "", "gateway.url: required, such as https://gateway.example")
	bad(err == nil && u.Scheme == "http" && !loopback(u.Host), "gateway.url: http is for loopback only")
	bad(err == nil && u.Scheme != "http" && u.Scheme != "https", "gateway.url: give an https address")
	bad(c.Source != "" && c.Source != sourceRedis && c.Source != sourceHTTPS, "source: give redis or https")
	bad(c.Codes != "" && c.Codes != codesFollow && c.Codes != codesByHand, "codes: give follow or hand")
	bad((c.Deliver.Filedrop == nil) == (c.Deliver.REST == nil), "deliver: give filedrop or rest")
	bad(c.Deliver.Filedrop != nil && c.Deliver.Filedrop.Dir == "", "deliver.filedrop.dir: required")
	bad(c.Deliver.REST != nil && c.Deliver.REST.URL == "", "deliver.rest.url: required")
	bad(c.Deliver.REST != nil && (c.Deliver.REST.Certificate == "") != (c.Deliver.REST.Key == ""), "deliver.rest: give both certificate and key, or neither")
	bad((c.TLS.Certificate == "") != (c.TLS.Key == ""), "tls: give both certificate and key, or neither")
	bad(c.Listen != "" && !strings.HasPrefix(c.Listen, "unix:") && !loopback(c.Listen) && c.TLS.Certificate == "",
		"listen: an address that others can reach needs tls")
	bad(c.OTLP != "" && !strings.HasPrefix(c.OTLP, "http://") && !strings.HasPrefix(c.OTLP, "https://"), "otlp: give an http or https URL")
	for name, d := range map[string]time.Duration{
		"attempt": c.Attempt, "follow": c.Follow, "refresh": c.Refresh, "grace": c.Grace, "keep": c.Keep, "retry": min(c.Retry.First, c.Retry.Last),
		"retell": min(c.Retell.First, c.Retell.Last), "resubmit": min(c.Resubmit.First, c.Resubmit.Last),
	} {
		bad(d < 0, "%s: is negative", name)
	}
	for i, k := range c.Callers {
		bad(k.TokenFile == "", "callers[%d].tokenFile: required", i)
		for _, p := range k.Parties {
			bad(p.Country() != c.Country, "callers[%d].parties: %s is not of this country", i, p)
		}
	}
	return errors.Join(errors.Join(errs...), c.Notify.validate(c.Country))
}

// loopback reports whether host, with or without a port, is this machine alone.
func loopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
