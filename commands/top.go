package commands

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"dockless/bindings/engine"

	"github.com/containers/podman/v4/pkg/bindings/containers"
	"github.com/docker/cli/cli/command/formatter/tabwriter"
	"github.com/urfave/cli/v2"
)

func topCommand(env *Env) *cli.Command {
	return &cli.Command{
		Name:      "top",
		Usage:     "Display the running processes of a container",
		ArgsUsage: "CONTAINER [ps OPTIONS]",
		Action: arguments(1, -1, func(ctx context.Context, args []string) error {
			return top(ctx, env, args[0], args[1:])
		}),
	}
}

func top(ctx context.Context, env *Env, name string, options []string) error {
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	container, err := containers.Inspect(conn, name, nil)
	if err != nil {
		return containerError(name, err)
	}
	if container.State.Paused { // Podman tells nothing about it
		return fmt.Errorf("container %s is paused, unpause it to list its processes", container.ID)
	}
	if !container.State.Running {
		return fmt.Errorf("container %s is not running", container.ID)
	}
	processes, err := listProcesses(conn, container.ID)
	if err != nil {
		return fmt.Errorf("listing the processes of %s: %w", name, err)
	}
	var table [][]string
	if len(options) == 0 || slices.Equal(options, []string{"-ef"}) {
		table = psTable(processes, strconv.Itoa(container.State.ConmonPid), time.Now())
	} else if table, err = hostPs(ctx, processes, options); err != nil {
		return err
	}
	w := tabwriter.NewWriter(env.Out, 20, 1, 3, ' ', 0)
	for _, row := range table {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

// process is one of a container's. Its pids are the container's own but for the
// host's.
type process struct {
	pid, parent, hostPID, user, cpu, tty, command string
	age, cpuTime                                  time.Duration
}

// listProcesses asks by Podman's own descriptors: the oldest servers have no
// other way that works in a container without a ps.
func listProcesses(conn context.Context, id string) ([]process, error) {
	var answer struct{ Processes [][]string }
	query := url.Values{"stream": {"false"}, "ps_args": {"pid,ppid,hpid,user,pcpu,etime,tty,time,args"}}
	if err := engine.Call(conn, http.MethodGet, engine.Libpod+"/containers/"+id+"/top", query, nil, &answer); err != nil {
		return nil, err
	}
	var processes []process
	for _, p := range answer.Processes {
		if len(p) < 9 {
			return nil, fmt.Errorf("podman sent %d columns of 9", len(p))
		}
		age, err := time.ParseDuration(p[5])
		if err != nil {
			return nil, err
		}
		cpuTime, err := time.ParseDuration(p[7])
		if err != nil {
			return nil, err
		}
		processes = append(processes, process{
			pid: p[0], parent: p[1], hostPID: p[2], user: p[3], cpu: p[4], tty: p[6], command: strings.Join(p[8:], " "),
			age: age, cpuTime: cpuTime,
		})
	}
	return processes, nil
}

// psTable is what docker's default, ps -ef, shows: pids are the host's, users
// the container's. monitor is the parent of the container's first process.
func psTable(processes []process, monitor string, now time.Time) [][]string {
	table := [][]string{{"UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"}}
	onHost := map[string]string{"0": monitor}
	for _, p := range processes {
		onHost[p.pid] = p.hostPID
	}
	for _, p := range processes {
		share, _, _ := strings.Cut(p.cpu, ".")
		started := now.Add(-p.age)
		since := started.Format("15:04")
		switch {
		case p.age > 24*time.Hour && started.Year() != now.Year():
			since = started.Format("2006")
		case p.age > 24*time.Hour:
			since = started.Format("Jan02")
		}
		seconds := int(p.cpuTime.Seconds())
		used := fmt.Sprintf("%02d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
		table = append(table, []string{p.user, p.hostPID, onHost[p.parent], share, since, p.tty, used, p.command})
	}
	return table
}

// hostPs runs the host's ps with the person's options and keeps the lines of
// the container's processes, as docker's daemon does.
func hostPs(ctx context.Context, processes []process, options []string) ([][]string, error) {
	pids := make([]string, len(processes))
	for i, p := range processes {
		pids[i] = p.hostPID
	}
	text, err := exec.CommandContext(ctx, "ps", append(slices.Clone(options), "-q"+strings.Join(pids, ","))...).Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) { // some options (f) exclude -q
		text, err = exec.CommandContext(ctx, "ps", options...).Output()
	}
	switch {
	case errors.As(err, &failed):
		reason, _, _ := strings.Cut(string(failed.Stderr), "\n")
		return nil, fmt.Errorf("ps: %s", strings.TrimPrefix(reason, "error: "))
	case errors.Is(err, exec.ErrNotFound):
		return nil, errors.New("ps with options needs this host's ps: install procps")
	case err != nil:
		return nil, fmt.Errorf("running ps: %w", err)
	}
	lines := strings.Split(string(text), "\n")
	titles := strings.Fields(lines[0])
	column := slices.Index(titles, "PID")
	if column < 0 {
		return nil, errors.New("Couldn't find PID field in ps output")
	}
	table := [][]string{titles}
	inside := false
	for _, line := range lines[1:] {
		fields := strings.Fields(line)
		if len(fields) < len(titles) {
			continue
		}
		if pid := fields[column]; pid != "-" { // -: a thread of the process above
			inside = slices.Contains(pids, pid)
		}
		if inside {
			last := len(titles) - 1
			table = append(table, append(fields[:last:last], strings.Join(fields[last:], " ")))
		}
	}
	return table, nil
}
