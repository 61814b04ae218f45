package commands

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// child is another command of this program, as a process of its own: a command
// on the engine's road asks one on the store's, which enters the user namespace
// of the person's images.
func (e *Env) child(ctx context.Context, command ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var args []string
	if e.DockerConfig != "" {
		args = append(args, "--config", e.DockerConfig) // it holds the credentials
	}
	if e.Where.AllowRoot {
		args = append(args, "--allow-root")
	}
	child := exec.CommandContext(ctx, self, append(args, command...)...)
	child.Args[0] = e.Program // its errors begin like ours
	child.Cancel = func() error { return child.Process.Signal(os.Interrupt) }
	child.Stderr = e.Err
	return child, nil
}

// runChild runs one to its end. The error of one that fails is what it has
// printed, with the given exit code.
func runChild(ctx context.Context, child *exec.Cmd, code int) error {
	err := child.Run()
	var failed *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &failed):
		return &exit{code: code}
	case err != nil:
		return fmt.Errorf("running %s: %w", child.Path, err)
	}
	return nil
}

// askChild reads the JSON that such a command prints. Its error is the one that
// it has printed.
func (e *Env) askChild(ctx context.Context, answer any, command ...string) error {
	child, err := e.child(ctx, command...)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	child.Stdout = &out
	if err := runChild(ctx, child, exitError); err != nil {
		return err
	}
	if err := json.Unmarshal(out.Bytes(), answer); err != nil {
		return fmt.Errorf("asking %s %s: %w", e.Program, command[0], err)
	}
	return nil
}
