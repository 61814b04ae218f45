package commands

import (
	"slices"

	"dockless/bindings/dockerfile"
	"dockless/commands/dockerapi"

	"github.com/docker/docker/api/types/container"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// committedConfig is what docker makes a container's configuration in an image:
// that of the container, without what only a build or the host needs.
func committedConfig(own *container.Config, base *dockerapi.ImageConfig) dockerfile.ImageConfig {
	config := dockerfile.ImageConfig{ImageConfig: imagespec.ImageConfig{
		User:         own.User,
		ExposedPorts: map[string]struct{}{},
		Env:          committedEnv(own.Env, base.Env),
		Entrypoint:   own.Entrypoint,
		Cmd:          own.Cmd,
		Volumes:      map[string]struct{}{},
		WorkingDir:   own.WorkingDir,
		Labels:       own.Labels,
		StopSignal:   own.StopSignal,
	}}
	for port := range own.ExposedPorts {
		config.ExposedPorts[string(port)] = struct{}{}
	}
	for port := range base.ExposedPorts {
		config.ExposedPorts[port] = struct{}{}
	}
	for volume := range own.Volumes {
		config.Volumes[volume] = struct{}{}
	}
	for volume := range base.Volumes { // also one that has something else mounted over it
		config.Volumes[volume] = struct{}{}
	}
	if number, err := parseSignal(base.StopSignal); config.StopSignal == "" && err == nil && number == 15 {
		config.StopSignal = base.StopSignal
	}
	if check := own.Healthcheck; check != nil {
		config.Healthcheck = &dockerfile.Healthcheck{
			Test:        check.Test,
			Interval:    check.Interval,
			Timeout:     check.Timeout,
			StartPeriod: check.StartPeriod,
			Retries:     check.Retries,
		}
	}
	return config
}

// podmanPath is what Podman gives a container that has no PATH.
const podmanPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// committedEnv is a container's environment as docker orders it: what was given
// to run, of which Podman has lost the order, and then the rest of the image's.
func committedEnv(own, base []string) []string {
	var env []string
	for _, pair := range own {
		if !slices.Contains(base, pair) && pair != podmanPath {
			env = append(env, pair)
		}
	}
	slices.Sort(env)
	for _, pair := range base {
		if slices.Contains(own, pair) {
			env = append(env, pair)
		}
	}
	return env
}
