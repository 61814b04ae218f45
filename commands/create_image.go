package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/containerd/platforms"
	"github.com/containers/podman/v4/pkg/domain/entities"
	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
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
	o.pull, o.noContentTrust = pullMissing, true
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
	if _, err := platforms.Parse(o.platform); o.platform != "" && err != nil {
		return usage("error parsing specified platform: %w", err)
	}
	if _, err := reference.ParseAnyReference(d.RawImageName); err != nil {
		return usage("%w", err)
	}
	return nil
}

// findImage puts the image in the request, after pulling it where --pull says
// so, and returns what is known of it.
func (d *draft) findImage(ctx context.Context, env *Env, conn context.Context) (*entities.ImageInspectReport, error) {
	name := d.RawImageName
	if d.pull == pullAlways {
		if err := pullImage(ctx, env, d.imageOptions, name); err != nil {
			return nil, err
		}
	}
	image, err := d.imageHere(conn)
	if (errors.As(err, new(*noSuch)) || errors.As(err, new(*otherPlatform))) && d.pull != pullNever && d.pull != pullAlways {
		if !d.quiet {
			fmt.Fprintf(env.Err, "Unable to find image '%s' locally\n", familiarName(name))
		}
		if err := pullImage(ctx, env, d.imageOptions, name); err != nil {
			return nil, err
		}
		image, err = d.imageHere(conn)
	}
	if err != nil {
		return nil, err
	}
	host := platforms.DefaultSpec()
	own := platforms.Normalize(ocispec.Platform{OS: image.Os, Architecture: image.Architecture})
	if d.platform == "" && own.Architecture != host.Architecture {
		d.warn("The requested image's platform (%s) does not match the detected host platform (%s) and no specific platform was requested",
			platforms.Format(own), platforms.Format(host))
	}
	return image, nil
}

// otherPlatform is the error about an image that is not for --platform.
type otherPlatform struct {
	name        string
	own, wanted ocispec.Platform
}

func (e *otherPlatform) Error() string {
	return fmt.Sprintf("image with reference %s was found but its platform (%s) does not match the specified platform (%s)",
		e.name, platforms.Format(e.own), platforms.Format(e.wanted))
}

// imageHere looks for the image in the store. One of another platform than
// --platform is as good as absent.
func (d *draft) imageHere(conn context.Context) (*entities.ImageInspectReport, error) {
	stored, image, err := inspectStored(conn, d.RawImageName)
	if err != nil {
		return nil, err
	}
	if d.platform != "" {
		wanted, err := platforms.Parse(d.platform)
		if err != nil {
			return nil, usage("error parsing specified platform: %w", err)
		}
		own := platforms.Normalize(ocispec.Platform{OS: image.Os, Architecture: image.Architecture, Variant: wanted.Variant})
		if !platforms.OnlyStrict(wanted).Match(own) {
			return nil, &otherPlatform{name: familiarName(d.RawImageName), own: own, wanted: wanted}
		}
	}
	d.Image = stored
	return image, nil
}

// pullImage runs `dockless pull`, which works on the image store in a process
// of its own: progress is shown on stderr, and the error is the one it prints.
func pullImage(ctx context.Context, env *Env, o imageOptions, name string) error {
	args := []string{"pull", "--for-run"}
	if o.quiet {
		args = append(args, "--quiet")
	}
	if o.platform != "" {
		args = append(args, "--platform", o.platform)
	}
	pull, err := env.child(ctx, append(args, "--", familiarName(name))...) // with its tag: docker run does not say which it is
	if err != nil {
		return fmt.Errorf("pulling %s: %w", name, err)
	}
	if !o.quiet {
		pull.Stdout = env.Err
	}
	return runChild(ctx, pull, exitUsage)
}
