package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

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
	}
	return path.Join("/", l.CgroupParent, r.containerID())
}

// cgroupNote is the file in the bundle that names the control group that the
// runtime makes there itself.
const cgroupNote = "cgroup"

// noteCgroup has the control group removed, also if this process is killed.
func (r *run) noteCgroup() error {
	group := r.spec.Linux.CgroupsPath
	if !path.IsAbs(group) {
		return nil // there is none, or systemd removes it
	}
	r.undo = append(r.undo, func() error { return removeCgroup(r.dir) })
	return os.WriteFile(filepath.Join(r.dir, cgroupNote), []byte(group), 0o600)
}

// removeCgroup removes the control group that a bundle names.
func removeCgroup(bundle string) error {
	group, err := os.ReadFile(filepath.Join(bundle, cgroupNote))
	if err != nil {
		return nil //nolint:nilerr // it has none
	}
	var groups []string
	root := filepath.Join("/sys/fs/cgroup", string(group))
	err = filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			groups = append(groups, name)
		}
		return err
	})
	for _, group := range slices.Backward(groups) {
		if err == nil {
			err = os.Remove(group)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the control group of a RUN: %w", err)
	}
	return nil
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
