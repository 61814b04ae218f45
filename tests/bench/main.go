// Bench prints how long dockless takes for a piece of work as a share of what
// Podman takes for the same work, both run in turn on the same host with the
// same images and containers. It judges nothing: a ratio over its goal is
// marked, and the exit code stays 0.
//
//	bench -dockless ./dockless -base busybox.tar [-root debian.tar] [-docker docker] [-runs 20] [-only run]
//
// It must run as an unprivileged user on a rootless host; `make bench` does
// that.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const image = "docker.io/library/busybox:latest"

// layout is a row of the table, printed as soon as it is measured.
const layout = "%-22s %10s %10s %6s %6s %-6s %7s  %s\n"

// contender is one way to do the work: its name in the table, its command, and
// what comes before each run and is not counted.
type contender struct {
	name    string
	command []string
	first   func(context.Context) error
}

// work is one row of the table: dockless first, then Podman, then others that
// stand beside them without a goal.
type work struct {
	name       string
	goal       float64 // dockless / podman
	few        bool    // takes seconds: a quarter of the runs will do
	contenders []contender
}

func main() {
	dockless := flag.String("dockless", "./dockless", "the binary to measure")
	base := flag.String("base", "", "a tar of a small root file system with sh, true and sleep")
	root := flag.String("root", "", "a tar of a big root file system, for the rows about image data; without it there are none")
	docker := flag.String("docker", "", "docker's command line, to stand beside in the rows about image data")
	runs := flag.Int("runs", 20, "how often each command runs")
	only := flag.String("only", "", "measure only the rows whose name holds this")
	flag.Parse()
	if err := bench(context.Background(), *dockless, *base, *root, *docker, *runs, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context, dockless, base, root, docker string, runs int, only string) error {
	dockless, err := filepath.Abs(dockless)
	if err != nil {
		return err
	}
	bundle, err := prepare(ctx, dockless, base)
	if err != nil {
		return fmt.Errorf("preparing the host: %w", err)
	}
	defer os.RemoveAll(bundle)
	defer func() { _ = quietly(ctx, "podman", "rm", "-fa", "-t0") }()

	fmt.Printf(layout, "WORK", "DOCKLESS", "PODMAN", "RATIO", "GOAL", "", "MEMORY", "BESIDE")
	table := rows(dockless, bundle)
	if root != "" {
		more, remove, err := images(ctx, dockless, docker, root)
		if remove != nil {
			defer remove()
		}
		if err != nil {
			return fmt.Errorf("preparing images: %w", err)
		}
		table = append(table, more...)
		more, removeBuilt, err := builds(ctx, dockless, docker)
		if removeBuilt != nil {
			defer removeBuilt()
		}
		if err != nil {
			return fmt.Errorf("preparing builds: %w", err)
		}
		table = append(table, more...)
	}
	for _, w := range table {
		if !strings.Contains(w.name, only) {
			continue
		}
		if err := measure(ctx, w, runs); err != nil {
			return fmt.Errorf("measuring %s: %w", w.name, err)
		}
	}
	if !strings.Contains("50 containers", only) {
		return nil
	}
	if err := parallel(ctx, dockless); err != nil {
		return fmt.Errorf("starting containers in parallel: %w", err)
	}
	return nil
}

func rows(dockless, bundle string) []work {
	both := func(args ...string) []contender {
		return []contender{
			{name: "dockless", command: append([]string{dockless}, args...)},
			{name: "podman", command: append([]string{"podman"}, args...)},
		}
	}
	bare := contender{name: "bare crun", command: []string{"crun", "--cgroup-manager=disabled", "run", "-b", bundle, "bench-bare"}}
	return []work{
		{name: "start of the binary", goal: 0.5, contenders: both("--version")},
		{name: "ps", goal: 0.45, contenders: both("ps")},
		{name: "ps -a, 12 containers", goal: 0.45, contenders: both("ps", "-a")},
		{name: "images", goal: 0.45, contenders: both("images")},
		{name: "run --rm IMG true", goal: 0.8, contenders: append(both("run", "--rm", image, "true"), bare)},
		{name: "exec C true", goal: 0.6, contenders: both("exec", "bench-target", "true")},
	}
}

// measure runs the contenders in turn, once to warm up and runs times to count.
func measure(ctx context.Context, w work, runs int) error {
	times := make([][]time.Duration, len(w.contenders))
	var memory int64
	if w.few {
		runs = max(runs/4, 1)
	}
	for run := range runs + 1 {
		for i, c := range w.contenders {
			if c.first != nil {
				if err := c.first(ctx); err != nil {
					return err
				}
			}
			took, kib, err := timed(ctx, c.command)
			if err != nil {
				return err
			}
			if run == 0 {
				continue
			}
			times[i] = append(times[i], took)
			if i == 0 {
				memory = max(memory, kib)
			}
		}
	}
	ours, theirs := median(times[0]), median(times[1])
	var beside []string
	for i, c := range w.contenders[2:] {
		t := median(times[i+2])
		beside = append(beside, fmt.Sprintf("%s %s (%.2f)", c.name, milliseconds(t), float64(ours)/float64(t)))
	}
	row(w.name, ours, theirs, w.goal, fmt.Sprintf("%d MB", memory>>10), strings.Join(beside, ", "))
	return nil
}

// parallel starts 50 containers at once, each by a process of its own.
func parallel(ctx context.Context, dockless string) error {
	const many, rounds = 50, 3
	var ours, theirs []time.Duration
	for range rounds {
		for _, program := range []string{dockless, "podman"} {
			began := time.Now()
			var group sync.WaitGroup
			failures := make([]error, many)
			for i := range many {
				group.Go(func() {
					failures[i] = quietly(ctx, program, "run", "-d", "--label", "bench=parallel", image, "sleep", "100000")
				})
			}
			group.Wait()
			took := time.Since(began)
			if err := errors.Join(failures...); err != nil {
				return err
			}
			out, err := exec.CommandContext(ctx, "podman", "ps", "-q", "--filter", "label=bench=parallel").Output()
			if err != nil {
				return err
			}
			if running := len(strings.Fields(string(out))); running != many {
				return fmt.Errorf("%s started %d containers, %d of them run", program, many, running)
			}
			if err := quietly(ctx, "podman", "rm", "-f", "-t0", "--filter", "label=bench=parallel"); err != nil {
				return err
			}
			if program == dockless {
				ours = append(ours, took)
			} else {
				theirs = append(theirs, took)
			}
		}
	}
	row("50 containers at once", median(ours), median(theirs), 0.9, "", "")
	return nil
}

func row(name string, ours, theirs time.Duration, goal float64, memory, beside string) {
	ratio := float64(ours) / float64(theirs)
	verdict := "met"
	if ratio > goal {
		verdict = "MISSED"
	}
	fmt.Printf(layout, name, milliseconds(ours), milliseconds(theirs), fmt.Sprintf("%.2f", ratio), fmt.Sprintf("%.2f", goal), verdict, memory, beside)
}

// timed runs a command and returns its wall time and its peak memory in KiB.
func timed(ctx context.Context, command []string) (time.Duration, int64, error) {
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	var complaint strings.Builder
	c.Stderr = &complaint
	began := time.Now()
	err := c.Run()
	took := time.Since(began)
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, complaint.String())
	}
	var peak int64
	if usage, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
		peak = usage.Maxrss
	}
	return took, peak, nil
}

func quietly(ctx context.Context, command ...string) error {
	_, _, err := timed(ctx, command)
	return err
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}
