package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/pprof"
	"strings"
	"time"

	"example.org/trm/cmd/internal/adapterrun"
	"example.org/trm/cmd/internal/gatewayrun"
	"example.org/trm/cmd/internal/telemetry"
)

// The kinds of part.
const (
	kindGateway = "gateway"
	kindAdapter = "adapter"
)

// ready is the first line that a part writes.
type ready struct {
	Addr string `json:"addr,omitempty"` // of the gateway
}

// Part runs one process of the region, as gatewayd or adapterd would from the same file,
// until in ends: no part outlives the one who measures. It is told what to do in lines:
//
//	usage         answered by the processor time that it has used, as JSON
//	profile FILE  begins a CPU profile
//	profiled      ends it, and writes beside it what was allocated since the start
func Part(ctx context.Context, kind, config string, in io.Reader, out, logs io.Writer) error {
	log := telemetry.Logger(logs, slog.LevelInfo)
	var run func(context.Context) error
	var first ready
	switch kind {
	case kindGateway:
		c, err := gatewayrun.Read(config)
		if err != nil {
			return err
		}
		g, err := gatewayrun.New(ctx, c, gatewayrun.Environment{Log: log})
		if err != nil {
			return err
		}
		run, first.Addr = g.Run, g.Addr().String()
	case kindAdapter:
		c, err := adapterrun.Read(config)
		if err != nil {
			return err
		}
		a, err := adapterrun.New(ctx, c, adapterrun.Environment{Log: log})
		if err != nil {
			return err
		}
		run = a.Run
	default:
		return fmt.Errorf("%q is no part of a region", kind)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	err := json.NewEncoder(out).Encode(first)
	if err == nil {
		err = obey(in, json.NewEncoder(out))
	}
	stop()
	if e := <-ended; e != nil {
		return e
	}
	return err
}

// obey does what it is told until in ends.
func obey(in io.Reader, out *json.Encoder) error {
	lines := bufio.NewScanner(in)
	var file *os.File
	for lines.Scan() {
		var answer any = struct{}{}
		var err error
		switch word, rest, _ := strings.Cut(lines.Text(), " "); word {
		case "usage":
			answer, err = ownUsage()
		case "profile":
			if file, err = os.Create(rest); err == nil {
				err = pprof.StartCPUProfile(file)
			}
		case "profiled":
			err = endProfile(file)
		default:
			err = fmt.Errorf("%q is not understood", word)
		}
		if err != nil {
			return err
		}
		if err := out.Encode(answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

// endProfile ends the CPU profile and writes FILE.allocs.
func endProfile(cpu *os.File) error {
	pprof.StopCPUProfile()
	allocs, err := os.Create(cpu.Name() + ".allocs")
	if err != nil {
		return errors.Join(err, cpu.Close())
	}
	err = pprof.Lookup("allocs").WriteTo(allocs, 0)
	return errors.Join(err, allocs.Close(), cpu.Close())
}

// usage is the processor time that a process has used.
type usage struct {
	User   time.Duration `json:"user"`
	System time.Duration `json:"system"`
}
