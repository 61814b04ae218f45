package dockerapi

import (
	"math"
	"strings"

	"github.com/containers/podman/v4/libpod/define"
	"github.com/docker/docker/api/types/blkiodev"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/go-units"
	"golang.org/x/sys/unix"
)

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
