package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"dockless/bindings/store"
	"dockless/config"

	"github.com/docker/cli/cli/config/types"
	"github.com/urfave/cli/v2"
)

func loginCommand(env *Env) *cli.Command {
	var username, password optional
	var fromStdin bool
	return &cli.Command{
		Name:        "login",
		Usage:       "Authenticate to a registry",
		Description: "Authenticate to a registry.\nDefaults to Docker Hub if no server is specified.",
		ArgsUsage:   "[SERVER]",
		Flags: []cli.Flag{
			value(&password, "password", "p", "Password or Personal Access Token (PAT)"),
			boolean(&fromStdin, "password-stdin", "", "Take the Password or Personal Access Token (PAT) from stdin"),
			value(&username, "username", "u", "Username"),
		},
		Action: arguments(0, 1, func(ctx context.Context, args []string) error {
			switch {
			case fromStdin && password.given:
				return errors.New("conflicting options: cannot specify both --password and --password-stdin")
			case fromStdin && !username.given:
				return errors.New("the --password-stdin option requires --username to be set")
			case username.given && username.value == "":
				return errors.New("username is empty")
			case password.given && password.value == "":
				return errors.New("password is empty")
			}
			if password.given {
				fmt.Fprintln(env.Err, "WARNING! Using --password via the CLI is insecure. Use --password-stdin.")
			}
			if fromStdin {
				text, err := io.ReadAll(io.LimitReader(env.In, 1<<20))
				if err != nil {
					return fmt.Errorf("reading the password: %w", err)
				}
				password.value = strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
			}
			warnOfVariable(env)
			given := types.AuthConfig{
				ServerAddress: config.CredentialsKey(strings.Join(args, "")),
				Username:      strings.TrimSpace(username.value),
				Password:      strings.TrimSpace(password.value),
			}
			return login(ctx, env, given)
		}),
	}
}

// login tries the credentials that are there already, where none are given; else
// it asks for what is missing, has the registry check it, and only then keeps it.
func login(ctx context.Context, env *Env, given types.AuthConfig) error {
	usual := ""
	if given.Username == "" && given.Password == "" {
		stored, err := config.FindCredentials(ctx, env.DockerConfigFile(), given.ServerAddress)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			fmt.Fprintf(env.Err, "WARNING: Looking for credentials for %s: %s\n", given.ServerAddress, oneLine(err.Error()))
		}
		if stored.Username != "" && stored.Password != "" {
			stored.ServerAddress = given.ServerAddress
			if err := loginAgain(ctx, env, stored); err == nil || ctx.Err() != nil {
				return err
			}
		}
		usual = stored.Username
	}
	if given.Username == "" || given.Password == "" {
		if err := askForLogin(ctx, env, &given, usual); err != nil {
			return err
		}
	}
	if err := store.CheckLogin(ctx, hostOf(given), given.Username, given.Password); err != nil {
		return err
	}
	file := env.DockerConfigFile()
	plain, err := config.KeepCredentials(ctx, file, given)
	if err != nil {
		return fmt.Errorf("Error saving credentials: %w", err)
	}
	if plain {
		fmt.Fprintf(env.Err, "\nWARNING! Your credentials are stored unencrypted in '%s'.\nConfigure a credential helper to remove this warning. See\nhttps://docs.docker.com/go/credential-store/\n\n", file.Filename)
	}
	fmt.Fprintln(env.Out, "Login Succeeded")
	return nil
}

// loginAgain tries what is there already.
func loginAgain(ctx context.Context, env *Env, stored types.AuthConfig) error {
	fmt.Fprintf(env.Err, "Authenticating with existing credentials... [Username: %s]\n", stored.Username)
	note(env.Err, " Info -> ", fmt.Sprintf("To login with a different account, run '%[1]s logout' followed by '%[1]s login'", env.Program))
	fmt.Fprint(env.Err, "\n\n")
	err := store.CheckLogin(ctx, hostOf(stored), stored.Username, stored.Password)
	switch {
	case err == nil:
		fmt.Fprintln(env.Out, "Login Succeeded")
	case errors.Is(err, store.ErrUnauthorized):
		fmt.Fprintln(env.Err, "Stored credentials invalid or expired")
	case ctx.Err() == nil:
		fmt.Fprintln(env.Err, "Login did not succeed, error:", oneLine(err.Error()))
	}
	return err
}

// hostOf is the registry that credentials are for.
func hostOf(credentials types.AuthConfig) string {
	if credentials.ServerAddress == config.HubKey {
		return "docker.io"
	}
	return credentials.ServerAddress
}

// warnOfVariable says that what is kept will not be used.
func warnOfVariable(env *Env) {
	if config.CredentialsAreGiven() {
		note(env.Err, " Warn -> ", "DOCKER_AUTH_CONFIG is set and takes precedence.\nUnset DOCKER_AUTH_CONFIG to restore the CLI auth behaviour.\n")
	}
}

// note prints a remark as docker does where it uses no colours.
func note(w io.Writer, head, text string) {
	fmt.Fprintf(w, "\n%s%s\n", head, strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", len(head))))
}
