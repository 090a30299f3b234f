package region

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"example.org/trm/cmd/internal/adapterrun"
	"example.org/trm/gateway"
	"example.org/trm/schemas"
)

// Office is one country's adapter in a region: it delivers into a folder per role.
type Office struct {
	Country gateway.Country
	Files   string // the folder that holds one folder per role
	API     string // where the adapter's local API answers
	Token   string // what a caller of it shows

	adapter *adapterrun.Adapter
}

// open makes a country's adapter in the region's folder.
func (r *Region) open(ctx context.Context, c gateway.Country, o Options, set *schemas.Set) (*Office, error) {
	data := filepath.Join(o.Dir, "adapters", string(c))
	office := &Office{Country: c, Files: filepath.Join(o.Dir, "offices", string(c))}
	var err error
	if office.Token, err = token(data); err != nil {
		return nil, err
	}
	office.adapter, err = adapterrun.New(ctx, adapterrun.Config{
		Country: c, Certs: o.Dir, Data: data, Development: true, Listen: "127.0.0.1:0", Follow: o.follow,
		Gateway: adapterrun.Gateway{URL: r.URL, Audience: Audience},
		Redis:   adapterrun.Redis{Addresses: []string{r.queue.Addr}},
		Deliver: adapterrun.Deliver{Filedrop: &adapterrun.Filedrop{Dir: office.Files}},
		Callers: []adapterrun.Caller{{TokenFile: filepath.Join(data, "token")}},
		Notify:  &adapterrun.Notify{Default: []adapterrun.Channel{{File: &adapterrun.NoticeFile{Path: filepath.Join(office.Files, "notices.log")}}}},
	}, adapterrun.Environment{Log: o.Log, Telemetry: r.telemetry, Redis: r.queue.Dial(), Schemas: set, Now: o.Now, Watch: o.watch})
	if err != nil {
		return nil, err
	}
	office.API = "http://" + office.adapter.Addr().String()
	// Beside the token, for whoever acts as the office's own system in this folder.
	if err := os.WriteFile(filepath.Join(data, "address"), []byte(office.API+"\n"), 0o600); err != nil {
		return nil, err
	}
	return office, nil
}

// token is what the office's own system shows to its adapter, made once.
func token(data string) (string, error) {
	name := filepath.Join(data, "token")
	raw, err := os.ReadFile(name)
	if err == nil {
		return strings.TrimSpace(string(raw)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return "", err
	}
	t := rand.Text() + rand.Text()
	return t, os.WriteFile(name, []byte(t+"\n"), 0o600)
}
