package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/trm/cmd/internal/adapterrun"
	"example.org/trm/cmd/internal/gatewayrun"
	"example.org/trm/cmd/internal/redisrun"
	"example.org/trm/gateway"
)

// region is what is measured: the processes of the gateway, of the countries that
// receive, and of Redis.
type region struct {
	redis     *redisrun.Server
	gateway   *process
	adapters  []*process
	countries []gateway.Country // that receive
	journal   string            // the gateway's
}

// startRegion starts everything, each with the defaults of its configuration, but for the
// rate of a party at the door: here a few parties stand for all.
func startRegion(ctx context.Context, o Options, system string) (*region, error) {
	g := &region{journal: filepath.Join(o.Dir, "gateway", "journal.db")}
	if err := g.start(ctx, o, system); err != nil {
		return nil, errors.Join(err, g.stop())
	}
	return g, nil
}

func (g *region) start(ctx context.Context, o Options, system string) (err error) {
	if g.redis, err = redisrun.Start(ctx, redisrun.Options{Dir: filepath.Join(o.Dir, "redis"), Embedded: o.Embedded, Fsync: o.Fsync}); err != nil {
		return err
	}
	g.gateway, err = startProcess(ctx, o, "gateway", kindGateway, gatewayrun.Config{
		Listen: "127.0.0.1:0", Operators: "off", Audience: audience, Certs: o.Dir, Development: true, Journal: g.journal,
		Redis:  gatewayrun.Redis{Addresses: []string{g.redis.Addr}},
		Limits: gatewayrun.Limits{Rate: 1e6, Burst: 1e6},
	})
	if err != nil {
		return err
	}
	for _, p := range o.Pairs {
		if slices.Contains(g.countries, p.To) {
			continue
		}
		c := string(p.To)
		a, err := startProcess(ctx, o, "adapter-"+c, kindAdapter, adapterrun.Config{
			Country: p.To, Certs: o.Dir, Data: filepath.Join(o.Dir, "adapters", c), Development: true,
			Gateway: adapterrun.Gateway{URL: "http://" + g.gateway.addr, Audience: audience},
			Redis:   adapterrun.Redis{Addresses: []string{g.redis.Addr}},
			Deliver: adapterrun.Deliver{REST: &adapterrun.REST{URL: system + "/" + c + "/{role}"}},
		})
		if err != nil {
			return err
		}
		g.adapters, g.countries = append(g.adapters, a), append(g.countries, p.To)
	}
	return nil
}

// stop ends everything, in the order in which an operator would.
func (g *region) stop() error {
	var errs []error
	for _, p := range g.parts() {
		errs = append(errs, p.stop())
	}
	if g.redis != nil {
		g.redis.Stop()
	}
	return errors.Join(errs...)
}

// parts are the processes that are our own.
func (g *region) parts() []*process {
	list := slices.Clone(g.adapters)
	if g.gateway != nil {
		list = append(list, g.gateway)
	}
	return list
}

// profile begins a CPU profile of each part in a folder.
func (g *region) profile(dir string) error {
	if dir == "" {
		return nil
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, p := range g.parts() {
		if err := p.ask("profile "+filepath.Join(dir, p.name+".pprof"), &struct{}{}); err != nil {
			return err
		}
	}
	return nil
}

func (g *region) profiled(dir string) error {
	if dir == "" {
		return nil
	}
	for _, p := range g.parts() {
		if err := p.ask("profiled", &struct{}{}); err != nil {
			return err
		}
	}
	return nil
}

// state is what a process has used, and what it holds.
type state struct {
	usage
	memory
}

// snapshot is what every process, and the machine, has used at one moment.
type snapshot struct {
	states       map[string]state
	worked, idle time.Duration
}

// usage asks every process, and this one, what it has used.
func (g *region) usage(ctx context.Context) (snapshot, error) {
	s := snapshot{states: map[string]state{}}
	for _, p := range g.parts() {
		var u usage
		if err := p.ask("usage", &u); err != nil {
			return s, err
		}
		s.states[p.name] = state{u, memoryOf(p.pid)}
	}
	if g.redis.PID != 0 {
		u, err := g.redisUsage(ctx)
		if err != nil {
			return s, err
		}
		s.states["redis"] = state{u, memoryOf(g.redis.PID)}
	}
	u, err := ownUsage()
	s.states["bench"] = state{u, memoryOf(os.Getpid())}
	s.worked, s.idle = machineTime()
	return s, err
}

// redisUsage is what Redis says of itself.
func (g *region) redisUsage(ctx context.Context) (usage, error) {
	info, err := g.redis.Dial().InfoMap(ctx, "cpu").Result()
	if err != nil {
		return usage{}, fmt.Errorf("asking redis: %w", err)
	}
	seconds := func(name string) time.Duration {
		f, e := strconv.ParseFloat(strings.TrimSpace(info["CPU"][name]), 64)
		err = errors.Join(err, e)
		return time.Duration(f * float64(time.Second))
	}
	u := usage{User: seconds("used_cpu_user"), System: seconds("used_cpu_sys")}
	return u, err
}
