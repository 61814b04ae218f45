package commands

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/docker/docker/api/types"
	"github.com/docker/go-units"
)

// printClientInfo and printServerInfo write docker info's page.
// Source: https://docs.docker.com/reference/cli/docker/system/info/
func printClientInfo(w io.Writer, client clientInfo) {
	fmt.Fprintln(w, "Client: dockless")
	fmt.Fprintf(w, " Version:    %s\n", client.Version)
	fmt.Fprintf(w, " Context:    %s\n", client.Context)
	fmt.Fprintf(w, " Debug Mode: %t\n", client.Debug)
}

func printServerInfo(w io.Writer, info types.Info) {
	line := func(format string, a ...any) { fmt.Fprintf(w, format+"\n", a...) }
	unlessEmpty := func(name, value string) {
		if value != "" {
			line(" %s: %s", name, value)
		}
	}
	line("\nServer:")
	line(" Containers: %d", info.Containers)
	line("  Running: %d", info.ContainersRunning)
	line("  Paused: %d", info.ContainersPaused)
	line("  Stopped: %d", info.ContainersStopped)
	line(" Images: %d", info.Images)
	unlessEmpty("Server Version", info.ServerVersion)
	unlessEmpty("Storage Driver", info.Driver)
	for _, pair := range info.DriverStatus {
		line("  %s: %s", pair[0], pair[1])
	}
	unlessEmpty("Logging Driver", info.LoggingDriver)
	unlessEmpty("Cgroup Driver", info.CgroupDriver)
	unlessEmpty("Cgroup Version", info.CgroupVersion)
	line(" Plugins:")
	line("  Volume: %s", strings.Join(info.Plugins.Volume, " "))
	line("  Network: %s", strings.Join(info.Plugins.Network, " "))
	line("  Log: %s", strings.Join(info.Plugins.Log, " "))
	line(" Swarm: %s", info.Swarm.LocalNodeState)
	line(" Runtimes: %s", strings.Join(slices.Sorted(maps.Keys(info.Runtimes)), " "))
	line(" Default Runtime: %s", info.DefaultRuntime)
	printSecurityOptions(w, info.SecurityOptions)
	unlessEmpty("Kernel Version", info.KernelVersion)
	unlessEmpty("Operating System", info.OperatingSystem)
	unlessEmpty("OSType", info.OSType)
	unlessEmpty("Architecture", info.Architecture)
	line(" CPUs: %d", info.NCPU)
	line(" Total Memory: %s", units.BytesSize(float64(info.MemTotal)))
	unlessEmpty("Name", info.Name)
	unlessEmpty("ID", info.ID)
	line(" Docker Root Dir: %s", info.DockerRootDir)
	line(" Debug Mode: %t", info.Debug)
	unlessEmpty("HTTP Proxy", info.HTTPProxy)
	unlessEmpty("HTTPS Proxy", info.HTTPSProxy)
	unlessEmpty("No Proxy", info.NoProxy)
	line(" Experimental: %t", info.ExperimentalBuild)
	printRegistries(w, info)
	line(" Live Restore Enabled: %t", info.LiveRestoreEnabled)
	unlessEmpty("Product License", info.ProductLicense)
	line("")
}

// printSecurityOptions writes options such as "name=seccomp,profile=default".
func printSecurityOptions(w io.Writer, options []string) {
	if len(options) == 0 {
		return
	}
	fmt.Fprintln(w, " Security Options:")
	for _, option := range options {
		name, rest, _ := strings.Cut(strings.TrimPrefix(option, "name="), ",")
		fmt.Fprintf(w, "  %s\n", name)
		if key, value, found := strings.Cut(rest, "="); found && key == "profile" {
			fmt.Fprintf(w, "   Profile: %s\n", value)
		}
	}
}

func printRegistries(w io.Writer, info types.Info) {
	if info.RegistryConfig == nil {
		return
	}
	if cidrs := info.RegistryConfig.InsecureRegistryCIDRs; len(cidrs) > 0 {
		fmt.Fprintln(w, " Insecure Registries:")
		for _, cidr := range cidrs {
			fmt.Fprintf(w, "  %s\n", cidr)
		}
	}
	if mirrors := info.RegistryConfig.Mirrors; len(mirrors) > 0 {
		fmt.Fprintln(w, " Registry Mirrors:")
		for _, mirror := range mirrors {
			fmt.Fprintf(w, "  %s\n", mirror)
		}
	}
}
