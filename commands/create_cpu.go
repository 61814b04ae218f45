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
)

func (o *resourceOptions) fillCPU(d *draft, r *spec.LinuxResources) error {
	available := runtime.NumCPU()
	switch {
	case o.cpus != 0 && o.cpuPeriod != 0:
		return errors.New("Conflicting options: Nano CPUs and CPU Period cannot both be set")
	case o.cpus != 0 && o.cpuQuota != 0:
		return errors.New("Conflicting options: Nano CPUs and CPU Quota cannot both be set")
	case o.cpus != 0 && (o.cpus < 1e7 || o.cpus > opts.NanoCPUs(available)*1e9):
		return fmt.Errorf("Range of CPUs is from 0.01 to %d.00, as there are only %d CPUs available", available, available)
	}
	if err := checkCPU(o.cpuPeriod, o.cpuQuota, o.cpuShares, o.cpusetCPUs, o.cpusetMems); err != nil {
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

// checkCPU checks limits of the CPU, 0 and "" being none: period and quota in
// microseconds, and lists of processors and memory nodes.
func checkCPU(period, quota, shares int, cpus, mems string) error {
	switch {
	case period != 0 && (period < 1000 || period > 1000000):
		return errors.New("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)")
	case quota > 0 && quota < 1000:
		return errors.New("CPU cfs quota can not be less than 1ms (i.e. 1000)")
	case shares < 0:
		return fmt.Errorf("invalid CPU shares (%d): value must be a positive integer", shares)
	}
	if err := online("cpus", "CPUs", cpus, "/sys/devices/system/cpu/online"); err != nil {
		return err
	}
	return online("mems", "memory nodes", mems, "/sys/devices/system/node/online")
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
