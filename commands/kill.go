package commands

import (
	"context"
	"fmt"
	"syscall"

	"github.com/containers/podman/v4/pkg/signal"
	"github.com/urfave/cli/v2"
)

func killCommand(env *Env) *cli.Command {
	var name string
	return &cli.Command{
		Name:      "kill",
		Usage:     "Kill one or more running containers",
		ArgsUsage: "CONTAINER [CONTAINER...]",
		Flags: []cli.Flag{
			str(&name, "signal", "s", "Signal to send to the container"),
		},
		Action: arguments(1, -1, func(ctx context.Context, args []string) error {
			return eachContainer(ctx, env, args, func(conn context.Context, container string) error {
				if err := kill(conn, container, name); err != nil {
					return fmt.Errorf("cannot kill container: %s: %w", container, containerError(container, err))
				}
				return nil
			})
		}),
	}
}

// kill sends a signal, SIGKILL if it is "". After SIGKILL it waits for the end,
// as docker does: `kill c && rm c` has to work.
func kill(conn context.Context, name, typed string) error {
	number := syscall.SIGKILL
	if typed != "" {
		var err error
		if number, err = parseSignal(typed); err != nil {
			return err
		}
	}
	if err := signalContainer(conn, name, number); err != nil {
		return err
	}
	if number == syscall.SIGKILL {
		return untilStopped(conn, name)
	}
	return nil
}

// parseSignal reads a signal as docker does: a number, or a name in either case,
// with or without SIG.
func parseSignal(typed string) (syscall.Signal, error) {
	number, err := signal.ParseSignal(typed)
	if err != nil {
		return 0, err
	}
	for _, known := range signal.SignalMap {
		if known == number {
			return number, nil
		}
	}
	return 0, fmt.Errorf("the linux daemon does not support signal %d", number)
}
