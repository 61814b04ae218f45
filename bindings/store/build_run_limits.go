package store

import (
	"path"
	"path/filepath"

	"github.com/containers/common/pkg/config"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// limited tells whether the process needs a control group of its own.
func (l *Limits) limited() bool {
	return l.CgroupParent != "" || l.CPUPeriod != 0 || l.CPUShares != 0 || l.CPUQuota != 0 || l.CPUs != "" || l.Mems != "" || l.Memory != 0 || l.MemorySwap != 0
}

func (r *run) resources() *specs.LinuxResources {
	l := &r.build.Limits
	if !l.limited() {
		return nil
	}
	resources := &specs.LinuxResources{CPU: &specs.LinuxCPU{Cpus: l.CPUs, Mems: l.Mems}, Memory: &specs.LinuxMemory{}}
	if l.CPUShares != 0 {
		resources.CPU.Shares = &l.CPUShares
	}
	if l.CPUPeriod != 0 {
		resources.CPU.Period = &l.CPUPeriod
	}
	if l.CPUQuota != 0 {
		resources.CPU.Quota = &l.CPUQuota
	}
	if l.Memory != 0 {
		resources.Memory.Limit = &l.Memory
	}
	if l.MemorySwap != 0 {
		resources.Memory.Swap = &l.MemorySwap
	}
	return resources
}

// cgroupsPath is the control group, in the words of the manager that
// containers.conf names.
func (r *run) cgroupsPath(conf *runtimeConfig) string {
	l := &r.build.Limits
	switch {
	case !l.limited():
		return ""
	case conf.Engine.CgroupManager == config.SystemdCgroupsManager:
		slice := l.CgroupParent
		if slice == "" {
			slice = "user.slice"
		}
		return slice + ":dockless:" + r.containerID()
	case l.CgroupParent == "":
		return ""
	}
	return path.Join("/", l.CgroupParent, r.containerID())
}

// cgroupArgs are the runtime's flags: it needs no control group for what has no
// limits.
func (r *run) cgroupArgs(conf *runtimeConfig) []string {
	switch {
	case conf.Engine.CgroupManager == config.SystemdCgroupsManager && r.build.Limits.limited():
		return []string{"--systemd-cgroup"}
	case filepath.Base(conf.path) == "crun" && !r.build.Limits.limited():
		return []string{"--cgroup-manager", "disabled"}
	}
	return nil
}
