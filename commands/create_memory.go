package commands

import (
	"errors"

	spec "github.com/opencontainers/runtime-spec/specs-go"
)

// least is the smallest memory limit that Docker takes.
const least = 6 << 20

// fillMemory checks and sets the memory limits in the order and the words of
// Docker's daemon.
func (o *resourceOptions) fillMemory(d *draft, r *spec.LinuxResources) error {
	memory, swap, reservation := o.memory.Value(), o.swap.Value(), o.reservation.Value()
	if o.swappiness < -1 || o.swappiness > 100 {
		return usage("invalid value: %d. Valid memory swappiness range is 0-100", o.swappiness)
	}
	if err := checkMemory(memory, swap); err != nil {
		return err
	}
	switch {
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

// checkMemory checks limits of memory, and of memory and swap together; 0 is
// none, and -1 any swap.
func checkMemory(memory, swap int64) error {
	switch {
	case memory != 0 && memory < least:
		return errors.New("Minimum memory limit allowed is 6MB")
	case memory > 0 && swap > 0 && swap < memory:
		return errors.New("Minimum memoryswap limit should be larger than memory limit, see usage")
	case memory == 0 && swap > 0:
		return errors.New("You should always set the Memory limit when using Memoryswap limit, see usage")
	}
	return nil
}
