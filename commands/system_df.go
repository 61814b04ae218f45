package commands

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"dockless/commands/dockerapi"

	"github.com/containers/podman/v4/pkg/bindings/system"
	"github.com/containers/podman/v4/pkg/bindings/volumes"
	"github.com/containers/podman/v4/pkg/domain/entities"
	"github.com/docker/cli/cli/command/formatter"
	"github.com/docker/docker/api/types"
	dockerfilters "github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"
)

func systemDfCommand(env *Env) *cli.Command {
	var (
		format  string
		verbose bool
	)
	return &cli.Command{
		Name:  "df",
		Usage: "Show docker disk usage",
		Flags: []cli.Flag{
			str(&format, "format", "", formatHelp),
			boolean(&verbose, "verbose", "v", "Show detailed information on space usage"),
		},
		Action: arguments(0, 0, func(ctx context.Context, _ []string) error {
			return systemDf(ctx, env, format, verbose)
		}),
	}
}

// systemDf hands docker's own table what Podman's lists say, and another command
// of ours of the build cache.
func systemDf(ctx context.Context, env *Env, format string, verbose bool) error {
	if format == "" {
		format = formatter.TableFormatKey
	}
	table := formatter.DiskUsageContext{
		Context: formatter.Context{Output: env.Out, Format: formatter.NewDiskUsageFormat(format, verbose)},
		Verbose: verbose,
	}
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	var usage *entities.SystemDfReport
	var images []*entities.ImageSummary
	var list []*entities.VolumeListReport
	asked := new(errgroup.Group) // the lists at once: each takes its time
	asked.Go(func() (err error) {
		usage, err = system.DiskUsage(conn, nil)
		return err
	})
	asked.Go(func() (err error) {
		images, err = imageSummaries(conn, false)
		return err
	})
	asked.Go(func() (err error) {
		table.Containers, err = usedContainers(conn, verbose)
		return err
	})
	asked.Go(func() (err error) {
		list, err = volumes.List(conn, nil)
		return err
	})
	asked.Go(func() error { return env.askChild(ctx, &table.BuildCache, "buildx", "du", "--for-system") })
	if err := asked.Wait(); err != nil {
		return err
	}
	table.LayersSize = layersSize(usage)
	for _, record := range table.BuildCache {
		if !record.Shared {
			table.BuilderSize += record.Size
		}
	}
	table.Images = usedImages(images, usage)
	table.Volumes = usedVolumes(list, usage)
	for _, c := range table.Containers {
		for _, report := range usage.Containers {
			if report.ContainerID == c.ID {
				c.SizeRw = report.RWSize
			}
		}
	}
	return table.Write()
}

// layersSize is what all images take on disk. Podman before 4.7 does not say: then
// what several images share is taken to be the same.
func layersSize(usage *entities.SystemDfReport) int64 {
	if usage.ImagesSize != 0 {
		return usage.ImagesSize
	}
	var own, shared int64
	seen := map[string]bool{}
	for _, image := range usage.Images {
		if !seen[image.ImageID] {
			own += image.UniqueSize
			shared = max(shared, image.SharedSize)
		}
		seen[image.ImageID] = true
	}
	return own + shared
}

func usedImages(list []*entities.ImageSummary, usage *entities.SystemDfReport) []*types.ImageSummary {
	of := map[string]*entities.SystemDfImageReport{}
	for _, report := range usage.Images {
		of[report.ImageID] = report
	}
	var result []*types.ImageSummary
	for _, image := range list {
		row := &types.ImageSummary{
			ID:          "sha256:" + image.ID,
			RepoDigests: []string{},
			Created:     image.Created,
			Size:        image.Size,
			SharedSize:  -1,
			Containers:  int64(image.Containers),
		}
		for _, name := range image.RepoTags {
			row.RepoTags = append(row.RepoTags, strings.TrimPrefix(name, localhost))
		}
		if report := of[image.ID]; report != nil {
			row.SharedSize, row.Containers = report.SharedSize, int64(report.Containers)
		}
		result = append(result, row)
	}
	slices.SortStableFunc(result, func(a, b *types.ImageSummary) int { return cmp.Compare(b.Created, a.Created) })
	return result
}

// usedContainers lists the containers without their sizes; of all that a line of
// docker ps has, only if that is shown.
func usedContainers(conn context.Context, whole bool) ([]*types.Container, error) {
	matching, err := newPsFilter(dockerfilters.NewArgs())
	if err != nil {
		return nil, err
	}
	list, err := listContainers(conn, &psOptions{all: true, last: -1}, matching)
	if err == nil && whole {
		err = completeContainers(conn, list, ".Ports .Mounts .Networks")
	}
	if err != nil {
		return nil, err
	}
	now := time.Now()
	var result []*types.Container
	for _, c := range list {
		row := &types.Container{
			ID:              c.ID,
			Names:           []string{},
			Image:           c.imageName(true),
			ImageID:         c.ImageID,
			Command:         strings.Join(c.Command, " "),
			Created:         c.Created.Unix(),
			Ports:           c.dockerPorts(),
			Labels:          c.Labels,
			State:           c.dockerState(),
			Status:          c.status(now),
			Mounts:          c.mounts,
			NetworkSettings: &types.SummaryNetworkSettings{Networks: map[string]*network.EndpointSettings{}},
		}
		for _, name := range c.Names {
			row.Names = append(row.Names, "/"+name)
		}
		for _, name := range c.Networks {
			row.NetworkSettings.Networks[name] = nil
		}
		result = append(result, row)
	}
	return result, nil
}

func usedVolumes(list []*entities.VolumeListReport, usage *entities.SystemDfReport) []*volume.Volume {
	of := map[string]*volume.UsageData{}
	for _, report := range usage.Volumes {
		of[report.VolumeName] = &volume.UsageData{RefCount: int64(report.Links), Size: report.Size}
	}
	var result []*volume.Volume
	for _, v := range list {
		row := dockerapi.NewVolume(&v.VolumeConfigResponse)
		if row.UsageData = of[v.Name]; row.UsageData == nil { // made since
			row.UsageData = &volume.UsageData{Size: -1}
		}
		result = append(result, row)
	}
	return result
}
