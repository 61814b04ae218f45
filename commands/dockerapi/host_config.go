package dockerapi

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/containers/podman/v4/libpod/define"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/go-connections/nat"
	"github.com/docker/go-units"
)

func hostConfig(p *define.InspectContainerData) *container.HostConfig {
	h := p.HostConfig
	add, drop := capabilities(p)
	c := &container.HostConfig{
		Binds:           binds(h.Binds),
		ContainerIDFile: h.ContainerIDFile,
		LogConfig:       logConfig(h.LogConfig),
		NetworkMode:     container.NetworkMode(networkMode(p)),
		PortBindings:    portBindings(h.PortBindings),
		RestartPolicy:   container.RestartPolicy{Name: "no"},
		AutoRemove:      h.AutoRemove,
		VolumeDriver:    h.VolumeDriver,
		VolumesFrom:     orNil(h.VolumesFrom),
		Annotations:     annotations(p.Config.Annotations),
		CapAdd:          add,
		CapDrop:         drop,
		CgroupnsMode:    container.CgroupnsMode(h.CgroupMode),
		DNS:             orEmpty(h.Dns),
		DNSOptions:      orEmpty(h.DnsOptions),
		DNSSearch:       orEmpty(h.DnsSearch),
		ExtraHosts:      orNil(h.ExtraHosts),
		GroupAdd:        orNil(h.GroupAdd),
		IpcMode:         container.IpcMode(h.IpcMode),
		Cgroup:          container.CgroupSpec(h.Cgroup),
		OomScoreAdj:     h.OomScoreAdj,
		PidMode:         container.PidMode(unlessPrivate(h.PidMode)),
		Privileged:      h.Privileged,
		PublishAllPorts: h.PublishAllPorts || p.Config.Annotations[define.InspectAnnotationPublishAll] == define.InspectResponseTrue,
		ReadonlyRootfs:  h.ReadonlyRootfs,
		SecurityOpt:     securityOptions(h),
		Tmpfs:           tmpfs(h),
		UTSMode:         container.UTSMode(unlessPrivate(h.UTSMode)),
		UsernsMode:      container.UsernsMode(unlessPrivate(h.UsernsMode)),
		ShmSize:         h.ShmSize,
		Runtime:         p.OCIRuntime,
		Isolation:       container.Isolation(h.Isolation),
		Resources:       resources(h),
	}
	if h.RestartPolicy != nil && h.RestartPolicy.Name != "" {
		c.RestartPolicy.Name = h.RestartPolicy.Name
		c.RestartPolicy.MaximumRetryCount = int(h.RestartPolicy.MaximumRetryCount)
	}
	if h.IpcMode == "shareable" { // Podman's default, as private is Docker's
		c.IpcMode = "private"
	}
	if len(h.ConsoleSize) == 2 {
		c.ConsoleSize = [2]uint{h.ConsoleSize[0], h.ConsoleSize[1]}
	}
	if !h.Privileged {
		c.MaskedPaths, c.ReadonlyPaths = maskedPaths, readonlyPaths
	}
	if h.Init {
		c.Init = &h.Init
	}
	return c
}

// binds are -v's arguments: Podman lists all volumes so, also those without a
// name, and with its defaults among the options.
func binds(list []string) []string {
	var result []string
	for _, bind := range list {
		parts := strings.SplitN(bind, ":", 3)
		if len(parts) < 2 || Anonymous(parts[0]) {
			continue
		}
		if len(parts) == 3 {
			if options := typedOptions(parts[2]); options == "" {
				parts = parts[:2]
			} else {
				parts[2] = options
			}
		}
		result = append(result, strings.Join(parts, ":"))
	}
	slices.Sort(result)
	return result
}

// annotations leaves out Podman's own.
func annotations(p map[string]string) map[string]string {
	result := maps.Clone(p)
	maps.DeleteFunc(result, func(key, _ string) bool {
		return slices.ContainsFunc([]string{
			"io.podman.", "io.container.manager", "io.kubernetes.cri-o.", "org.opencontainers.image.stopSignal", "org.systemd.property.",
		}, func(own string) bool { return strings.HasPrefix(key, own) })
	})
	return result
}

// typedOptions leaves out what Podman adds to the options of a mount.
func typedOptions(options string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(options, ","), func(option string) bool {
		switch option {
		case "rw", "rprivate", "rbind", "bind", "nosuid", "nodev", "tmpcopyup":
			return true
		}
		return false
	}), ",")
}

func tmpfs(h *define.InspectContainerHostConfig) map[string]string {
	result := map[string]string{}
	for path, options := range h.Tmpfs {
		typed := typedOptions(options)
		typed = strings.Trim(strings.ReplaceAll(","+typed+",", ",noexec,", ","), ",") // Docker's default
		switch path {
		case "/dev/shm":
			if strings.Contains(typed, "size="+strconv.FormatInt(h.ShmSize, 10)) {
				continue // it is --shm-size
			}
		case "/run", "/tmp", "/var/tmp": // Podman makes them writable in a container of --read-only
			if h.ReadonlyRootfs && typed == "" {
				continue
			}
		}
		result[path] = typed
	}
	return result
}

// logConfig calls Podman's own format by the name of the one that stands in its
// place in Docker: it is the one that docker logs reads.
func logConfig(p *define.InspectLogConfig) container.LogConfig {
	c := container.LogConfig{Type: p.Type, Config: map[string]string{}}
	if c.Type == define.KubernetesLogging {
		c.Type = define.JSONLogging
	}
	for key, value := range p.Config {
		c.Config[key] = value
	}
	if p.Size != "" && p.Size != "0B" {
		c.Config["max-size"] = typedSize(p.Size)
	}
	if p.Tag != "" {
		c.Config["tag"] = p.Tag
	}
	return c
}

// typedSize undoes Podman's rounding of a size to a human one: 1m is 1.049MB
// there.
func typedSize(human string) string {
	plain := strings.ToLower(strings.TrimSuffix(human, "B"))
	bytes, err := units.FromHumanSize(human)
	if err != nil || !strings.Contains(human, ".") {
		return plain
	}
	for _, unit := range []struct {
		letter string
		bytes  float64
	}{{"g", units.GiB}, {"m", units.MiB}, {"k", units.KiB}} {
		if n := math.Round(float64(bytes) / unit.bytes); n >= 1 && units.HumanSize(n*unit.bytes) == human {
			return strconv.FormatFloat(n, 'f', 0, 64) + unit.letter
		}
	}
	return plain
}

func portBindings(p map[string][]define.InspectHostPort) nat.PortMap {
	result := nat.PortMap{}
	for port, hosts := range p {
		for _, host := range hosts { // none: the port is only exposed
			ip := host.HostIP
			if ip == "0.0.0.0" { // Podman 5 writes it where nothing was typed
				ip = ""
			}
			result[nat.Port(port)] = append(result[nat.Port(port)], nat.PortBinding{HostIP: ip, HostPort: host.HostPort})
		}
	}
	return result
}

func securityOptions(h *define.InspectContainerHostConfig) []string {
	options := slices.Clone(h.SecurityOpt)
	if h.Privileged {
		options = slices.DeleteFunc(options, func(o string) bool { return o == "unmask=all" })
	}
	return orNil(options)
}

// unlessPrivate drops Podman's word for a namespace of the container's own, for
// which Docker has none.
func unlessPrivate(mode string) string {
	if mode == "private" {
		return ""
	}
	return mode
}

// maskedPaths and readonlyPaths are what Podman hides in a container.
// Source: https://docs.podman.io/en/latest/markdown/podman-run.1.html#security-opt-option
var (
	maskedPaths = []string{
		"/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",
		"/proc/timer_list", "/proc/timer_stats", "/sys/dev/block", "/sys/devices/virtual/powercap", "/sys/firmware", "/sys/fs/selinux",
	}
	readonlyPaths = []string{"/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
)
