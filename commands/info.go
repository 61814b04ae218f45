package commands

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"dockless/bindings/engine"

	"github.com/docker/cli/templates"
	"github.com/docker/docker/api/types"
	"github.com/sirupsen/logrus"
	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"
)

// engineInfo is what docker info shows: the engine's part with Docker's field
// names, and the client's.
type engineInfo struct {
	types.Info
	ClientInfo clientInfo
}

type clientInfo struct {
	Debug bool
	clientVersion
	Plugins  []string
	Warnings []string
}

func infoCommand(env *Env) *cli.Command {
	var format string
	return &cli.Command{
		Name:  "info",
		Usage: "Display system-wide information",
		Flags: []cli.Flag{str(&format, "format", "f", objectFormatHelp)},
		Action: arguments(0, 0, func(ctx context.Context, _ []string) error {
			return info(ctx, env, format)
		}),
	}
}

// info prints the client's part also where no engine answers.
func info(ctx context.Context, env *Env, format string) error {
	shown := engineInfo{ClientInfo: clientInfo{Debug: logrus.IsLevelEnabled(logrus.DebugLevel), clientVersion: ourVersion(), Plugins: []string{}}}
	if format == "" {
		printClientInfo(env.Out, shown.ClientInfo)
		server, err := serverInfo(ctx, env)
		if err != nil {
			fmt.Fprintln(env.Out, "\nServer:")
			return err
		}
		printServerInfo(env.Out, server)
		for _, warning := range server.Warnings {
			fmt.Fprintln(env.Err, warning)
		}
		return nil
	}
	if format == "json" {
		format = "{{json .}}"
	}
	parsed, err := templates.Parse(format)
	if err != nil {
		return &exit{code: exitTemplate, err: fmt.Errorf("template parsing error: %w", err)}
	}
	shown.Info, err = serverInfo(ctx, env)
	if executeErr := parsed.Execute(env.Out, shown); executeErr != nil {
		return executeErr
	}
	fmt.Fprintln(env.Out)
	return err
}

// serverInfo asks Podman in Docker's shape, and fills in what Podman leaves out
// or says in other words. Podman 4.3 leaves the log driver empty; no version
// says that it is rootless where Docker does.
func serverInfo(ctx context.Context, env *Env) (types.Info, error) {
	var shown struct {
		types.Info
		Rootless bool
	}
	conn, err := env.Engine(ctx)
	if err != nil {
		return shown.Info, err
	}
	var podman struct {
		Host struct {
			LogDriver         string
			CgroupControllers []string
		}
	}
	asked := new(errgroup.Group) // at once: for each, Podman runs its helpers and the package manager
	asked.Go(func() error { return engine.Call(conn, "GET", engine.Docker+"/info", nil, nil, &shown) })
	asked.Go(func() error { return engine.Call(conn, "GET", engine.Libpod+"/info", nil, nil, &podman) })
	if err := asked.Wait(); err != nil {
		return types.Info{}, fmt.Errorf("asking the engine about itself: %w", err)
	}
	result := shown.Info
	if result.LoggingDriver == "" {
		result.LoggingDriver = podman.Host.LogDriver
	}
	slices.SortFunc(result.DriverStatus, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) }) // a map's order
	result.IndexServerAddress = "https://index.docker.io/v1/"
	result.OperatingSystem = systemName(result.OperatingSystem)
	if machine, known := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[result.Architecture]; known {
		result.Architecture = machine
	}
	if result.CgroupVersion == "2" { // for which Podman fills in memory and pids only
		there := podman.Host.CgroupControllers
		if result.CgroupDriver == "systemd" { // Podman 4.3 lists the controllers of its own cgroup, systemd gives all that it has
			there = append(there, delegated()...)
		}
		can := func(controller string) bool { return slices.Contains(there, controller) }
		result.MemoryLimit, result.SwapLimit, result.PidsLimit = can("memory"), can("memory"), can("pids")
		result.CPUCfsQuota, result.CPUCfsPeriod, result.CPUShares = can("cpu"), can("cpu"), can("cpu")
		result.CPUSet = can("cpuset")
	}
	result.SecurityOptions = securityOptions(result, shown.Rootless)
	result.Warnings = append(result.Warnings, missingLimits(result)...)
	return result, nil
}

// securityOptions adds the options that Docker lists for an engine like this.
func securityOptions(info types.Info, rootless bool) []string {
	options := info.SecurityOptions
	add := func(name string) {
		for _, option := range options {
			if option == name || strings.HasPrefix(option, name+",") {
				return
			}
		}
		options = append(options, name)
	}
	if rootless {
		add("name=rootless")
	}
	if info.CgroupVersion == "2" {
		add("name=cgroupns")
	}
	return options
}

// missingLimits are Docker's warnings about limits that this host cannot set.
func missingLimits(info types.Info) []string {
	var warnings []string
	for _, limit := range []struct {
		name      string
		supported bool
	}{
		{"memory limit", info.MemoryLimit},
		{"swap limit", info.SwapLimit},
		{"cpu cfs quota", info.CPUCfsQuota},
		{"cpu cfs period", info.CPUCfsPeriod},
		{"cpu shares", info.CPUShares},
		{"cpuset", info.CPUSet},
		{"pids limit", info.PidsLimit},
	} {
		if !limit.supported {
			warnings = append(warnings, "WARNING: No "+limit.name+" support")
		}
	}
	return warnings
}

// systemName is this machine's system by its full name, where the engine gives
// the short one of the same; see os-release(5).
func systemName(id string) string {
	release, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return id
	}
	values := map[string]string{}
	for _, line := range strings.Split(string(release), "\n") {
		if key, value, found := strings.Cut(line, "="); found {
			values[key] = strings.Trim(value, `"'`)
		}
	}
	if values["ID"] != id || values["PRETTY_NAME"] == "" {
		return id
	}
	return values["PRETTY_NAME"]
}
