package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/distribution/reference"
	"github.com/urfave/cli/v2"
)

// The values of --pull.
const (
	pullAlways  = "always"
	pullMissing = "missing"
	pullNever   = "never"
)

type imageOptions struct {
	pull, platform        string
	quiet, noContentTrust bool
}

func (o *imageOptions) flags() []cli.Flag {
	return []cli.Flag{
		str(&o.pull, "pull", "", `Pull image before running ("always", "missing", "never")`),
		str(&o.platform, "platform", "", "Set platform if server is multi-platform capable"),
		boolean(&o.quiet, "quiet", "q", "Suppress the pull output"),
		boolean(&o.noContentTrust, "disable-content-trust", "", "Skip image verification"),
	}
}

func (o *imageOptions) fill(d *draft) error {
	switch o.pull {
	case pullAlways, pullMissing, pullNever, "":
	default:
		return usage(`invalid pull option: '%s': must be one of "always", "missing" or "never"`, o.pull)
	}
	if !o.noContentTrust {
		return usage("--disable-content-trust=false: signatures of Docker Content Trust cannot be checked; pull by digest instead (NAME@sha256:…)")
	}
	if _, err := reference.ParseAnyReference(d.RawImageName); err != nil {
		return usage("%w", err)
	}
	return nil
}

// findImage puts the image in the request, after pulling it where --pull says so.
func (d *draft) findImage(ctx context.Context, env *Env, conn context.Context) error {
	name := d.RawImageName
	if d.pull == pullAlways {
		if err := pullImage(ctx, env, d.imageOptions, name); err != nil {
			return err
		}
	}
	stored, err := storedImage(conn, name)
	var absent *noSuch
	if errors.As(err, &absent) && d.pull != pullNever && d.pull != pullAlways {
		if !d.quiet {
			fmt.Fprintf(env.Err, "Unable to find image '%s' locally\n", familiarName(name))
		}
		if err := pullImage(ctx, env, d.imageOptions, name); err != nil {
			return err
		}
		stored, err = storedImage(conn, name)
	}
	if err != nil {
		return err
	}
	d.Image = stored
	return nil
}

// pullImage runs `dockless pull`, which works on the image store in a process
// of its own: progress is shown on stderr, and the error is the one it prints.
func pullImage(ctx context.Context, env *Env, o imageOptions, name string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("pulling %s: %w", name, err)
	}
	args := []string{"pull"}
	if o.quiet {
		args = append(args, "--quiet")
	}
	if o.platform != "" {
		args = append(args, "--platform", o.platform)
	}
	pull := exec.CommandContext(ctx, self, append(args, "--", name)...)
	pull.Cancel = func() error { return pull.Process.Signal(os.Interrupt) }
	pull.Stdout, pull.Stderr = env.Err, env.Err
	if o.quiet {
		pull.Stdout = nil
	}
	err = pull.Run()
	var failed *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &failed):
		return &exit{code: exitUsage}
	case err != nil:
		return fmt.Errorf("pulling %s: %w", name, err)
	}
	return nil
}
