package dockerapi

import (
	"slices"

	"github.com/containers/podman/v4/libpod/define"
)

// dockerCapabilities are what a container of Docker's has.
// Source: https://docs.docker.com/engine/containers/run/#runtime-privilege-and-linux-capabilities
var dockerCapabilities = []string{
	"CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD",
	"CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
}

// podmanLacks are those of them that a container of Podman's does not have
// unless they are asked for.
var podmanLacks = []string{"CAP_AUDIT_WRITE", "CAP_MKNOD", "CAP_NET_RAW"}

// capabilities compares what the container may have with Docker's defaults,
// because Podman's versions compare with different defaults of their own.
func capabilities(p *define.InspectContainerData) (add, drop []string) {
	if p.HostConfig.Privileged {
		return nil, nil
	}
	if len(p.BoundingCaps) == 0 {
		return nil, []string{"ALL"}
	}
	for _, capability := range p.BoundingCaps {
		if !slices.Contains(dockerCapabilities, capability) {
			add = append(add, capability)
		}
	}
	for _, capability := range dockerCapabilities {
		if !slices.Contains(p.BoundingCaps, capability) {
			drop = append(drop, capability)
		}
	}
	if !slices.ContainsFunc(podmanLacks, func(c string) bool { return !slices.Contains(drop, c) }) {
		drop = slices.DeleteFunc(drop, func(c string) bool { return slices.Contains(podmanLacks, c) })
	}
	if len(p.BoundingCaps)+1 < len(add)+len(drop) {
		return p.BoundingCaps, []string{"ALL"}
	}
	return add, orNil(drop)
}
