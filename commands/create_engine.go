package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/blang/semver/v4"
	"github.com/containers/podman/v4/pkg/bindings"
	"github.com/containers/podman/v4/pkg/bindings/containers"
	"github.com/containers/podman/v4/pkg/bindings/system"
	"github.com/containers/podman/v4/pkg/domain/entities"
	spec "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"
)

// engineOptions are the flags whose meaning hangs on which engine answers.
type engineOptions struct {
	runtime      string
	useAPISocket bool
}

func (o *engineOptions) flags() []cli.Flag {
	return []cli.Flag{
		str(&o.runtime, "runtime", "", "Runtime to use for this container"),
		hidden(boolean(&o.useAPISocket, "use-api-socket", "", "Bind mount Docker API socket and required auth")),
	}
}

func (o *engineOptions) fill(*draft) error {
	if o.useAPISocket {
		return usage("--use-api-socket: no daemon has a socket to share; share your own Podman's: -v %s:/var/run/docker.sock",
			filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "podman/podman.sock"))
	}
	return nil
}

// complete settles what depends on the image and on the engine's version.
func (d *draft) complete(conn context.Context, image *entities.ImageInspectReport) error {
	version := *bindings.ServiceVersion(conn)
	if !d.runnable(image) {
		return errors.New("no command specified")
	}
	d.cleanEnvironment(image.Config.Env)
	user := d.User
	if user == "" {
		user = image.Config.User
	}
	d.giveDockerCapabilities(user)
	d.completeHealth(image.HealthCheck)
	if version.GTE(semver.MustParse("5.3.0")) {
		// Docker keeps the last five checks; unset, these servers keep all.
		d.more["healthLogDestination"], d.more["healthMaxLogCount"], d.more["healthMaxLogSize"] = "local", 5, 500
		// Docker's /etc/hosts does not repeat the host's.
		d.more["base_hosts_file"] = "none"
	}
	if d.readOnly && version.Major >= 5 && d.IpcNS.IsPrivate() && !slices.Contains(d.targets(), "/dev/shm") {
		d.addWritableShm()
	}
	if err := d.resolveHostGateway(version); err != nil {
		return err
	}
	for _, v := range d.Volumes {
		if v.SubPath != "" && version.LT(semver.MustParse("4.4.0")) {
			return fmt.Errorf("volume-subpath needs Podman 4.4, this is %s; mount the whole volume", version)
		}
	}
	if err := d.takeHostname(conn); err != nil {
		return err
	}
	if err := d.chooseRuntime(conn, version); err != nil {
		return err
	}
	return d.discardLimits(conn)
}

// runnable tells whether there is anything to run. --entrypoint also takes the
// image's CMD away; Podman 5 would make a container that cannot start.
func (d *draft) runnable(image *entities.ImageInspectReport) bool {
	switch {
	case len(d.Command) > 0, d.entrypoint.value != "":
		return true
	case d.entrypoint.given:
		return false
	}
	return len(image.Config.Entrypoint) > 0 || len(image.Config.Cmd) > 0
}

// takeHostname gives a container in another one's network that one's name, as
// in docker.
func (d *draft) takeHostname(conn context.Context) error {
	if !d.NetNS.IsContainer() || d.UtsNS.IsHost() {
		return nil
	}
	other, err := containers.Inspect(conn, d.NetNS.Value, nil)
	if err != nil {
		return containerError(d.NetNS.Value, err)
	}
	d.Hostname = other.Config.Hostname
	return nil
}

// cleanEnvironment takes away what Podman adds and Docker does not:
// container=podman, and TERM without a terminal.
func (d *draft) cleanEnvironment(image []string) {
	inImage := func(name string) bool {
		return slices.ContainsFunc(image, func(pair string) bool { return strings.HasPrefix(pair, name+"=") })
	}
	if !inImage("container") {
		d.UnsetEnv = append(d.UnsetEnv, "container")
	}
	if !inImage("TERM") && !d.tty {
		d.UnsetEnv = append(d.UnsetEnv, "TERM")
	}
}

// addWritableShm keeps /dev/shm writable with --read-only, which Podman 5 takes
// away unless it may also make /tmp and /run writable.
func (d *draft) addWritableShm() {
	size := int64(64 << 20)
	if d.ShmSize != nil {
		size = *d.ShmSize
	}
	d.Mounts = append(d.Mounts, spec.Mount{
		Type: "tmpfs", Source: "tmpfs", Destination: "/dev/shm",
		Options: []string{"rw", "noexec", "mode=1777", fmt.Sprintf("size=%d", size), "notmpcopyup"},
	})
}

// chooseRuntime is --runtime. Before Podman 6 the server uses its own runtime,
// whatever the request says.
func (d *draft) chooseRuntime(conn context.Context, version semver.Version) error {
	if d.runtime == "" {
		return nil
	}
	if version.Major >= 6 {
		d.OCIRuntime = d.runtime
		return nil
	}
	info, err := system.Info(conn, nil)
	if err != nil {
		return fmt.Errorf("asking Podman for its runtime: %w", err)
	}
	if used := info.Host.OCIRuntime.Name; used != d.runtime {
		return fmt.Errorf("--runtime %s: Podman %s runs every container with %s; set runtime = %q under [engine] in ~/.config/containers/containers.conf, or use Podman 6", d.runtime, version, used, d.runtime)
	}
	return nil
}
