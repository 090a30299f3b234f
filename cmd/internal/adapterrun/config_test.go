package adapterrun_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.org/trm/cmd/internal/adapterrun"
)

func read(t *testing.T, text string) (adapterrun.Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.yaml")
	must(t, os.WriteFile(path, []byte(text), 0o600))
	return adapterrun.Read(path)
}

const good = `
country: rs
certs: /c
data: /d
gateway: {url: https://gateway.example}
redis: {addresses: ["127.0.0.1:6379"]}
deliver: {filedrop: {dir: /f}}
`

func TestConfigurationIsReadAsItIsWritten(t *testing.T) {
	t.Parallel()
	c, err := read(t, good+"retry: {first: 2s, last: 5m}\ncallers: [{tokenFile: /t, parties: [rs/coordinator]}]\n")
	must(t, err)
	if c.Country != "rs" || c.Retry.Last != 5*time.Minute || c.Deliver.Filedrop.Dir != "/f" || c.Callers[0].Parties[0] != "rs/coordinator" {
		t.Errorf("got %+v", c)
	}
}

func TestRedisIsNotAskedForWhereDeliveriesArePulled(t *testing.T) {
	t.Parallel()
	if _, err := read(t, strings.Replace(good, "redis: {addresses: [\"127.0.0.1:6379\"]}", "source: https", 1)); err != nil {
		t.Error(err)
	}
}

func TestExampleBesideTheCommandIsWellFormed(t *testing.T) {
	t.Parallel()
	if _, err := adapterrun.Read("../../adapterd/adapterd.yaml"); err != nil {
		t.Error(err)
	}
}

func TestFaultsOfAConfigurationAreReportedTogether(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		text string
		want []string
	}{
		"empty":           {"", []string{"country:", "certs:", "data:", "gateway.url:", "redis.addresses:", "deliver:"}},
		"unknown key":     {good + "contry: rs\n", []string{"contry"}},
		"two documents":   {good + "---\ncountry: mk\n", []string{"second document"}},
		"two transports":  {strings.Replace(good, "filedrop:", "rest: {url: https://c.example}, filedrop:", 1), []string{"filedrop or rest"}},
		"open local API":  {good + "listen: 0.0.0.0:8090\n", []string{"listen:"}},
		"open gateway":    {strings.Replace(good, "https:", "http:", 1), []string{"gateway.url:"}},
		"open redis":      {strings.Replace(good, "127.0.0.1:6379", "redis.example:6379", 1), []string{"redis.passwordFile:", "redis.ca:"}},
		"foreign parties": {good + "callers: [{tokenFile: /t, parties: [mk/coordinator]}]\n", []string{"mk/coordinator"}},
		"half a key pair": {good + "tls: {certificate: /x}\n", []string{"tls:"}},
		"no such source":  {good + "source: smtp\n", []string{"source:"}},
		"negative":        {good + "attempt: -1s\nretell: {first: -1s}\n", []string{"attempt:", "retell:"}},
	} {
		_, err := read(t, row.text)
		for _, want := range row.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want it to say %q", name, err, want)
			}
		}
	}
}
