package commands

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"dockless/bindings/engine"

	"github.com/urfave/cli/v2"
)

func networkRemoveCommand(env *Env) *cli.Command {
	var force bool
	return &cli.Command{
		Name:      "rm",
		Aliases:   []string{"remove"},
		Usage:     "Remove one or more networks",
		ArgsUsage: "NETWORK [NETWORK...]",
		Flags:     []cli.Flag{boolean(&force, "force", "f", "Do not error if the network does not exist")},
		Action: arguments(1, -1, func(ctx context.Context, args []string) error {
			conn, err := env.Engine(ctx)
			if err != nil {
				return err
			}
			var failed bool
			for _, name := range args {
				err := removeNetwork(conn, name)
				var missing *noSuch
				switch {
				case err == nil:
					fmt.Fprintln(env.Out, name)
				case force && errors.As(err, &missing):
				default:
					complain(env.Err, env.Program, err)
					failed = true
				}
			}
			if failed {
				return &exit{code: exitError}
			}
			return nil
		}),
	}
}

// removeNetwork removes one network. Podman's own force is not for it: that
// removes the containers in the network, too.
func removeNetwork(conn context.Context, name string) error {
	switch name {
	case "":
		return errors.New("invalid network name or ID: value is empty")
	case dockerBridge, podmanBridge, "host", "none":
		return fmt.Errorf("%s is a pre-defined network and cannot be removed", name)
	}
	var reports []struct { // the bindings cannot read an Err
		Err any
	}
	err := engine.Call(conn, http.MethodDelete, engine.Libpod+"/networks/"+url.PathEscape(name), nil, nil, &reports)
	for _, report := range reports {
		if report.Err != nil {
			err = fmt.Errorf("removing network %s: %v", name, report.Err)
		}
	}
	return networkInUse(conn, name, err)
}
