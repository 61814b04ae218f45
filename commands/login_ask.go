package commands

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"dockless/config"

	"github.com/docker/cli/cli/config/types"
	"github.com/moby/term"
)

// askForLogin asks on the terminal for the name and the password, whichever is
// missing. usual is the name that the return key alone stands for, "" for none.
func askForLogin(ctx context.Context, env *Env, given *types.AuthConfig, usual string) error {
	fd, is := terminal(env.In)
	if !is {
		return errors.New("Error: Cannot perform an interactive login from a non TTY device")
	}
	hub := given.ServerAddress == config.HubKey
	lines := bufio.NewReader(env.In)
	if given.Username == "" {
		if hub {
			fmt.Fprintln(env.Out, "Log in with your Docker ID or email address to push and pull images from Docker Hub. If you don't have a Docker ID, head over to https://hub.docker.com/ to create one.")
			fmt.Fprintln(env.Out, "You can log in with your password or a Personal Access Token (PAT). Using a limited-scope PAT grants better security and is required for organizations using SSO. Learn more at https://docs.docker.com/go/access-tokens/")
			fmt.Fprintln(env.Out)
		}
		prompt := "Username: "
		if usual != "" {
			prompt = fmt.Sprintf("Username (%s): ", usual)
		}
		name, err := ask(ctx, env, lines, prompt)
		if err != nil {
			return err
		}
		if given.Username = name; name == "" {
			given.Username = usual
		}
		if given.Username == "" {
			return errors.New("Error: Non-null Username Required")
		}
	}
	if given.Password != "" {
		return nil
	}
	if hub {
		note(env.Err, " Info -> ", "A Personal Access Token (PAT) can be used instead.\nTo create a PAT, visit https://app.docker.com/settings\n\n")
	}
	before, err := term.SaveState(uintptr(fd))
	if err != nil {
		return fmt.Errorf("hiding the password: %w", err)
	}
	defer term.RestoreTerminal(uintptr(fd), before) //nolint:errcheck // the terminal has gone
	if err := term.DisableEcho(uintptr(fd), before); err != nil {
		return fmt.Errorf("hiding the password: %w", err)
	}
	given.Password, err = ask(ctx, env, lines, "Password: ")
	if err != nil {
		return err
	}
	fmt.Fprintln(env.Out)
	if given.Password == "" {
		return errors.New("Error: Password Required")
	}
	return nil
}

// ask prints a question and reads the line that answers it, until the person
// interrupts.
func ask(ctx context.Context, env *Env, lines *bufio.Reader, question string) (string, error) {
	fmt.Fprint(env.Out, question)
	type answer struct {
		line string
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		line, err := lines.ReadString('\n')
		answered <- answer{strings.TrimSpace(line), err}
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(env.Out)
		return "", ctx.Err()
	case a := <-answered:
		if a.err != nil && !errors.Is(a.err, io.EOF) {
			return "", fmt.Errorf("reading the answer: %w", a.err)
		}
		return a.line, nil
	}
}
