package dockerapi

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containers/image/v5/manifest"
	"github.com/containers/podman/v4/libpod/define"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/go-connections/nat"
	"golang.org/x/sys/unix"
)

func config(p *define.InspectContainerData, command command) *container.Config {
	c := &container.Config{
		Hostname:     p.Config.Hostname,
		Domainname:   p.Config.DomainName,
		User:         p.Config.User,
		AttachStdin:  p.Config.AttachStdin,
		AttachStdout: p.Config.AttachStdout,
		AttachStderr: p.Config.AttachStderr,
		ExposedPorts: exposedPorts(p),
		Tty:          p.Config.Tty,
		OpenStdin:    p.Config.OpenStdin,
		StdinOnce:    p.Config.StdinOnce,
		Env:          environment(p.Config),
		Cmd:          orNil(command.cmd),
		Healthcheck:  healthcheck(p.Config.Healthcheck),
		Image:        familiar(p.Config.Image),
		Entrypoint:   orNil(command.entrypoint),
		Labels:       p.Config.Labels,
		StopSignal:   signalName(p.Config.StopSignal),
	}
	if p.Config.WorkingDir != "/" { // Podman's word for none
		c.WorkingDir = p.Config.WorkingDir
	}
	if c.Labels == nil {
		c.Labels = map[string]string{}
	}
	for _, m := range p.Mounts {
		if m.Type == "volume" && Anonymous(m.Name) {
			if c.Volumes == nil {
				c.Volumes = map[string]struct{}{}
			}
			c.Volumes[m.Destination] = struct{}{}
		}
	}
	if timeout := int(p.Config.StopTimeout); timeout != 10 { // 10 is both engines' default
		c.StopTimeout = &timeout
	}
	return c
}

func exposedPorts(p *define.InspectContainerData) nat.PortSet {
	ports := nat.PortSet{}
	for port := range p.HostConfig.PortBindings {
		ports[nat.Port(port)] = struct{}{}
	}
	if !strings.HasPrefix(p.HostConfig.NetworkMode, "container:") {
		for port := range p.NetworkSettings.Ports {
			ports[nat.Port(port)] = struct{}{}
		}
	}
	return ports
}

// environment is the container's environment without what Podman adds to it:
// container and TERM at the creation, HOME and HOSTNAME, in the last places, at
// the start.
func environment(p *define.InspectContainerConfig) []string {
	env := slices.Clone(p.Env)
	if at := slices.Index(env, "HOSTNAME="+p.Hostname); at >= 0 {
		last := env[at+1:] // HOME as the image's /etc/passwd has it
		if len(last) == 0 || len(last) == 1 && strings.HasPrefix(last[0], "HOME=") {
			env = env[:at]
		}
	}
	for range 2 {
		if n := len(env); n > 0 && (strings.HasPrefix(env[n-1], "HOSTNAME=") || env[n-1] == "HOME=/root" ||
			env[n-1] == "HOME=/" || env[n-1] == "HOME=/home/"+p.User) {
			env = env[:n-1]
		}
	}
	env = slices.DeleteFunc(env, func(pair string) bool {
		return pair == "container=podman" || pair == "container=oci" || pair == "TERM=xterm"
	})
	return orEmpty(env)
}

// healthcheck leaves out the values that both engines take when none is given.
func healthcheck(p *manifest.Schema2HealthConfig) *container.HealthConfig {
	if p == nil {
		return nil
	}
	h := &container.HealthConfig{
		Test:        p.Test,
		Interval:    p.Interval,
		Timeout:     p.Timeout,
		StartPeriod: p.StartPeriod,
		Retries:     p.Retries,
	}
	const usual = 30 * time.Second
	if h.Interval == usual {
		h.Interval = 0
	}
	if h.Timeout == usual {
		h.Timeout = 0
	}
	if h.Retries == 3 {
		h.Retries = 0
	}
	return h
}

// signalName is a signal's name, and nothing for TERM: that is both engines'
// default.
func signalName(number uint) string {
	if number == uint(unix.SIGTERM) || number == 0 {
		return ""
	}
	if name := unix.SignalName(unix.Signal(number)); name != "" {
		return name
	}
	const rtmin, rtmax = 34, 64 // glibc's; the kernel's 32 and 33 are for its threads
	switch {
	case number == rtmin:
		return "SIGRTMIN"
	case number > rtmin && number <= rtmax:
		return "SIGRTMIN+" + strconv.Itoa(int(number-rtmin))
	}
	return strconv.Itoa(int(number))
}
