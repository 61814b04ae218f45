package commands

import (
	"context"
	"fmt"

	"dockless/bindings/engine"
	"dockless/commands/dockerapi"

	"github.com/containerd/platforms"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/urfave/cli/v2"
)

func imageInspectCommand(env *Env) *cli.Command {
	var format, platform string
	return &cli.Command{
		Name:      "inspect",
		Usage:     "Display detailed information on one or more images",
		ArgsUsage: "IMAGE [IMAGE...]",
		Flags: []cli.Flag{
			str(&format, "format", "f", inspectFormatHelp),
			str(&platform, "platform", "", "Inspect a specific platform of the multi-platform image.\n"+
				"If the image or the server is not multi-platform capable, the command will error out if the platform does not match.\n"+
				"'os[/arch[/variant]]': Explicit platform (eg. linux/amd64)"),
		},
		Action: arguments(1, -1, func(ctx context.Context, args []string) error {
			wanted, err := wantedPlatform(platform)
			if err != nil {
				return err
			}
			return inspect(env, args, format, func(name string) (any, error) {
				conn, err := env.Engine(ctx)
				if err != nil {
					return nil, err
				}
				return inspectImage(conn, name, wanted)
			})
		}),
	}
}

// wantedPlatform reads a --platform that may be any: nil for "".
func wantedPlatform(text string) (*imagespec.Platform, error) {
	if text == "" {
		return nil, nil
	}
	wanted, err := platforms.Parse(text)
	return &wanted, err
}

// inspectImage returns Docker's description of an image, if it is of that
// platform; nil is any.
func inspectImage(conn context.Context, name string, platform *imagespec.Platform) (*dockerapi.Image, error) {
	_, report, err := inspectStored(conn, name)
	if err != nil {
		return nil, err
	}
	if platform != nil {
		own := imagespec.Platform{OS: report.Os, Architecture: report.Architecture}
		if !platforms.Only(*platform).Match(own) {
			return nil, fmt.Errorf("image with reference %s was found but its platform (%s) does not match the specified platform (%s)",
				name, platforms.Format(own), platforms.Format(*platform))
		}
	}
	config, err := engine.ImageConfig(report.ImageData)
	if err != nil {
		config = nil // what Podman tells is the most
	}
	return dockerapi.NewImage(report.ImageData, config, engine.ImageManifestDigest(report.ImageData)), nil
}
