package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// limited tells whether the process needs a control group of its own.
func (l *Limits) limited() bool {
	return l.CgroupParent != "" || l.CPUPeriod != 0 || l.CPUShares != 0 || l.CPUQuota != 0 || l.CPUs != "" || l.Mems != "" || l.Memory != 0 || l.MemorySwap != 0
}

// controllers are the cgroup controllers that the limits need, sorted.
func (l *Limits) controllers() (names []string) {
	if l.CPUPeriod != 0 || l.CPUShares != 0 || l.CPUQuota != 0 {
		names = append(names, "cpu")
	}
	if l.CPUs != "" || l.Mems != "" {
		names = append(names, "cpuset")
	}
	if l.Memory != 0 || l.MemorySwap != 0 {
		names = append(names, "memory")
	}
	return names
}

func (r *run) resources() *specs.LinuxResources {
	l := &r.build.Limits
	if len(l.controllers()) == 0 {
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
	if swap := l.MemorySwap; swap != 0 {
		resources.Memory.Swap = &swap
	} else if _, err := os.Stat(filepath.Join(cgroups, r.group, "memory.swap.max")); err == nil && l.Memory != 0 {
		swap = 2 * l.Memory // as docker has it where the kernel counts swap
		resources.Memory.Swap = &swap
	}
	return resources
}

// cgroupsPath is the control group of the process, "" for the one in which the
// build is.
func (r *run) cgroupsPath() string {
	if !r.build.Limits.limited() {
		return ""
	}
	return path.Join(r.group, r.containerID())
}

// cgroupNote is the file in the bundle that names the control group that the
// runtime makes there itself.
const cgroupNote = "cgroup"

// noteCgroup has the control group removed, also if this process is killed.
func (r *run) noteCgroup(conf *runtimeConfig) error {
	group := r.cgroupsPath()
	switch {
	case r.scoped:
		return nil // systemd removes it with the scope
	case group == "" && conf.without() != nil:
		return nil
	case group == "":
		// A runtime that has to have one makes it beside that of the build, if it can.
		own, err := cgroupOf(os.Getpid())
		if err != nil {
			return nil //nolint:nilerr // version 1: root's, and no matter of ours
		}
		group = path.Join(path.Dir(own), r.containerID())
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
	err = filepath.WalkDir(filepath.Join(cgroups, string(group)), func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			groups = append(groups, name)
		}
		return err
	})
	for _, group := range slices.Backward(groups) {
		if err == nil {
			err = removeEmptied(group)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the control group of a RUN: %w", err)
	}
	return nil
}

// removeEmptied removes a control group whose processes were killed: they may need
// a moment to end.
func removeEmptied(group string) (err error) {
	for range 100 {
		if err = os.Remove(group); !errors.Is(err, unix.EBUSY) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	return err
}

// cgroupArgs are the runtime's flags: it needs no control group for what has no
// limits.
func (r *run) cgroupArgs(conf *runtimeConfig) []string {
	if r.build.Limits.limited() {
		return nil
	}
	return conf.without()
}

// without are the flags with which the runtime makes no control group, nil where
// it has none.
func (c *runtimeConfig) without() []string {
	if filepath.Base(c.path) == "crun" {
		return []string{"--cgroup-manager", "disabled"}
	}
	return nil
}
