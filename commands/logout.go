package commands

import (
	"context"
	"fmt"
	"strings"

	"dockless/bindings/store"
	"dockless/config"

	"github.com/containers/image/v5/types"
	"github.com/distribution/reference"
	"github.com/urfave/cli/v2"
)

func logoutCommand(env *Env) *cli.Command {
	return &cli.Command{
		Name:        "logout",
		Usage:       "Log out from a registry",
		Description: "Log out from a registry.\nIf no server is specified, the default is defined by the daemon.",
		ArgsUsage:   "[SERVER]",
		Action: arguments(0, 1, func(ctx context.Context, args []string) error {
			return logout(ctx, env, strings.Join(args, ""))
		}),
	}
}

// logout removes what is filed for a registry under any of the keys that docker
// has used for it. That this does not work is a warning, as with docker.
func logout(ctx context.Context, env *Env, server string) error {
	warnOfVariable(env)
	key := config.CredentialsKey(server)
	host := key
	fmt.Fprintln(env.Out, "Removing login credentials for", key)
	keys := []string{key, "http://" + key, "https://" + key}
	switch {
	case key == config.HubKey:
		host = "docker.io"
		keys = []string{key, host, "index.docker.io"}
	case server != key && server != keys[1] && server != keys[2]:
		keys = append(keys, server)
	}
	if err := config.ForgetCredentials(ctx, env.DockerConfigFile(), keys...); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		fmt.Fprintf(env.Err, "WARNING: could not erase credentials:\n%s\n", err)
	}
	name, err := reference.ParseNormalizedNamed(host + "/any")
	if err != nil {
		return nil //nolint:nilerr // there can be no login for such a name
	}
	if left, err := store.PodmanCredentials(name); err == nil && left != (types.DockerAuthConfig{}) {
		fmt.Fprintf(env.Err, "WARNING: podman is logged in to %[1]s, and that counts here, too: podman logout %[1]s\n", host)
	}
	return nil
}
