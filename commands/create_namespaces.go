package commands

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/containers/podman/v4/pkg/specgen"
	"github.com/docker/cli/opts"
	"github.com/urfave/cli/v2"
)

type namespaceOptions struct {
	pid, ipc, uts, userns, cgroupns string
	shmSize                         opts.MemBytes
	sysctls                         *opts.MapOpts
}

func (o *namespaceOptions) flags() []cli.Flag {
	o.sysctls = opts.NewMapOpts(nil, opts.ValidateSysctl)
	return []cli.Flag{
		str(&o.pid, "pid", "", "PID namespace to use"),
		str(&o.ipc, "ipc", "", "IPC mode to use"),
		str(&o.uts, "uts", "", "UTS namespace to use"),
		str(&o.userns, "userns", "", "User namespace to use"),
		str(&o.cgroupns, "cgroupns", "", "Cgroup namespace to use (host|private)\n"+
			"'host':    Run the container in the host's cgroup namespace\n"+
			"'private': Run the container in its own private cgroup namespace (default)"),
		value(&o.shmSize, "shm-size", "", "Size of /dev/shm"),
		value(o.sysctls, "sysctl", "", "Sysctl options"),
	}
}

func (o *namespaceOptions) fill(d *draft) error {
	var ok bool
	if d.PidNS, ok = namespace(o.pid, "host"); !ok {
		return usage("--pid: invalid PID mode")
	}
	if d.IpcNS, ok = namespace(o.ipc, "private", "shareable", "none", "host"); !ok {
		return fmt.Errorf("invalid IPC mode: %s", o.ipc)
	}
	if d.IpcNS.NSMode == "" {
		d.IpcNS.NSMode = specgen.Private // Podman's own default is shareable
	}
	if d.UtsNS, ok = namespace(o.uts, "host"); !ok || d.UtsNS.Value != "" {
		return usage("--uts: invalid UTS mode")
	}
	if d.CgroupNS, ok = namespace(o.cgroupns, "host", "private"); !ok || d.CgroupNS.Value != "" {
		return usage("--cgroupns: invalid CGROUP mode")
	}
	if err := o.fillUser(d); err != nil {
		return err
	}
	if d.UtsNS.IsHost() && d.Hostname != "" {
		return errors.New("conflicting options: hostname and the UTS mode")
	}
	if o.shmSize < 0 {
		return errors.New("SHM size can not be less than 0")
	}
	size := o.shmSize.Value()
	switch own := !d.IpcNS.IsHost() && !d.IpcNS.IsNone() && !d.IpcNS.IsContainer(); {
	case size > 0 && !own:
		d.warn("--shm-size is discarded: with --ipc %s the container has no /dev/shm of its own", o.ipc)
	case own:
		size = cmp.Or(size, 64<<20) // Podman's own default is 65536000
		d.ShmSize = &size
	}
	d.Sysctl = o.sysctls.GetAll()
	const unprivileged = "net.ipv4.ip_unprivileged_port_start"
	if _, set := d.Sysctl[unprivileged]; !set && !d.NetNS.IsHost() && !d.NetNS.IsContainer() {
		d.Sysctl[unprivileged] = "0" // as in docker: any user of the container may listen on port 80
	}
	return nil
}

// fillUser reads --userns. Docker knows host only: the rootless engine's own
// namespace, which is Podman's default too. keep-id is Podman's.
func (o *namespaceOptions) fillUser(d *draft) error {
	mode, options, _ := strings.Cut(o.userns, ":")
	switch {
	case o.userns == "" || o.userns == "host":
		d.UserNS.NSMode = specgen.Host
	case mode == "keep-id":
		d.UserNS = specgen.Namespace{NSMode: specgen.KeepID, Value: options}
	default:
		return usage("--userns: invalid USER mode")
	}
	return nil
}

// namespace reads the name of a namespace: one of the modes, container:NAME
// or "" for Podman's default.
func namespace(text string, modes ...string) (ns specgen.Namespace, ok bool) {
	if text == "" {
		return ns, true
	}
	if name, joined := strings.CutPrefix(text, "container:"); joined && name != "" {
		return specgen.Namespace{NSMode: specgen.FromContainer, Value: name}, true
	}
	for _, mode := range modes {
		if text == mode {
			return specgen.Namespace{NSMode: specgen.NamespaceMode(mode)}, true
		}
	}
	return ns, false
}
