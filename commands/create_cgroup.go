package commands

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containers/podman/v4/pkg/bindings/system"
)

// limit notes that a flag needs a cgroup controller.
func (d *draft) limit(controller, flag string) {
	if d.limits == nil {
		d.limits = map[string][]string{}
	}
	d.limits[controller] = append(d.limits[controller], flag)
}

// discardLimits takes out what needs a cgroup controller that the engine does
// not have, with a warning, as Docker does; the runtime would fail at the start.
func (d *draft) discardLimits(conn context.Context) error {
	if len(d.limits) == 0 {
		return nil
	}
	missing, err := missingControllers(conn, d.limits)
	if err != nil || len(missing) == 0 {
		return err
	}
	var flags []string
	for _, controller := range missing {
		if controller != "pids" || d.pidsLimit > 0 { // no limit is what comes of it
			flags = append(flags, d.limits[controller]...)
		}
		switch controller {
		case "memory":
			d.ResourceLimits.Memory = nil
		case "cpu":
			if c := d.ResourceLimits.CPU; c != nil {
				c.Shares, c.Quota, c.Period = nil, nil, nil
			}
		case "cpuset":
			if c := d.ResourceLimits.CPU; c != nil {
				c.Cpus, c.Mems = "", ""
			}
		case "pids":
			d.ResourceLimits.Pids = nil
		case "io":
			d.ResourceLimits.BlockIO, d.WeightDevice = nil, nil
			d.ThrottleReadBpsDevice, d.ThrottleWriteBpsDevice = nil, nil
			d.ThrottleReadIOPSDevice, d.ThrottleWriteIOPSDevice = nil, nil
		}
	}
	if len(flags) > 0 {
		d.warn("%s discarded: %s", strings.Join(flags, ", "), notDelegated(missing))
	}
	return nil
}

// missingControllers returns those of the wanted cgroup controllers that the
// engine's containers cannot use, sorted. Podman names those of its own process;
// where systemd makes the containers' cgroups, all that the user was given count.
func missingControllers[T any](conn context.Context, wanted map[string]T) ([]string, error) {
	given := delegated()
	if missing := without(wanted, given); len(missing) == 0 && userManager() {
		return nil, nil // asking would cost Podman 0.2 s
	}
	info, err := system.Info(conn, nil)
	if err != nil {
		return nil, fmt.Errorf("asking Podman for its cgroup controllers: %w", err)
	}
	there := info.Host.CgroupControllers
	if info.Host.CgroupManager == "systemd" {
		there = append(there, given...)
	}
	return without(wanted, there), nil
}

func without[T any](wanted map[string]T, there []string) []string {
	var missing []string
	for controller := range wanted {
		if !slices.Contains(there, controller) {
			missing = append(missing, controller)
		}
	}
	slices.Sort(missing)
	return missing
}

// delegated are the controllers that systemd has given to this user's manager.
func delegated() []string {
	uid := os.Getuid()
	list, err := os.ReadFile(fmt.Sprintf("/sys/fs/cgroup/user.slice/user-%d.slice/user@%d.service/cgroup.controllers", uid, uid))
	if err != nil {
		return nil // no systemd, or no cgroup v2
	}
	return strings.Fields(string(list))
}

// userManager tells whether systemd can be asked to make a cgroup for this user.
func userManager() bool {
	_, err := os.Stat(filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "bus"))
	return err == nil
}

// notDelegated says why limits cannot be set and what gives them to a user.
func notDelegated(controllers []string) string {
	return fmt.Sprintf("the cgroup controllers %s are not delegated to you; %s", strings.Join(controllers, ", "), delegating)
}

// delegating is how a user gets them.
// Source: https://systemd.io/CGROUP_DELEGATION/
const delegating = `once, as root: mkdir -p /etc/systemd/system/user@.service.d; ` +
	`printf '[Service]\nDelegate=cpu cpuset io memory pids\n' > /etc/systemd/system/user@.service.d/delegate.conf; systemctl daemon-reload; then log in anew`
