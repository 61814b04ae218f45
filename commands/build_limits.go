package commands

import (
	"errors"
	"fmt"
	"strconv"

	"dockless/bindings/store"

	"github.com/docker/cli/opts"
	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"
)

// buildLimits are the flags of build about the processes that RUN starts.
type buildLimits struct {
	memory, shmSize                opts.MemBytes
	swap                           opts.MemSwapBytes
	cpuShares, cpuPeriod, cpuQuota int
	cpusetCPUs, cpusetMems         string
	cgroupParent                   string
	ulimits                        *opts.UlimitOpt
	security                       commaList
}

func (o *buildLimits) flags() []cli.Flag {
	o.ulimits = opts.NewUlimitOpt(nil)
	return []cli.Flag{
		str(&o.cgroupParent, "cgroup-parent", "", `Set the parent cgroup for the "RUN" instructions during build`),
		integer(&o.cpuPeriod, "cpu-period", "", "Limit the CPU CFS (Completely Fair Scheduler) period"),
		integer(&o.cpuQuota, "cpu-quota", "", "Limit the CPU CFS (Completely Fair Scheduler) quota"),
		integer(&o.cpuShares, "cpu-shares", "c", "CPU shares (relative weight)"),
		str(&o.cpusetCPUs, "cpuset-cpus", "", "CPUs in which to allow execution (0-3, 0,1)"),
		str(&o.cpusetMems, "cpuset-mems", "", "MEMs in which to allow execution (0-3, 0,1)"),
		value(&o.memory, "memory", "m", "Memory limit"),
		value(&o.swap, "memory-swap", "", "Swap limit equal to memory plus swap: -1 to enable unlimited swap"),
		value(&o.security, "security-opt", "", "Security options"),
		value(&o.shmSize, "shm-size", "", `Size of "/dev/shm"`),
		value(o.ulimits, "ulimit", "", "Ulimit options"),
	}
}

// limits puts them into the form in which they are asked for.
func (o *buildLimits) limits() (store.Limits, error) {
	l := store.Limits{
		CgroupParent: o.cgroupParent,
		CPUPeriod:    uint64(o.cpuPeriod), CPUQuota: int64(o.cpuQuota), CPUShares: uint64(o.cpuShares),
		CPUs: o.cpusetCPUs, Mems: o.cpusetMems,
		Memory: o.memory.Value(), MemorySwap: o.swap.Value(),
	}
	if err := checkMemory(l.Memory, l.MemorySwap); err != nil {
		return l, err
	}
	if err := checkCPU(o.cpuPeriod, o.cpuQuota, o.cpuShares, l.CPUs, l.Mems); err != nil {
		return l, err
	}
	if len(o.security) > 0 {
		return l, fmt.Errorf("--security-opt %s: not supported by a build; docker's own builder has none on Linux either", o.security[0])
	}
	if size := o.shmSize.Value(); size > 0 {
		l.ShmSize = strconv.FormatInt(size, 10)
	}
	for _, u := range o.ulimits.GetList() {
		resource, err := u.GetRlimit()
		if err != nil {
			return l, usage("%w", err)
		}
		var own unix.Rlimit
		if err := unix.Getrlimit(resource.Type, &own); err != nil {
			return l, fmt.Errorf("reading the limit of %s: %w", u.Name, err)
		}
		if uint64(u.Hard) > own.Max {
			return l, fmt.Errorf("--ulimit %s is above your own hard limit, %d; root can raise it in /etc/security/limits.conf", u, own.Max)
		}
		l.Ulimits = append(l.Ulimits, u.String())
	}
	return l, nil
}

// explain says what can be done about limits that cannot be set.
func (*buildLimits) explain(err error) error {
	var missing *store.ControllersError
	if errors.As(err, &missing) {
		return fmt.Errorf("%w; build without these limits, or %s", err, delegating)
	}
	return err
}
