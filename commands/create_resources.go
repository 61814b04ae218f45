package commands

import (
	"errors"
	"fmt"
	"os"
	"runtime"
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

// least is the smallest memory limit that Docker takes.
const least = 6 << 20

// fillMemory checks and sets the memory limits in the order and the words of
// Docker's daemon.
func (o *resourceOptions) fillMemory(d *draft, r *spec.LinuxResources) error {
	memory, swap, reservation := o.memory.Value(), o.swap.Value(), o.reservation.Value()
	switch {
	case o.swappiness < -1 || o.swappiness > 100:
		return usage("invalid value: %d. Valid memory swappiness range is 0-100", o.swappiness)
	case memory != 0 && memory < least:
		return errors.New("Minimum memory limit allowed is 6MB")
	case memory > 0 && swap > 0 && swap < memory:
		return errors.New("Minimum memoryswap limit should be larger than memory limit, see usage")
	case memory == 0 && swap > 0:
		return errors.New("You should always set the Memory limit when using Memoryswap limit, see usage")
	case reservation != 0 && reservation < least:
		return errors.New("Minimum memory reservation allowed is 6MB")
	case memory > 0 && reservation > memory:
		return errors.New("Minimum memory limit can not be less than memory reservation limit, see usage")
	}
	m := &spec.LinuxMemory{}
	if memory > 0 {
		m.Limit = &memory
		d.limit("memory", "--memory")
	}
	if memory > 0 && swap != 0 {
		m.Swap = &swap
	}
	if reservation > 0 {
		m.Reservation = &reservation
		d.limit("memory", "--memory-reservation")
	}
	if *m != (spec.LinuxMemory{}) {
		r.Memory = m
	}
	if o.swappiness >= 0 {
		d.warn("--memory-swappiness is discarded: cgroup v2 has no swappiness of a container's own")
	}
	if o.kernelMemory != 0 {
		d.warn("--kernel-memory is discarded: cgroup v2 counts kernel memory in --memory")
	}
	return nil
}

func (o *resourceOptions) fillCPU(d *draft, r *spec.LinuxResources) error {
	available := runtime.NumCPU()
	switch {
	case o.cpus != 0 && o.cpuPeriod != 0:
		return errors.New("Conflicting options: Nano CPUs and CPU Period cannot both be set")
	case o.cpus != 0 && o.cpuQuota != 0:
		return errors.New("Conflicting options: Nano CPUs and CPU Quota cannot both be set")
	case o.cpus != 0 && (o.cpus < 1e7 || o.cpus > opts.NanoCPUs(available)*1e9):
		return fmt.Errorf("Range of CPUs is from 0.01 to %d.00, as there are only %d CPUs available", available, available)
	case o.cpuPeriod != 0 && (o.cpuPeriod < 1000 || o.cpuPeriod > 1000000):
		return errors.New("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)")
	case o.cpuQuota > 0 && o.cpuQuota < 1000:
		return errors.New("CPU cfs quota can not be less than 1ms (i.e. 1000)")
	case o.cpuShares < 0:
		return fmt.Errorf("invalid CPU shares (%d): value must be a positive integer", o.cpuShares)
	}
	if err := online("cpus", "CPUs", o.cpusetCPUs, "/sys/devices/system/cpu/online"); err != nil {
		return err
	}
	if err := online("mems", "memory nodes", o.cpusetMems, "/sys/devices/system/node/online"); err != nil {
		return err
	}
	c := &spec.LinuxCPU{Cpus: o.cpusetCPUs, Mems: o.cpusetMems}
	quota, period := int64(o.cpuQuota), uint64(o.cpuPeriod)
	if o.cpus != 0 {
		period = 100000
		quota = o.cpus.Value() * int64(period) / 1e9
		d.limit("cpu", "--cpus")
	}
	if quota != 0 {
		c.Quota = &quota
	}
	if period != 0 {
		c.Period = &period
	}
	if shares := uint64(o.cpuShares); shares != 0 {
		c.Shares = &shares
		d.limit("cpu", "--cpu-shares")
	}
	if o.cpuPeriod != 0 || o.cpuQuota != 0 {
		d.limit("cpu", "--cpu-period/--cpu-quota")
	}
	if o.cpusetCPUs != "" {
		d.limit("cpuset", "--cpuset-cpus")
	}
	if o.cpusetMems != "" {
		d.limit("cpuset", "--cpuset-mems")
	}
	if *c != (spec.LinuxCPU{}) {
		r.CPU = c
	}
	return nil
}

// online checks a list of processors or memory nodes against those that are
// online.
func online(flag, noun, wanted, file string) error {
	if wanted == "" {
		return nil
	}
	asked, err := parseCPUSet(wanted)
	if err != nil {
		return fmt.Errorf("Invalid value %s for cpuset %s", wanted, flag)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil // a kernel without the file; Podman will tell
	}
	there, err := parseCPUSet(strings.TrimSpace(string(text)))
	if err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}
	for n := range asked {
		if !there[n] {
			return fmt.Errorf("Requested %s are not available - requested %s, available: %s", noun, wanted, strings.TrimSpace(string(text)))
		}
	}
	return nil
}

// parseCPUSet reads the kernel's list format: 0-2,4.
// Source: https://man7.org/linux/man-pages/man7/cpuset.7.html#FORMATS
func parseCPUSet(text string) (map[int]bool, error) {
	const most = 8192 // processors that Linux can have
	set := map[int]bool{}
	for _, part := range strings.Split(text, ",") {
		low, high, isRange := strings.Cut(part, "-")
		first, err := strconv.Atoi(low)
		if err != nil || first < 0 || first >= most {
			return nil, fmt.Errorf("invalid list: %s", text)
		}
		last := first
		if isRange {
			if last, err = strconv.Atoi(high); err != nil || last < first || last >= most {
				return nil, fmt.Errorf("invalid list: %s", text)
			}
		}
		for n := first; n <= last; n++ {
			set[n] = true
		}
	}
	return set, nil
}

// uint16Value is pflag's uint16.
type uint16Value uint16

func (v *uint16Value) Set(text string) error {
	n, err := strconv.ParseUint(text, 0, 16)
	*v = uint16Value(n)
	return err
}
func (v *uint16Value) String() string { return "" }
func (v *uint16Value) Type() string   { return "uint16" }

func (o *resourceOptions) fillBlockIO(d *draft, r *spec.LinuxResources) error {
	if o.blkioWeight != 0 {
		if o.blkioWeight < 10 || o.blkioWeight > 1000 {
			return errors.New("Range of blkio weight is from 10 to 1000")
		}
		weight := uint16(o.blkioWeight)
		r.BlockIO = &spec.LinuxBlockIO{Weight: &weight}
		d.limit("io", "--blkio-weight")
	}
	for _, w := range o.weightDevice.GetList() {
		if d.WeightDevice == nil {
			d.WeightDevice = map[string]spec.LinuxWeightDevice{}
		}
		weight := w.Weight
		d.WeightDevice[w.Path] = spec.LinuxWeightDevice{Weight: &weight}
		d.limit("io", "--blkio-weight-device")
	}
	for _, throttle := range []struct {
		flag   string
		values *opts.ThrottledeviceOpt
		into   *map[string]spec.LinuxThrottleDevice
	}{
		{"--device-read-bps", &o.readBps, &d.ThrottleReadBpsDevice},
		{"--device-write-bps", &o.writeBps, &d.ThrottleWriteBpsDevice},
		{"--device-read-iops", &o.readIOps, &d.ThrottleReadIOPSDevice},
		{"--device-write-iops", &o.writeIOs, &d.ThrottleWriteIOPSDevice},
	} {
		for _, t := range throttle.values.GetList() {
			if *throttle.into == nil {
				*throttle.into = map[string]spec.LinuxThrottleDevice{}
			}
			if _, err := os.Stat(t.Path); err != nil {
				return fmt.Errorf("%s: no such device: %s", throttle.flag, t.Path)
			}
			(*throttle.into)[t.Path] = spec.LinuxThrottleDevice{Rate: t.Rate}
			d.limit("io", throttle.flag)
		}
	}
	return nil
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
