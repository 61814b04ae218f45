package commands

import "github.com/urfave/cli/v2"

// refusedFlags are docker's flags that cannot be honoured here: the reason, the
// way out, and the values that ask for nothing.
var refusedFlags = []struct {
	name, kind, reason string
	harmless           []string
}{
	{"cpu-count", "int", windowsOnly, []string{"0"}},
	{"cpu-percent", "int", windowsOnly, []string{"0"}},
	{"io-maxbandwidth", "bytes", windowsOnly, []string{"0"}},
	{"io-maxiops", "uint", windowsOnly, []string{"0"}},
	{"isolation", "string", "Linux only supports 'default'", []string{"", "default"}},
	{"cpu-rt-period", "int", "real-time scheduling needs cgroup v1 and root; leave it out", []string{"0"}},
	{"cpu-rt-runtime", "int", "real-time scheduling needs cgroup v1 and root; leave it out", []string{"0"}},
	{"device-cgroup-rule", "list", "without root there is no cgroup list of devices: their own permissions decide; give the device itself with --device", nil},
	{"domainname", "string", "Podman sets no NIS domain; give the whole name instead: --hostname NAME.DOMAIN", []string{""}},
	{"gpus", "gpu-request", "not in this version; name the devices of a CDI specification instead: --device nvidia.com/gpu=all", nil},
	{"link", "list", "Podman has no links; put both containers into one network, where each finds the other by its name: dockless network create NET, then run both with --network NET", nil},
	{"link-local-ip", "list", "Podman gives no link-local addresses; give a fixed one on a network of your own: --network NET --ip ADDRESS", nil},
	{"storage-opt", "list", "a size for one container needs project quotas, which only root can set; leave it out", nil},
}

const windowsOnly = "only supported on a Docker daemon running on windows, but this engine is running on linux"

func refusals() []cli.Flag {
	var flags []cli.Flag
	for _, r := range refusedFlags {
		flags = append(flags, refused(r.kind, r.name, r.reason, r.harmless...))
	}
	return flags
}
