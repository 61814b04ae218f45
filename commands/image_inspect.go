package commands

import (
	"context"
	"fmt"
	"strings"

	"dockless/commands/dockerapi"

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
			if strings.Count(platform, "/") > 2 {
				return fmt.Errorf("%q: cannot parse platform specifier: invalid argument", platform)
			}
			return inspect(env, args, format, func(name string) (any, error) {
				conn, err := env.Engine(ctx)
				if err != nil {
					return nil, err
				}
				return inspectImage(conn, name, platform)
			})
		}),
	}
}

// inspectImage returns Docker's description of an image, "" being any platform.
func inspectImage(conn context.Context, name, platform string) (*dockerapi.Image, error) {
	_, report, err := inspectStored(conn, name)
	if err != nil {
		return nil, err
	}
	image := dockerapi.NewImage(report.ImageData)
	if own := image.Os + "/" + image.Architecture; platform != "" && platform != image.Os && platform != own {
		return nil, fmt.Errorf("image with reference %s was found but its platform (%s) does not match the specified platform (%s)", name, own, platform)
	}
	return image, nil
}
