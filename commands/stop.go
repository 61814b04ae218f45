package commands

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"dockless/bindings/engine"

	"github.com/containers/podman/v4/libpod/define"
	"github.com/containers/podman/v4/pkg/bindings/containers"
	"github.com/urfave/cli/v2"
)

// stopping is how stop and restart end a container: the signal ("" for the
// container's own) and the seconds until it is killed.
type stopping struct {
	signal        string
	timeout, time optionalInt
}

func (s *stopping) flags() []cli.Flag {
	return []cli.Flag{
		str(&s.signal, "signal", "s", "Signal to send to the container"),
		value(&s.timeout, "timeout", "t", "Seconds to wait before killing the container"),
		hidden(value(&s.time, "time", "", "Seconds to wait before killing the container (deprecated: use --timeout)")),
	}
}

// settle makes one timeout of the flag and its deprecated name.
func (s *stopping) settle(env *Env) error {
	if s.time.given {
		fmt.Fprintln(env.Err, "Flag --time has been deprecated, use --timeout instead")
		if s.timeout.given {
			return errors.New("conflicting options: cannot specify both --timeout and --time")
		}
		s.timeout = s.time
	}
	return nil
}

func stopCommand(env *Env) *cli.Command {
	var how stopping
	return &cli.Command{
		Name:      "stop",
		Usage:     "Stop one or more running containers",
		ArgsUsage: "CONTAINER [CONTAINER...]",
		Flags:     how.flags(),
		Action: arguments(1, -1, func(ctx context.Context, args []string) error {
			if err := how.settle(env); err != nil {
				return err
			}
			return eachContainer(ctx, env, args, func(conn context.Context, name string) error {
				if how.signal == "" {
					return stop(conn, name, how.timeout)
				}
				if err := stopWith(conn, name, how); err != nil {
					return fmt.Errorf("cannot stop container: %s: %w", name, containerError(name, err))
				}
				return nil
			})
		}),
	}
}

// stop ends a container by its own stop signal.
func stop(conn context.Context, name string, timeout optionalInt) error {
	if err := letRun(conn, name); err != nil {
		return err
	}
	options := new(containers.StopOptions)
	if timeout.given {
		options = options.WithTimeout(seconds(timeout))
	}
	return containers.Stop(conn, name, options)
}

// letRun unpauses a container that is paused: Podman waits out the timeout of
// one that cannot react, and then refuses to stop it.
func letRun(conn context.Context, name string) error {
	err := containers.Unpause(conn, name, nil)
	if err != nil && strings.Contains(err.Error(), "is not paused") {
		return nil
	}
	return err
}

// stopWith ends a container by a signal that is not its own. Podman's API takes
// no signal for a stop: so it is sent and waited for. What is left after the
// timeout, or was brought back by a restart policy, is stopped by force.
func stopWith(conn context.Context, name string, how stopping) error {
	number, err := parseSignal(how.signal)
	if err != nil {
		return err
	}
	before, err := containers.Inspect(conn, name, nil)
	if err != nil {
		return err
	}
	if !before.State.Running && !before.State.Paused {
		return nil
	}
	timeout := how.timeout
	if !timeout.given {
		timeout.value = int64(before.Config.StopTimeout)
	}
	deadline := time.Now().Add(time.Duration(seconds(timeout)) * time.Second)
	if err := signalContainer(conn, name, number); err != nil {
		return err
	}
	if err := letRun(conn, name); gone(err) != nil {
		return err
	}
	for {
		container, err := containers.Inspect(conn, name, nil)
		if err != nil {
			return gone(err) // removed by --rm
		}
		switch running := container.State.Running; {
		case running && (container.State.Pid != before.State.Pid || time.Now().After(deadline)):
			err = gone(containers.Stop(conn, name, new(containers.StopOptions).WithTimeout(0)))
		case !running && (!restarts(container) || container.State.Status == "exited"):
			return nil // until then a restart policy may still bring it back
		}
		if err != nil {
			return err
		}
		select {
		case <-conn.Done():
			return conn.Err()
		case <-time.After(30 * time.Millisecond):
		}
	}
}

// restarts tells whether a container has a restart policy.
func restarts(container *define.InspectContainerData) bool {
	policy := container.HostConfig.RestartPolicy
	return policy != nil && policy.Name != "" && policy.Name != "no"
}

// untilStopped waits until a container runs no more; one that was removed
// meanwhile (--rm) does not either.
func untilStopped(conn context.Context, name string) error {
	_, err := containers.Wait(conn, name, new(containers.WaitOptions).
		WithCondition([]define.ContainerStatus{define.ContainerStateStopped, define.ContainerStateExited}).
		WithInterval("50ms"))
	return gone(err)
}

// gone takes a container that is no longer there for success.
func gone(err error) error {
	var missing *noSuch
	if engine.Status(err) == http.StatusNotFound || errors.As(containerError("", err), &missing) {
		return nil
	}
	return err
}

// seconds is a timeout as Podman takes it: docker's -1 is for ever.
func seconds(timeout optionalInt) uint {
	if timeout.value < 0 || timeout.value > math.MaxInt32 {
		return math.MaxInt32
	}
	return uint(timeout.value)
}

func signalContainer(conn context.Context, name string, signal syscall.Signal) error {
	return containers.Kill(conn, name, new(containers.KillOptions).WithSignal(strconv.Itoa(int(signal))))
}
