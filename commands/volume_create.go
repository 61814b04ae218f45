package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/containers/podman/v4/pkg/bindings/volumes"
	"github.com/containers/podman/v4/pkg/domain/entities"
	"github.com/docker/cli/opts"
	"github.com/docker/go-units"
	"github.com/urfave/cli/v2"
)

func volumeCreateCommand(env *Env) *cli.Command {
	var (
		driver  = "local"
		name    string
		options = opts.NewMapOpts(nil, nil)
		labels  = opts.NewListOpts(opts.ValidateLabel)
		cluster = make([]optional, len(clusterVolumeFlags))
	)
	flags := []cli.Flag{
		str(&driver, "driver", "d", "Specify volume driver name"),
		value(&labels, "label", "", "Set metadata for a volume"),
		hidden(str(&name, "name", "", "Specify volume name")),
		value(options, "opt", "o", "Set driver specific options"),
	}
	for i, flag := range clusterVolumeFlags {
		flags = append(flags, hidden(value(&cluster[i], flag, "", "Set for a cluster volume")))
	}
	return &cli.Command{
		Name:      "create",
		Usage:     "Create a volume",
		ArgsUsage: "[VOLUME]",
		Flags:     flags,
		Action: arguments(0, 1, func(ctx context.Context, args []string) error {
			if i := slices.IndexFunc(cluster, func(o optional) bool { return o.given }); i >= 0 {
				return fmt.Errorf("--%s: this node is not a swarm manager: Podman has no cluster volumes", clusterVolumeFlags[i])
			}
			if len(args) == 1 && name != "" {
				return errors.New("conflicting options: cannot specify a volume-name through both --name and as a positional arg")
			}
			return createVolume(ctx, env, entities.VolumeCreateOptions{
				Name:    strings.Join(append(args, name), ""),
				Driver:  driver,
				Label:   opts.ConvertKVStringsToMap(labels.GetAll()),
				Options: options.GetAll(),
			})
		}),
	}
}

// clusterVolumeFlags are of volumes in a swarm, which there is none of.
var clusterVolumeFlags = []string{
	"availability", "group", "limit-bytes", "required-bytes", "scope", "secret", "sharing",
	"topology-preferred", "topology-required", "type",
}

// createVolume makes a volume and prints its name; one that is there already is
// as good as a new one, as in docker.
func createVolume(ctx context.Context, env *Env, o entities.VolumeCreateOptions) error {
	if o.Name != "" {
		if err := checkVolumeName(o.Name); err != nil {
			return err
		}
	}
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	if o.Name != "" {
		there, err := volumes.Exists(conn, o.Name, nil)
		if err != nil {
			return err
		}
		if there {
			fmt.Fprintln(env.Out, o.Name)
			return nil
		}
	}
	if err := checkVolumeOptions(o); err != nil {
		return fmt.Errorf("create %s: %w", o.Name, err)
	}
	created, err := volumes.Create(conn, o, nil)
	if err != nil {
		return volumeCreateError(o, err)
	}
	fmt.Fprintln(env.Out, created.Name)
	return nil
}

// checkVolumeOptions refuses what docker refuses, and what Podman accepts though
// no container could mount it without root.
// Source: https://docs.docker.com/reference/cli/docker/volume/create/#driver-specific-options
func checkVolumeOptions(o entities.VolumeCreateOptions) error {
	if o.Driver != "local" {
		return nil
	}
	for key := range o.Options {
		switch key {
		case "type", "device", "o":
		case "size":
			return errors.New("quota size requested but no quota support: only -o type=tmpfs volumes can have a size")
		default:
			return fmt.Errorf("invalid option: %q", key)
		}
	}
	if len(o.Options) > 0 && o.Options["device"] == "" {
		return errors.New(`missing required option: "device"`)
	}
	switch kind := o.Options["type"]; kind {
	case "tmpfs":
		sized, err := tmpfsBlocks(o.Options["o"])
		if sized != "" {
			o.Options["o"] = sized
		}
		return err
	case "", "none", "bind", "overlay":
		return nil
	default:
		return fmt.Errorf("type %s: the kernel lets only root mount it: mount it on the host, and use -o type=none -o o=bind -o device=/its/directory", kind)
	}
}

// tmpfsBlocks gives a tmpfs's size in blocks of 4096 bytes: Podman takes the
// word size for a disk quota.
func tmpfsBlocks(options string) (string, error) {
	list := strings.Split(options, ",")
	for i, option := range list {
		size, ok := strings.CutPrefix(option, "size=")
		if !ok || strings.HasSuffix(size, "%") {
			continue
		}
		bytes, err := units.RAMInBytes(size)
		if err != nil {
			return "", fmt.Errorf("size of the tmpfs: %w", err)
		}
		list[i] = "nr_blocks=" + strconv.FormatInt((bytes+4095)/4096, 10)
	}
	return strings.Join(list, ","), nil
}
