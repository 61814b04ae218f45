package dockerfile

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/containers/podman/v4/pkg/signal"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	"github.com/moby/buildkit/util/system"
)

// configuration is an image's, while instructions change it.
type configuration struct {
	image      Image
	env        *environment // of the image
	commandSet bool         // since the base image, which ENTRYPOINT resets CMD of
}

func configure(image Image) *configuration {
	c := &configuration{image: image.clone()}
	c.env = newEnvironment(image.Config.Env)
	return c
}

// result is the image with all changes.
func (c *configuration) result() Image {
	c.image.Config.Env = slices.Clone(c.env.list())
	return c.image
}

// apply does what an instruction means that makes no layer, whose variables have
// values, and returns it as the image's history has it.
func (c *configuration) apply(command instructions.Command, values shell.EnvGetter, words *lexer) (history string, err error) {
	config := &c.image.Config
	switch i := command.(type) {
	case *instructions.EnvCommand:
		history = "ENV"
		for _, pair := range i.Env {
			c.env.set(pair.Key, pair.Value)
			history += " " + pair.String()
		}
	case *instructions.LabelCommand:
		history = "LABEL"
		for _, pair := range i.Labels {
			put(&config.Labels, pair.Key, pair.Value)
			history += " " + pair.String()
		}
	case *instructions.MaintainerCommand:
		c.image.Author = i.Maintainer
		history = "MAINTAINER " + i.Maintainer
	case *instructions.CmdCommand:
		config.Cmd = c.commandLine(i.ShellDependantCmdLine)
		c.commandSet = true
		history = fmt.Sprintf("CMD %q", config.Cmd)
	case *instructions.EntrypointCommand:
		config.Entrypoint = c.commandLine(i.ShellDependantCmdLine)
		if !c.commandSet {
			config.Cmd = nil
		}
		history = fmt.Sprintf("ENTRYPOINT %q", config.Entrypoint)
	case *instructions.HealthCheckCommand:
		health := Healthcheck(*i.Health)
		config.Healthcheck = &health
		history = fmt.Sprintf("HEALTHCHECK &{%q %q %q %q %q %q}", health.Test, health.Interval, health.Timeout, health.StartPeriod, health.StartInterval, rune(health.Retries))
	case *instructions.ExposeCommand:
		history, err = c.expose(i, values, words)
	case *instructions.UserCommand:
		config.User = i.User
		history = "USER " + i.User
	case *instructions.VolumeCommand:
		if slices.Contains(i.Volumes, "") {
			return "", errors.New("VOLUME specified can not be an empty string")
		}
		for _, path := range i.Volumes {
			put(&config.Volumes, path, struct{}{})
		}
		history = fmt.Sprintf("VOLUME %v", i.Volumes)
	case *instructions.StopSignalCommand:
		if _, err := signal.ParseSignal(i.Signal); err != nil {
			return "", fmt.Errorf("invalid signal: %s", i.Signal)
		}
		config.StopSignal = i.Signal
		history = "STOPSIGNAL " + i.Signal
	case *instructions.ShellCommand:
		config.Shell = i.Shell
		history = fmt.Sprintf("SHELL %v", i.Shell)
	case *instructions.OnbuildCommand:
		config.OnBuild = append(config.OnBuild, i.Expression)
	}
	return history, err
}

// commandLine puts the shell before a line that is not in JSON.
func (c *configuration) commandLine(line instructions.ShellDependantCmdLine) []string {
	if !line.PrependShell {
		return line.CmdLine
	}
	return c.withShell(line.CmdLine)
}

func (c *configuration) withShell(line []string) []string {
	with := c.image.Config.Shell
	if len(with) == 0 {
		with = []string{"/bin/sh", "-c"}
	}
	return append(slices.Clone(with), strings.Join(line, " "))
}

func (c *configuration) expose(i *instructions.ExposeCommand, values shell.EnvGetter, words *lexer) (history string, err error) {
	if err := expandPorts(i, values, words); err != nil {
		return "", err
	}
	ports, err := exposed(i.Ports)
	if err != nil {
		return "", err
	}
	for _, port := range ports {
		put(&c.image.Config.ExposedPorts, port, struct{}{})
	}
	history = fmt.Sprintf("EXPOSE %v", ports)
	if *words.left -= len(history); *words.left < 0 {
		return "", fmt.Errorf("the ports of all EXPOSE have more than %d bytes", allValues)
	}
	return history, nil
}

// expandPorts puts values for variables; one may hold several ports.
func expandPorts(i *instructions.ExposeCommand, values shell.EnvGetter, words *lexer) error {
	written := []string{}
	for _, word := range i.Ports {
		several, err := words.ProcessWords(word, values)
		if err != nil {
			return err
		}
		written = append(written, several...)
	}
	i.Ports = written
	return nil
}

// enter is WORKDIR.
func (c *configuration) enter(path string) error {
	dir, err := system.NormalizeWorkdir(c.image.Config.WorkingDir, path, "linux")
	if err != nil {
		return fmt.Errorf("normalizing workdir: %w", err)
	}
	c.image.Config.WorkingDir = dir
	return nil
}

func put[V any](to *map[string]V, key string, value V) {
	if *to == nil {
		*to = map[string]V{}
	}
	(*to)[key] = value
}

// clone is a copy that shares nothing which instructions change.
func (i Image) clone() Image {
	i.Config.Env = slices.Clone(i.Config.Env)
	i.Config.Labels = maps.Clone(i.Config.Labels)
	i.Config.Volumes = maps.Clone(i.Config.Volumes)
	i.Config.ExposedPorts = maps.Clone(i.Config.ExposedPorts)
	i.Config.OnBuild = slices.Clone(i.Config.OnBuild)
	i.History = slices.Clone(i.History)
	return i
}
