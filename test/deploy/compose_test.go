package deploy

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
)

// TestEveryServiceKeepsThePromises holds the file against all of them.
func TestEveryServiceKeepsThePromises(t *testing.T) {
	t.Parallel()
	p := project(t)
	want := []string{"adapter-ba", "adapter-rs", "gateway", "grafana", "jaeger", "keys", "otel-collector", "prometheus", "redis", "trm", "witness-al", "witness-md", "witness-me"}
	if got := p.ServiceNames(); !slices.Equal(got, want) {
		t.Errorf("the services are %v, want %v", got, want)
	}
	for _, b := range breaches(p) {
		t.Error(b)
	}
}

// breaches are the ways in which a project breaks its promises.
func breaches(p *types.Project) []string {
	var all []string
	for _, name := range p.ServiceNames() {
		s := p.Services[name]
		say := func(wrong bool, format string, args ...any) {
			if wrong {
				all = append(all, name+": "+fmt.Sprintf(format, args...))
			}
		}
		uid, _, _ := strings.Cut(s.User, ":")
		say(!regexp.MustCompile(`^[1-9][0-9]*$`).MatchString(uid), "runs as the user %q, which is not a number other than 0", s.User)
		say(!s.ReadOnly, "may write into its image")
		say(!slices.Equal(s.CapDrop, []string{"ALL"}) || len(s.CapAdd) > 0, "keeps capabilities")
		say(!slices.Contains(s.SecurityOpt, "no-new-privileges:true"), "may gain privileges")
		say(s.Privileged || s.NetworkMode == "host" || s.Pid == "host" || s.Ipc == "host" || len(s.Devices) > 0, "reaches into the host")
		say(s.Build == nil && s.Image != ours && !pinned.MatchString(s.Image), "the image %q names no exact version", s.Image)
		say(s.Image == ours && s.PullPolicy != types.PullPolicyNever, "fetches the image that is built here")
		say(s.Deploy == nil || s.Deploy.Resources.Limits == nil || s.Deploy.Resources.Limits.MemoryBytes == 0 || s.Deploy.Resources.Limits.NanoCPUs == 0 || s.Deploy.Resources.Limits.Pids == 0, "has no limit on memory, processors or processes")
		once := name == "keys" || slices.Contains(s.Profiles, "tools")
		say(once != (s.Restart == "no") || !once && s.Restart != types.RestartPolicyUnlessStopped, "restarts: %q", s.Restart)
		say(s.Logging == nil || s.Logging.Options["max-size"] == "", "logs without bound")
		for _, port := range s.Ports {
			ip, err := netip.ParseAddr(port.HostIP)
			say(err != nil || !ip.IsLoopback(), "publishes %s beyond this machine", port.Published)
			say(name == "redis" || name == "otel-collector", "publishes a port")
		}
		for key, v := range s.Environment {
			say(v == nil, "takes %s from whoever starts it", key)
			say(v != nil && secretly.MatchString(key) && !strings.HasSuffix(key, "__FILE"), "%s is a secret in the file", key)
		}
		say(len(s.EnvFiles) > 0, "reads an environment file")
		for _, c := range s.Configs {
			_, err := os.Stat(p.Configs[c.Source].File)
			say(err != nil, "mounts %s, which is not there", c.Source)
		}
		for _, v := range s.Volumes {
			say(v.Type != types.VolumeTypeVolume, "mounts %s of the host", v.Source)
			say(strings.HasPrefix(v.Source, "site-") && name != "keys" && !v.ReadOnly, "may change what keys made")
			say(v.Source == "region" && name != "keys" && name != "trm", "has every key of the region")
		}
		for net := range s.Networks {
			say(net == "queue" && name != "redis" && name != "gateway" && !strings.HasPrefix(name, "adapter-"), "reaches Redis")
			say(net == "witness" && name != "gateway" && !strings.HasPrefix(name, "witness-"), "reaches the witnesses")
			say(strings.HasPrefix(name, "witness-") && net != "witness", "a witness is reached over %s", net)
			say(name == "redis" && net != "queue", "Redis is reached over %s", net)
		}
	}
	for _, net := range []string{"queue", "watch", "witness"} {
		if !p.Networks[net].Internal {
			all = append(all, net+": leads outside")
		}
	}
	return append(all, shared(p)...)
}

const ours = "trm:local"

var (
	pinned   = regexp.MustCompile(`:v?[0-9]+\.[0-9]+\.[0-9]+(-[a-z0-9.]+)?$`)
	secretly = regexp.MustCompile(`(?i)password|secret|token|_key\b|_key$|credential`)
)

// shared finds volumes of one process that another sees, and those that nobody declared
// a use for.
func shared(p *types.Project) []string {
	var all []string
	users := map[string][]string{}
	for _, name := range p.ServiceNames() {
		for _, v := range p.Services[name].Volumes {
			users[v.Source] = append(users[v.Source], name)
		}
	}
	for v := range p.Volumes {
		seen := slices.DeleteFunc(slices.Clone(users[v]), func(n string) bool { return n == "keys" })
		if len(seen) != 1 {
			all = append(all, fmt.Sprintf("the volume %s is seen by %v", v, seen))
		}
	}
	slices.Sort(all)
	return all
}

// TestBreachesOfThePromisesAreFound shows that each of them can fail.
func TestBreachesOfThePromisesAreFound(t *testing.T) {
	t.Parallel()
	text := read(t, "docker-compose.yml")
	for name, tt := range map[string]struct{ old, new, want string }{
		"root":                {`user: "65532:65532"`, `user: "0:0"`, "gateway: runs as the user"},
		"a user by name":      {`user: "65532:65532"`, `user: trm`, "gateway: runs as the user"},
		"no user":             {`user: "999:1000"`, ``, "redis: runs as the user"},
		"writable":            {`read_only: true`, `read_only: false`, "redis: may write"},
		"capabilities":        {`cap_drop: [ALL]`, `cap_drop: [NET_RAW]`, "redis: keeps capabilities"},
		"added capability":    {`cap_drop: [ALL]`, "cap_drop: [ALL]\n  cap_add: [SYS_ADMIN]", "redis: keeps capabilities"},
		"privileges":          {`security_opt: ["no-new-privileges:true"]`, ``, "redis: may gain"},
		"host network":        {`network_mode: none`, `network_mode: host`, "keys: reaches into the host"},
		"latest":              {`redis:7.2.16-alpine`, `redis:latest`, "redis: the image"},
		"only a major":        {`redis:7.2.16-alpine`, `redis:7-alpine`, "redis: the image"},
		"no tag":              {`prom/prometheus:v3.14.0`, `prom/prometheus`, "prometheus: the image"},
		"pulled":              {`pull_policy: never`, `pull_policy: missing`, "gateway: fetches"},
		"no limit":            {`limits: {cpus: "1.0", memory: 768M, pids: 64}`, `limits: {cpus: "1.0"}`, "redis: has no limit"},
		"no restart":          {`restart: unless-stopped`, `restart: on-failure`, "redis: restarts"},
		"keys again":          {"restart: \"no\"\n    network_mode", "network_mode", "keys: restarts"},
		"endless log":         {`options: {max-size: 10m, max-file: "3"}`, `options: {max-file: "3"}`, "redis: logs without"},
		"every interface":     {`"127.0.0.1:8440:8440"`, `"8440:8440"`, "gateway: publishes 8440 beyond"},
		"an outer interface":  {`"127.0.0.1:3000:3000"`, `"0.0.0.0:3000:3000"`, "grafana: publishes 3000 beyond"},
		"redis published":     {"networks: [queue]\n    depends_on", "networks: [queue]\n    ports: [\"127.0.0.1:6379:6379\"]\n    depends_on", "redis: publishes"},
		"a secret":            {`GF_SECURITY_SECRET_KEY__FILE: /etc/trm/secret-key`, `GF_SECURITY_SECRET_KEY: abc`, "grafana: GF_SECURITY_SECRET_KEY is a secret"},
		"a default password":  {`GF_AUTH_BASIC_ENABLED: "false"`, `GF_SECURITY_ADMIN_PASSWORD: admin`, "grafana: GF_SECURITY_ADMIN_PASSWORD is a secret"},
		"from outside":        {`GOMEMLIMIT: 400MiB`, `GOMEMLIMIT:`, "gateway: takes GOMEMLIMIT"},
		"a file that is gone": {`cmd/deploy/redis.conf`, `cmd/deploy/nothing.conf`, "redis: mounts redis, which"},
		"of the host":         {`- gateway:/var/lib/trm`, `- /srv:/var/lib/trm`, "gateway: mounts /srv"},
		"changing keys":       {`- site-rs:/etc/trm:ro`, `- site-rs:/etc/trm`, "adapter-rs: may change"},
		"another's keys":      {`- site-ba:/etc/trm:ro`, `- site-rs:/etc/trm:ro`, "the volume site-rs is seen by"},
		"every key":           {`- site-gateway:/etc/trm:ro`, `- region:/etc/trm:ro`, "gateway: has every key"},
		"watching the queue":  {`networks: [watch]`, `networks: [watch, queue]`, "otel-collector: reaches Redis"},
		"a witness' key":      {`- witness-md:/var/lib/trm`, `- witness-al:/var/lib/trm`, "the volume witness-al is seen by"},
		"watching witnesses":  {`networks: [watch]`, `networks: [watch, witness]`, "otel-collector: reaches the witnesses"},
		"a witness elsewhere": {`networks: [witness]`, `networks: [witness, desk]`, "witness-al: a witness is reached over desk"},
		"open queue":          {`queue: {internal: true}`, `queue: {}`, "queue: leads outside"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(text, tt.old) {
				t.Fatalf("docker-compose.yml has no %q: this row no longer fits it", tt.old)
			}
			p, err := load(context.Background(), strings.Replace(text, tt.old, tt.new, 1))
			if err != nil {
				t.Fatal(err)
			}
			if got := breaches(p); !slices.ContainsFunc(got, func(b string) bool { return strings.HasPrefix(b, tt.want) }) {
				t.Errorf("found %q, want %q", got, tt.want)
			}
		})
	}
}

// TestNothingStartsBeforeWhatItNeeds follows depends_on.
func TestNothingStartsBeforeWhatItNeeds(t *testing.T) {
	t.Parallel()
	p := project(t)
	for name, s := range p.Services {
		for _, v := range s.Volumes {
			if strings.HasPrefix(v.Source, "site-") && name != "keys" && s.DependsOn["keys"].Condition != types.ServiceConditionCompletedSuccessfully {
				t.Errorf("%s starts before its keys are made", name)
			}
		}
		if _, queue := s.Networks["queue"]; queue && name != "redis" && s.DependsOn["redis"].Condition != types.ServiceConditionHealthy {
			t.Errorf("%s starts before Redis answers", name)
		}
		for d, c := range s.DependsOn {
			if c.Condition == types.ServiceConditionHealthy && p.Services[d].HealthCheck == nil {
				t.Errorf("%s waits for the health of %s, which has no check", name, d)
			}
		}
	}
}

// TestTheImageHasWhatServicesRunAndWhereTheyWrite compares the Dockerfile with the
// services that use its image.
func TestTheImageHasWhatServicesRunAndWhereTheyWrite(t *testing.T) {
	t.Parallel()
	p, docker := project(t), read(t, "Dockerfile")
	for name, s := range p.Services {
		if s.Image != ours {
			continue
		}
		program := slices.Concat(s.Entrypoint, s.Command)[0]
		if !strings.Contains(docker, "./cmd/"+path.Base(program)) || path.Dir(program) != "/bin" {
			t.Errorf("%s runs %s, which is not in the image", name, program)
		}
		for _, v := range s.Volumes {
			if !v.ReadOnly && !regexp.MustCompile(`/owned`+regexp.QuoteMeta(v.Target)+`\b`).MatchString(docker) {
				t.Errorf("%s writes into %s, which would be root's", name, v.Target)
			}
		}
	}
	for line := range strings.Lines(docker) {
		if image, ok := strings.CutPrefix(line, "FROM "); ok {
			f := strings.Fields(image)
			from := f[len(f)-1]
			if slices.Contains(f, "AS") {
				from = f[slices.Index(f, "AS")-1]
			}
			if from != "scratch" && !pinned.MatchString(from) {
				t.Errorf("the image is made from %q, which names no exact version", from)
			}
		}
	}
	if !strings.Contains(docker, "CGO_ENABLED=0") || !strings.Contains(docker, "-trimpath") || !strings.Contains(docker, "\nUSER 65532:65532\n") {
		t.Error("the image is not static, names folders of its builder, or runs as root")
	}
}
