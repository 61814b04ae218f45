package commands

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"dockless/bindings/engine"

	"github.com/blang/semver/v4"
	"github.com/containers/podman/v4/libpod/define"
	"github.com/containers/podman/v4/pkg/bindings"
	"github.com/containers/podman/v4/pkg/bindings/containers"
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"
)

type updateOptions struct {
	resourceOptions
	rtPeriod, rtRuntime int
	restart             string
}

func updateCommand(env *Env) *cli.Command {
	o := new(updateOptions)
	return &cli.Command{
		Name:      "update",
		Usage:     "Update configuration of one or more containers",
		ArgsUsage: "CONTAINER [CONTAINER...]",
		Flags: []cli.Flag{
			value(&o.blkioWeight, "blkio-weight", "", "Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)"),
			integer(&o.cpuPeriod, "cpu-period", "", "Limit CPU CFS (Completely Fair Scheduler) period"),
			integer(&o.cpuQuota, "cpu-quota", "", "Limit CPU CFS (Completely Fair Scheduler) quota"),
			integer(&o.rtPeriod, "cpu-rt-period", "", "Limit the CPU real-time period in microseconds"),
			integer(&o.rtRuntime, "cpu-rt-runtime", "", "Limit the CPU real-time runtime in microseconds"),
			integer(&o.cpuShares, "cpu-shares", "c", "CPU shares (relative weight)"),
			value(&o.cpus, "cpus", "", "Number of CPUs"),
			str(&o.cpusetCPUs, "cpuset-cpus", "", "CPUs in which to allow execution (0-3, 0,1)"),
			str(&o.cpusetMems, "cpuset-mems", "", "MEMs in which to allow execution (0-3, 0,1)"),
			hidden(value(&o.kernelMemory, "kernel-memory", "", "Kernel memory limit (deprecated)")),
			value(&o.memory, "memory", "m", "Memory limit"),
			value(&o.reservation, "memory-reservation", "", "Memory soft limit"),
			value(&o.swap, "memory-swap", "", "Swap limit equal to memory plus swap: -1 to enable unlimited swap"),
			integer(&o.pidsLimit, "pids-limit", "", "Tune container pids limit (set -1 for unlimited)"),
			str(&o.restart, "restart", "", "Restart policy to apply when a container exits"),
		},
		Action: arguments(1, -1, func(ctx context.Context, args []string) error {
			return update(ctx, env, o, args)
		}),
	}
}

// change is what update sends for each container.
type change struct {
	resources specs.LinuxResources
	limits    map[string][]string // flags, by the cgroup controller that they need
	policy    string
	retries   uint
}

// update refuses what the engine cannot do before it changes anything.
// Source: https://docs.docker.com/reference/cli/docker/container/update/
func update(ctx context.Context, env *Env, o *updateOptions, names []string) error {
	c, err := o.change()
	if err != nil {
		return err
	}
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	version := *bindings.ServiceVersion(conn)
	keeps := version.GE(semver.Version{Major: 5, Minor: 1})
	if c.policy != "" && !keeps {
		return fmt.Errorf("--restart: Podman before 5.1 (this is %s) cannot change the restart policy of a container: make it anew with --restart, from commit of this one", version)
	}
	if len(c.limits) > 0 {
		missing, err := missingControllers(conn, c.limits)
		if err != nil {
			return err
		}
		if len(missing) > 0 {
			return fmt.Errorf("%s: %s", strings.Join(c.limits[missing[0]], ", "), notDelegated(missing))
		}
		if !keeps {
			fmt.Fprintf(env.Err, "WARNING: the new limits last until the container stops: Podman before 5.1 (this is %s) does not keep them\n", version)
		}
	}
	return each(env, names, func(typed string) error {
		name, err := containerName(typed)
		if err != nil {
			return err
		}
		return containerError(name, c.apply(conn, name, keeps))
	})
}

func (o *updateOptions) change() (*change, error) {
	if o.kernelMemory != 0 {
		return nil, errors.New("--kernel-memory: cgroup v2 has no such limit; --memory counts the kernel's share too")
	}
	if o.rtPeriod != 0 || o.rtRuntime != 0 {
		return nil, errors.New("--cpu-rt-period, --cpu-rt-runtime: cgroup v2 gives containers no real-time share; use --cpu-shares or --cpus")
	}
	var d draft
	var r specs.LinuxResources
	if err := o.fillCPU(&d, &r); err != nil {
		return nil, err
	}
	if err := o.fillBlockIO(&d, &r); err != nil {
		return nil, err
	}
	if err := o.memoryChange(&d, &r); err != nil {
		return nil, err
	}
	if o.pidsLimit != 0 {
		r.Pids = &specs.LinuxPids{Limit: int64(max(o.pidsLimit, -1))}
		d.limit("pids", "--pids-limit")
	}
	if o.restart == "" && len(d.limits) == 0 {
		return nil, errors.New("you must provide one or more flags when using this command")
	}
	c := &change{resources: r, limits: d.limits}
	if o.restart != "" {
		policy := lifecycleOptions{restart: o.restart}
		if err := policy.fillRestart(&d); err != nil {
			return nil, errors.New(err.Error()) // with docker's exit code for update
		}
		c.policy = "no"
		if d.RestartPolicy != "" {
			c.policy = d.RestartPolicy
		}
		if d.RestartRetries != nil {
			c.retries = *d.RestartRetries
		}
	}
	return c, nil
}

func (o *updateOptions) memoryChange(d *draft, r *specs.LinuxResources) error {
	memory, swap, reservation := o.memory.Value(), o.swap.Value(), o.reservation.Value()
	switch {
	case memory != 0 && memory < least:
		return errors.New("Minimum memory limit allowed is 6MB")
	case memory > 0 && swap > 0 && swap < memory:
		return errors.New("Minimum memoryswap limit should be larger than memory limit, see usage")
	case reservation != 0 && reservation < least:
		return errors.New("Minimum memory reservation allowed is 6MB")
	case memory > 0 && reservation > memory:
		return errors.New("Minimum memory limit can not be less than memory reservation limit, see usage")
	}
	m := new(specs.LinuxMemory)
	for flag, set := range map[string]struct {
		value int64
		into  **int64
	}{
		"--memory":             {memory, &m.Limit},
		"--memory-swap":        {swap, &m.Swap},
		"--memory-reservation": {reservation, &m.Reservation},
	} {
		if set.value != 0 {
			*set.into, r.Memory = &set.value, m
			d.limit("memory", flag)
		}
	}
	slices.Sort(d.limits["memory"])
	return nil
}

func (c *change) apply(conn context.Context, name string, keeps bool) error {
	container, err := containers.Inspect(conn, name, nil)
	if err != nil {
		return err
	}
	switch {
	case c.policy != "" && c.policy != "no" && container.HostConfig.AutoRemove:
		return errors.New("Restart policy cannot be updated because AutoRemove is enabled for the container")
	case !keeps && !container.State.Running && !container.State.Paused:
		return fmt.Errorf("container %s is not running: Podman before 5.1 changes the limits of running containers only", name)
	}
	if err := c.fits(container.HostConfig); err != nil {
		return err
	}
	query := url.Values{}
	if c.policy != "" {
		query.Set("restartPolicy", c.policy)
		if c.retries > 0 {
			query.Set("restartRetries", strconv.FormatUint(uint64(c.retries), 10))
		}
	}
	resources := c.resources
	if keeps && len(c.limits) > 0 {
		complete(&resources, container.HostConfig)
	}
	return engine.Call(conn, http.MethodPost, engine.Libpod+"/containers/"+container.ID+"/update", query, resources, nil)
}

// fits checks new memory limits against those that stay.
func (c *change) fits(old *define.InspectContainerHostConfig) error {
	m := c.resources.Memory
	switch {
	case m == nil:
	case m.Limit != nil && m.Swap == nil && old.MemorySwap > 0 && *m.Limit > old.MemorySwap:
		return errors.New("Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time")
	case m.Limit == nil && m.Swap != nil && *m.Swap > 0 && old.Memory == 0:
		return errors.New("You should always set the Memory limit when using Memoryswap limit, see usage")
	case m.Limit == nil && m.Swap != nil && *m.Swap > 0 && *m.Swap < old.Memory:
		return errors.New("Minimum memoryswap limit should be larger than memory limit, see usage")
	}
	return nil
}

// complete adds the limits that a container has and keeps: Podman 5.1 to 5.3
// take away what is not named.
func complete(r *specs.LinuxResources, old *define.InspectContainerHostConfig) {
	if old.Memory > 0 || old.MemorySwap != 0 || old.MemoryReservation > 0 {
		if r.Memory == nil {
			r.Memory = new(specs.LinuxMemory)
		} else {
			r.Memory = copied(r.Memory)
		}
		keep(&r.Memory.Limit, old.Memory)
		keep(&r.Memory.Swap, old.MemorySwap)
		keep(&r.Memory.Reservation, old.MemoryReservation)
	}
	if old.CpuShares > 0 || old.CpuPeriod > 0 || old.CpuQuota != 0 || old.CpusetCpus != "" || old.CpusetMems != "" {
		if r.CPU == nil {
			r.CPU = new(specs.LinuxCPU)
		} else {
			r.CPU = copied(r.CPU)
		}
		keep(&r.CPU.Shares, old.CpuShares)
		keep(&r.CPU.Period, old.CpuPeriod)
		keep(&r.CPU.Quota, old.CpuQuota)
		if r.CPU.Cpus == "" {
			r.CPU.Cpus = old.CpusetCpus
		}
		if r.CPU.Mems == "" {
			r.CPU.Mems = old.CpusetMems
		}
	}
	if r.Pids == nil && old.PidsLimit > 0 {
		r.Pids = &specs.LinuxPids{Limit: old.PidsLimit}
	}
	if r.BlockIO == nil && old.BlkioWeight > 0 {
		r.BlockIO = &specs.LinuxBlockIO{Weight: &old.BlkioWeight}
	}
}

func copied[T any](p *T) *T { v := *p; return &v }

// keep sets a limit that is not set to the old one, if there was one.
func keep[T int64 | uint64](limit **T, old T) {
	if *limit == nil && old != 0 {
		*limit = &old
	}
}
