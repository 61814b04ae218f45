package commands

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"dockless/bindings/engine"

	"github.com/containers/podman/v4/libpod/define"
	"github.com/containers/podman/v4/pkg/bindings/containers"
	"github.com/urfave/cli/v2"
)

type logsOptions struct {
	details, follow, timestamps bool
	since, tail, until          string
}

func logsCommand(env *Env) *cli.Command {
	o := &logsOptions{tail: "all"}
	return &cli.Command{
		Name:      "logs",
		Usage:     "Fetch the logs of a container",
		ArgsUsage: "CONTAINER",
		Flags: []cli.Flag{
			boolean(&o.details, "details", "", "Show extra details provided to logs"),
			boolean(&o.follow, "follow", "f", "Follow log output"),
			str(&o.since, "since", "", `Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)`),
			str(&o.tail, "tail", "n", "Number of lines to show from the end of the logs"),
			boolean(&o.timestamps, "timestamps", "t", "Show timestamps"),
			str(&o.until, "until", "", `Show logs before a timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)`),
		},
		Action: arguments(1, 1, func(ctx context.Context, args []string) error {
			return logs(ctx, env, o, args[0])
		}),
	}
}

func logs(ctx context.Context, env *Env, o *logsOptions, name string) error {
	period, err := o.period(time.Now())
	if err != nil {
		return err
	}
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	container, err := containers.Inspect(conn, name, nil)
	if err != nil {
		return containerError(name, err)
	}
	config := container.HostConfig.LogConfig
	if config.Type == define.NoLogging || config.Type == define.PassthroughLogging {
		return errors.New("configured logging driver does not support reading")
	}
	output := newLogOutput(env.Out, env.Err)
	if config.Type == define.KubernetesLogging || config.Type == define.JSONLogging {
		file, err := engine.OpenLog(config.Path)
		if err == nil {
			defer file.Close()
			return o.copyFile(ctx, file, period, output, exited(conn, container, o.follow))
		}
	}
	// A journal, or the log of another machine's or container's Podman.
	if err := o.copyFrames(conn, container.ID, period, output); err != nil {
		return fmt.Errorf("reading the logs of %s: %w", name, err)
	}
	return nil
}

// logPeriod is the time that logs are shown for; zero times set no limit.
type logPeriod struct{ since, until time.Time }

func (o *logsOptions) period(now time.Time) (logPeriod, error) {
	var p logPeriod
	var err error
	if o.since != "" {
		if p.since, err = timestamp(o.since, now); err != nil {
			return p, fmt.Errorf(`invalid value for "since": %w`, err)
		}
	}
	if o.until != "" {
		if p.until, err = timestamp(o.until, now); err != nil {
			return p, fmt.Errorf(`invalid value for "until": %w`, err)
		}
	}
	return p, nil
}

// lines is --tail: as in docker, what is no number of lines means all of them.
func (o *logsOptions) lines() (n int, all bool) {
	n, err := strconv.Atoi(o.tail)
	return n, err != nil || n < 0
}

// exited returns a channel that delivers when the container's log has all it
// will have: at once if it is not to be followed or nothing runs. What it
// delivers is what went wrong with waiting.
func exited(conn context.Context, container *define.InspectContainerData, follow bool) <-chan error {
	over := make(chan error, 1)
	switch container.State.Status {
	case "running", "paused", "stopping":
	default:
		follow = false
	}
	if !follow {
		over <- nil
		return over
	}
	go func() {
		// Conmon has written all before Podman sees the end.
		_, err := containers.Wait(conn, container.ID, nil)
		err = containerError(container.ID, err)
		var removed *noSuch // at its end, by --rm
		if errors.As(err, &removed) {
			err = nil
		}
		over <- err
	}()
	return over
}

// prefix is docker's time of a line (UTC, nine digits). --details has nothing
// to add but docker's blank: Podman keeps no log options of docker's (labels,
// env).
func (o *logsOptions) prefix(at time.Time) []byte {
	var p []byte
	if o.timestamps {
		p = append(at.UTC().AppendFormat(p, fixedNano), ' ')
	}
	if o.details {
		p = append(p, ' ')
	}
	return p
}

// fixedNano is docker's form of times: RFC 3339 with all nine digits.
const fixedNano = "2006-01-02T15:04:05.000000000Z07:00"
