package dockerapi

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/containers/podman/v4/libpod/define"
	"github.com/docker/docker/api/types/blkiodev"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/go-connections/nat"
	"github.com/docker/go-units"
	"golang.org/x/sys/unix"
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

// dockerCapabilities are what a container of Docker's has.
// Source: https://docs.docker.com/engine/containers/run/#runtime-privilege-and-linux-capabilities
var dockerCapabilities = []string{
	"CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD",
	"CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
}

// podmanLacks are those of them that a container of Podman's does not have
// unless they are asked for.
var podmanLacks = []string{"CAP_AUDIT_WRITE", "CAP_MKNOD", "CAP_NET_RAW"}

// capabilities compares what the container may have with Docker's defaults,
// because Podman's versions compare with different defaults of their own.
func capabilities(p *define.InspectContainerData) (add, drop []string) {
	if p.HostConfig.Privileged {
		return nil, nil
	}
	if len(p.BoundingCaps) == 0 {
		return nil, []string{"ALL"}
	}
	for _, capability := range p.BoundingCaps {
		if !slices.Contains(dockerCapabilities, capability) {
			add = append(add, capability)
		}
	}
	for _, capability := range dockerCapabilities {
		if !slices.Contains(p.BoundingCaps, capability) {
			drop = append(drop, capability)
		}
	}
	if !slices.ContainsFunc(podmanLacks, func(c string) bool { return !slices.Contains(drop, c) }) {
		drop = slices.DeleteFunc(drop, func(c string) bool { return slices.Contains(podmanLacks, c) })
	}
	if len(p.BoundingCaps)+1 < len(add)+len(drop) {
		return p.BoundingCaps, []string{"ALL"}
	}
	return add, orNil(drop)
}

func securityOptions(h *define.InspectContainerHostConfig) []string {
	options := slices.Clone(h.SecurityOpt)
	if h.Privileged {
		options = slices.DeleteFunc(options, func(o string) bool { return o == "unmask=all" })
	}
	return orNil(options)
}

func resources(h *define.InspectContainerHostConfig) container.Resources {
	r := container.Resources{
		CPUShares:            int64(min(h.CpuShares, math.MaxInt64)),
		Memory:               h.Memory,
		NanoCPUs:             h.NanoCpus,
		CgroupParent:         h.CgroupParent,
		BlkioWeight:          h.BlkioWeight,
		BlkioWeightDevice:    []*blkiodev.WeightDevice{},
		BlkioDeviceReadBps:   throttles(h.BlkioDeviceReadBps),
		BlkioDeviceWriteBps:  throttles(h.BlkioDeviceWriteBps),
		BlkioDeviceReadIOps:  throttles(h.BlkioDeviceReadIOps),
		BlkioDeviceWriteIOps: throttles(h.BlkioDeviceWriteIOps),
		CPUPeriod:            int64(min(h.CpuPeriod, math.MaxInt64)),
		CPUQuota:             h.CpuQuota,
		CPURealtimePeriod:    int64(min(h.CpuRealtimePeriod, math.MaxInt64)),
		CPURealtimeRuntime:   h.CpuRealtimeRuntime,
		CpusetCpus:           h.CpusetCpus,
		CpusetMems:           h.CpusetMems,
		Devices:              []container.DeviceMapping{},
		MemoryReservation:    h.MemoryReservation,
		MemorySwap:           h.MemorySwap,
		Ulimits:              ulimits(h.Ulimits),
	}
	for _, d := range h.BlkioWeightDevice {
		r.BlkioWeightDevice = append(r.BlkioWeightDevice, &blkiodev.WeightDevice{Path: d.Path, Weight: d.Weight})
	}
	for _, d := range h.Devices {
		r.Devices = append(r.Devices, container.DeviceMapping(d))
	}
	if h.MemorySwappiness > 0 {
		r.MemorySwappiness = &h.MemorySwappiness
	}
	if h.OomKillDisable {
		r.OomKillDisable = &h.OomKillDisable
	}
	if h.PidsLimit != 0 {
		r.PidsLimit = &h.PidsLimit
	}
	if h.NanoCpus > 0 { // --cpus: Docker tells the limit once
		r.CPUPeriod, r.CPUQuota = 0, 0
	}
	return r
}

func throttles(list []define.InspectBlkioThrottleDevice) []*blkiodev.ThrottleDevice {
	result := []*blkiodev.ThrottleDevice{}
	for _, d := range list {
		result = append(result, &blkiodev.ThrottleDevice{Path: d.Path, Rate: d.Rate})
	}
	return result
}

// ulimits leaves out the two that Podman gives every rootless container: this
// person's own hard limits.
func ulimits(list []define.InspectUlimit) []*units.Ulimit {
	result := []*units.Ulimit{}
	for _, u := range list {
		name := strings.ToLower(strings.TrimPrefix(u.Name, "RLIMIT_"))
		switch {
		case name == "nofile" && isOwn(unix.RLIMIT_NOFILE, u), name == "nproc" && isOwn(unix.RLIMIT_NPROC, u):
			continue
		}
		result = append(result, &units.Ulimit{Name: name, Hard: u.Hard, Soft: u.Soft})
	}
	return result
}

func isOwn(resource int, u define.InspectUlimit) bool {
	var own unix.Rlimit
	return unix.Getrlimit(resource, &own) == nil && u.Soft == u.Hard &&
		(uint64(u.Hard) == own.Max || u.Hard == 1048576) // Podman's default where the person may have more
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
