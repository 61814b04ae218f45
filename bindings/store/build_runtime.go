package store

import (
	"fmt"
	"os"
	"os/exec"

	"github.com/containers/buildah/define"
	"github.com/containers/common/pkg/config"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// runtimeOptions say how RUN runs its processes: with what containers.conf says
// for Podman's containers.
func runtimeOptions(o *define.BuildOptions, network string) error {
	conf, err := config.Reload() // the prelude hid it
	if err != nil {
		return fmt.Errorf("reading containers.conf: %w", err)
	}
	runtime, err := runtimePath(conf)
	if err != nil {
		return err
	}
	o.Runtime, o.RuntimeArgs = tidyRuntime, []string{runtime}
	if conf.Engine.CgroupManager == config.SystemdCgroupsManager {
		o.RuntimeArgs = append(o.RuntimeArgs, "--systemd-cgroup")
	}
	namespace := define.NamespaceOption{Name: string(specs.NetworkNamespace)}
	o.ConfigureNetwork = define.NetworkEnabled
	switch network {
	case "host":
		namespace.Host = true
	case "none":
		o.ConfigureNetwork = define.NetworkDisabled
	case "", "default", "bridge", "private":
		if namespace.Path, err = rootlessNetwork(conf); err != nil {
			return err
		}
	default:
		return fmt.Errorf("network mode %q not supported by a build; use default, host or none", network)
	}
	o.NamespaceOptions = define.NamespaceOptions{namespace}
	return nil
}

// runtimePath finds the runtime that containers.conf names, or one of those
// that work as well.
func runtimePath(conf *config.Config) (string, error) {
	for _, name := range []string{conf.Engine.OCIRuntime, "crun", "runc"} {
		for _, path := range append(conf.Engine.OCIRuntimes[name], name) {
			if found, err := exec.LookPath(path); err == nil {
				return found, nil
			}
		}
	}
	return "", fmt.Errorf("no program to run containers with (%s): install crun", conf.Engine.OCIRuntime)
}

// rootlessNetwork is the program that gives the processes of RUN a network: what
// containers.conf says, or what is there.
func rootlessNetwork(conf *config.Config) (string, error) {
	names := []string{"slirp4netns", "pasta"}
	if conf.Network.DefaultRootlessNetworkCmd == "pasta" {
		names = []string{"pasta", "slirp4netns"}
	}
	for _, name := range names {
		if _, err := conf.FindHelperBinary(name, true); err == nil {
			return name, nil
		}
	}
	return "", fmt.Errorf("neither slirp4netns nor pasta is there to give RUN a network: install one, or build with --network host (PATH is %s)", os.Getenv("PATH"))
}
