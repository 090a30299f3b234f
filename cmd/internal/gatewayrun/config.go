package gatewayrun

import "time"

// Config is the manual of gatewayd's configuration file. Zero values work except where
// a field says required.
type Config struct {
	// Listen is where parties call. Default "127.0.0.1:8080".
	Listen string `yaml:"listen"`
	// TLS makes the door speak HTTPS. Without it the door listens on loopback only,
	// unless a proxy in front is named in BehindProxy.
	TLS TLS `yaml:"tls"`
	// Operators is where /metrics is. Default "127.0.0.1:9464"; "off" for none.
	Operators string `yaml:"operators"`
	// Audience is what callers name in aud of their assertions: the gateway's URL as
	// they know it. Default "urn:trm:gateway".
	Audience string `yaml:"audience"`
	// Certs is the folder with the gateway's keys. Required.
	Certs string `yaml:"certs"`
	// Directory is the signed directory. Default CERTS/directory.json.
	Directory string `yaml:"directory"`
	// Pins is the file of the coordinators' directory keys. Default CERTS/pins.json.
	Pins string `yaml:"pins"`
	// Journal is the database file. Required.
	Journal string `yaml:"journal"`
	// Origin is the log origin of the running year, part of every pair number. Default
	// "trm-YYYY" of the current year.
	Origin string `yaml:"origin"`
	// Policy is a policy file; empty for the one that is built in.
	Policy string `yaml:"policy"`
	// Redis is the queue. Required.
	Redis Redis `yaml:"redis"`
	// Grace is how long after exp the gateway waits before it signs that no evidence
	// came. Default 10m.
	Grace time.Duration `yaml:"grace"`
	// OTLP is the URL of an OTLP/HTTP collector for spans. Empty: none.
	OTLP string `yaml:"otlp"`
}

// TLS is the door's certificate.
type TLS struct {
	Certificate string `yaml:"certificate"` // PEM file, leaf first
	Key         string `yaml:"key"`         // PEM file
}

// Redis is where the streams are.
type Redis struct {
	Addresses    []string `yaml:"addresses"`    // host:port; several for Sentinel or Cluster
	User         string   `yaml:"user"`         // ACL user
	PasswordFile string   `yaml:"passwordFile"` // its password, one line
	CA           string   `yaml:"ca"`           // PEM file; speaks TLS when it is set
}
