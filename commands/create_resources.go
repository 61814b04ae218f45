package commands

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/docker/cli/opts"
	spec "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"
)

type resourceOptions struct {
	memory, reservation, kernelMemory     opts.MemBytes
	swap                                  opts.MemSwapBytes
	swappiness, oomScoreAdj, pidsLimit    int
	oomKillDisable                        bool
	cpus                                  opts.NanoCPUs
	cpuShares, cpuPeriod, cpuQuota        int
	cpusetCPUs, cpusetMems                string
	blkioWeight                           uint16Value
	weightDevice                          opts.WeightdeviceOpt
	readBps, writeBps, readIOps, writeIOs opts.ThrottledeviceOpt
	cgroupParent                          string
}

func (o *resourceOptions) flags() []cli.Flag {
	o.swappiness = -1
	o.weightDevice = opts.NewWeightdeviceOpt(opts.ValidateWeightDevice)
	o.readBps = opts.NewThrottledeviceOpt(opts.ValidateThrottleBpsDevice)
	o.writeBps = opts.NewThrottledeviceOpt(opts.ValidateThrottleBpsDevice)
	o.readIOps = opts.NewThrottledeviceOpt(opts.ValidateThrottleIOpsDevice)
	o.writeIOs = opts.NewThrottledeviceOpt(opts.ValidateThrottleIOpsDevice)
	return []cli.Flag{
		value(&o.memory, "memory", "m", "Memory limit"),
		value(&o.reservation, "memory-reservation", "", "Memory soft limit"),
		value(&o.swap, "memory-swap", "", "Swap limit equal to memory plus swap: '-1' to enable unlimited swap"),
		integer(&o.swappiness, "memory-swappiness", "", "Tune container memory swappiness (0 to 100)"),
		value(&o.kernelMemory, "kernel-memory", "", "Kernel memory limit"),
		boolean(&o.oomKillDisable, "oom-kill-disable", "", "Disable OOM Killer"),
		integer(&o.oomScoreAdj, "oom-score-adj", "", "Tune host's OOM preferences (-1000 to 1000)"),
		integer(&o.pidsLimit, "pids-limit", "", "Tune container pids limit (set -1 for unlimited)"),
		value(&o.cpus, "cpus", "", "Number of CPUs"),
		integer(&o.cpuShares, "cpu-shares", "c", "CPU shares (relative weight)"),
		integer(&o.cpuPeriod, "cpu-period", "", "Limit CPU CFS (Completely Fair Scheduler) period"),
		integer(&o.cpuQuota, "cpu-quota", "", "Limit CPU CFS (Completely Fair Scheduler) quota"),
		str(&o.cpusetCPUs, "cpuset-cpus", "", "CPUs in which to allow execution (0-3, 0,1)"),
		hidden(str(&o.cpusetCPUs, "cpuset", "", "CPUs in which to allow execution (0-3, 0,1)")), // docker's name of it before 1.6
		str(&o.cpusetMems, "cpuset-mems", "", "MEMs in which to allow execution (0-3, 0,1)"),
		value(&o.blkioWeight, "blkio-weight", "", "Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)"),
		value(&o.weightDevice, "blkio-weight-device", "", "Block IO weight (relative device weight)"),
		value(&o.readBps, "device-read-bps", "", "Limit read rate (bytes per second) from a device"),
		value(&o.writeBps, "device-write-bps", "", "Limit write rate (bytes per second) to a device"),
		value(&o.readIOps, "device-read-iops", "", "Limit read rate (IO per second) from a device"),
		value(&o.writeIOs, "device-write-iops", "", "Limit write rate (IO per second) to a device"),
		str(&o.cgroupParent, "cgroup-parent", "", "Optional parent cgroup for the container"),
	}
}

func (o *resourceOptions) fill(d *draft) error {
	d.CgroupParent = o.cgroupParent
	r := &spec.LinuxResources{}
	for _, fill := range []func(*draft, *spec.LinuxResources) error{o.fillMemory, o.fillCPU, o.fillBlockIO} {
		if err := fill(d, r); err != nil {
			return err
		}
	}
	if o.pidsLimit != 0 {
		r.Pids = &spec.LinuxPids{Limit: int64(max(o.pidsLimit, -1))}
		d.limit("pids", "--pids-limit")
	}
	d.ResourceLimits = r
	return o.fillOOM(d)
}

func (o *resourceOptions) fillOOM(d *draft) error {
	if o.oomKillDisable {
		d.warn("Your kernel does not support OomKillDisable. OomKillDisable discarded.")
	}
	if o.oomScoreAdj < -1000 || o.oomScoreAdj > 1000 {
		return fmt.Errorf("Invalid value %d, range for oom score adj is [-1000, 1000]", o.oomScoreAdj)
	}
	if o.oomScoreAdj == 0 {
		return nil
	}
	score := o.oomScoreAdj
	if text, err := os.ReadFile("/proc/self/oom_score_adj"); err == nil && os.Geteuid() != 0 {
		if own, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && score < own {
			d.warn("--oom-score-adj %d is raised to %d, your own: only root may go below it", score, own)
			score = own
		}
	}
	d.OOMScoreAdj = &score
	return nil
}
