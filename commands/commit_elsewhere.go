package commands

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"dockless/bindings/store"
)

// commitElsewhere runs `dockless commit --prepared`, which works on the image
// store in a process of its own, and returns the ID of the image. read is called
// as soon as the container's files have been read.
func commitElsewhere(ctx context.Context, env *Env, work store.Commit, read func()) (id string, err error) {
	description, err := json.Marshal(work)
	if err != nil {
		return "", err
	}
	self, err := env.child(ctx, "commit", "--prepared", work.Container)
	if err != nil {
		return "", err
	}
	said := &heard{Writer: env.Err}
	self.Stderr = said
	in, err := self.StdinPipe() // open until the end: without us the other gives up
	if err != nil {
		return "", err
	}
	out, err := self.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := self.Start(); err != nil {
		return "", fmt.Errorf("starting the commit: %w", err)
	}
	_, failed := in.Write(description)
	lines := bufio.NewScanner(out)
	if lines.Scan() {
		read()
	}
	if lines.Scan() {
		id = strings.TrimSpace(lines.Text())
	}
	in.Close()
	err = self.Wait()
	var code *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case errors.As(err, &code) && said.something:
		return "", &exit{code: exitError} // and why
	case err != nil:
		return "", fmt.Errorf("committing %s: the process that makes the image was killed (%w)", work.Container, err)
	}
	return id, failed
}

// heard takes note of whether anything was written.
type heard struct {
	io.Writer
	something bool
}

// Write passes it on.
func (h *heard) Write(text []byte) (int, error) {
	h.something = true
	return h.Writer.Write(text)
}

// commitPrepared is the part of a commit that works on the image store. It
// tells, each in a line, when the container's files have been read, and the ID
// of the image.
func commitPrepared(ctx context.Context, env *Env) error {
	images, err := env.Store()
	if err != nil {
		return err
	}
	defer images.Close()
	var work store.Commit
	if err := json.NewDecoder(env.In).Decode(&work); err != nil {
		return fmt.Errorf("reading what to commit: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		_, err := io.Copy(io.Discard, env.In)
		cancel(errors.Join(errors.New("nobody waits for the image any more"), err))
	}()
	id, err := images.Commit(ctx, work, func() { fmt.Fprintln(env.Out, "read") })
	if err != nil {
		return err
	}
	fmt.Fprintln(env.Out, id)
	return nil
}
