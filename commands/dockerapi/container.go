// Package dockerapi puts what Podman tells of its objects into the shapes that
// docker inspect prints: Docker's API, version 1.51 (Docker 28.5), with its
// keys, their order and their types.
//
// Source: https://docs.docker.com/reference/api/engine/version/v1.51/
package dockerapi

import (
	"slices"
	"strings"
	"time"

	"github.com/containers/podman/v4/libpod/define"
	"github.com/distribution/reference"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
)

// Container is what docker inspect prints of a container.
type Container struct {
	types.ContainerJSONBase
	Mounts          []types.MountPoint
	Config          *container.Config
	NetworkSettings *NetworkSettings
}

// NewContainer makes Docker's description of a container from Podman's.
// Sizes are in bytes, and there only if Podman was asked for them. Of what
// Podman keeps only the resolved form of, the form that a person most likely
// typed is given: Podman's own defaults are left out.
func NewContainer(p *define.InspectContainerData) *Container {
	command := commandOf(p)
	c := &Container{
		ContainerJSONBase: types.ContainerJSONBase{
			ID:              p.ID,
			Created:         timestamp(p.Created),
			Args:            []string{},
			State:           state(p.State),
			Image:           imageID(p.Image),
			ResolvConfPath:  p.ResolvConfPath,
			HostnamePath:    p.HostnamePath,
			HostsPath:       p.HostsPath,
			LogPath:         p.HostConfig.LogConfig.Path,
			Name:            "/" + p.Name,
			RestartCount:    int(p.RestartCount),
			Driver:          p.Driver,
			Platform:        "linux",
			MountLabel:      p.MountLabel,
			ProcessLabel:    p.ProcessLabel,
			AppArmorProfile: p.AppArmorProfile,
			ExecIDs:         orNil(p.ExecIDs),
			HostConfig:      hostConfig(p),
		},
		Mounts:          mounts(p.Mounts),
		Config:          config(p, command),
		NetworkSettings: networkSettings(p),
	}
	if all := append(command.entrypoint, command.cmd...); len(all) > 0 {
		c.Path, c.Args = all[0], append(c.Args, all[1:]...)
	}
	if p.GraphDriver != nil {
		c.GraphDriver = types.GraphDriverData{Name: p.GraphDriver.Name, Data: p.GraphDriver.Data}
	}
	if p.SizeRw != nil {
		c.SizeRw, c.SizeRootFs = p.SizeRw, &p.SizeRootFs
	}
	return c
}

func state(p *define.InspectContainerState) *types.ContainerState {
	s := &types.ContainerState{
		Status:     Status(p.Status),
		Paused:     p.Paused,
		OOMKilled:  p.OOMKilled,
		Dead:       p.Dead,
		Pid:        p.Pid,
		ExitCode:   int(p.ExitCode),
		Error:      p.Error,
		StartedAt:  timestamp(p.StartedAt),
		FinishedAt: timestamp(p.FinishedAt),
	}
	s.Running = s.Status == "running" || s.Status == "paused"
	s.Restarting = p.Restarting || s.Status == "restarting"
	if p.Health.Status != "" {
		s.Health = &types.Health{
			Status:        p.Health.Status,
			FailingStreak: p.Health.FailingStreak,
			Log:           []*types.HealthcheckResult{},
		}
		for _, run := range p.Health.Log {
			s.Health.Log = append(s.Health.Log, &types.HealthcheckResult{
				Start:    moment(run.Start),
				End:      moment(run.End),
				ExitCode: run.ExitCode,
				Output:   run.Output,
			})
		}
	}
	return s
}

// Status is Docker's word for a state of Podman's, which has more of them.
func Status(podman string) string {
	switch podman {
	case "configured", "initialized":
		return "created"
	case "stopping":
		return "running"
	case "stopped":
		return "exited"
	case "unknown":
		return "dead"
	}
	return podman
}

// command is a container's process as Docker keeps it, in two parts.
type command struct{ entrypoint, cmd []string }

// commandOf finds out where the entrypoint ends: Podman 4 joins it with blanks,
// and all versions tell the whole command line as path and arguments, an init
// before it and a single word doubled.
func commandOf(p *define.InspectContainerData) command {
	words := append([]string{p.Path}, p.Args...)
	if p.HostConfig.Init && len(words) > 2 && words[1] == "--" {
		words = words[2:]
	}
	known := len(p.Config.Cmd)
	if p.Config.Entrypoint == "" {
		return command{cmd: p.Config.Cmd}
	}
	for n := 1; n <= len(words); n++ {
		if strings.Join(words[:n], " ") == p.Config.Entrypoint && (len(words)-n == known || n == len(words)) {
			return command{entrypoint: words[:n], cmd: p.Config.Cmd}
		}
	}
	return command{entrypoint: []string{p.Config.Entrypoint}, cmd: p.Config.Cmd}
}

func mounts(list []define.InspectMount) []types.MountPoint {
	result := make([]types.MountPoint, 0, len(list))
	for _, m := range list {
		point := types.MountPoint{
			Type:        mount.Type(m.Type),
			Name:        m.Name,
			Source:      m.Source,
			Destination: m.Destination,
			Driver:      m.Driver,
			RW:          m.RW,
		}
		switch {
		case m.Type != "volume":
			point.Propagation = mount.Propagation(m.Propagation)
			if !m.RW {
				point.Mode = "ro"
			}
		case !Anonymous(m.Name):
			point.Mode = "z"
		}
		result = append(result, point)
	}
	slices.SortFunc(result, func(a, b types.MountPoint) int { return strings.Compare(a.Destination, b.Destination) })
	return result
}

// Anonymous tells from a volume's name whether it was generated.
func Anonymous(name string) bool {
	return len(name) == 64 && strings.Trim(name, "0123456789abcdef") == ""
}

// timestamp is a time in the API's form, in UTC with nanoseconds.
func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// moment reads a time that Podman gives as text; one that does not parse is zero.
func moment(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return t
}

// imageID is an image's id with the algorithm that Docker puts before it.
func imageID(hex string) string {
	if hex == "" || strings.Contains(hex, ":") {
		return hex
	}
	return "sha256:" + hex
}

// familiar is a full name as a person types it for Docker. Docker keeps the
// words that were typed, Podman does not: latest is taken as not typed.
func familiar(name string) string {
	return strings.TrimSuffix(familiarName(name), ":latest")
}

// familiarName is a full name as Docker shows it: without Docker Hub's domain,
// and without the one that plain Podman puts before names of its own.
func familiarName(name string) string {
	if named, err := reference.ParseNormalizedNamed(name); err == nil {
		name = reference.FamiliarString(named)
	}
	return strings.TrimPrefix(name, "localhost/")
}

// orNil is a list that Docker prints as null when it is empty.
func orNil[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

// orEmpty is a list that Docker prints as [] when it is empty.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
