package commands

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/containers/common/pkg/capabilities"
	"github.com/urfave/cli/v2"
)

type hardeningOptions struct {
	capAdd, capDrop, securityOpt []string
	privileged                   bool
}

func (o *hardeningOptions) flags() []cli.Flag {
	return []cli.Flag{
		list(&o.capAdd, "cap-add", "", "Add Linux capabilities"),
		list(&o.capDrop, "cap-drop", "", "Drop Linux capabilities"),
		boolean(&o.privileged, "privileged", "", "Give extended privileges to this container"),
		list(&o.securityOpt, "security-opt", "", "Security Options"),
	}
}

func (o *hardeningOptions) fill(d *draft) error {
	d.Privileged = o.privileged
	var err error
	if d.CapAdd, err = capabilityNames(o.capAdd); err != nil {
		return fmt.Errorf("invalid CapAdd: %w", err)
	}
	if d.CapDrop, err = capabilityNames(o.capDrop); err != nil {
		return fmt.Errorf("invalid CapDrop: %w", err)
	}
	for _, option := range o.securityOpt {
		if err := d.secure(option); err != nil {
			return err
		}
	}
	return nil
}

// capabilityNames reads docker's names: any case, with or without CAP_, or ALL.
func capabilityNames(typed []string) ([]string, error) {
	var names []string
	for _, name := range typed {
		name = strings.ToUpper(strings.TrimSpace(name))
		if name != capabilities.All && !strings.HasPrefix(name, "CAP_") {
			name = "CAP_" + name
		}
		if capabilities.ValidateCapabilities([]string{name}) != nil && name != capabilities.All {
			return nil, fmt.Errorf("unknown capability: %q", name)
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// dockerCapabilities are those that Docker gives by default and Podman does not.
var dockerCapabilities = []string{"CAP_AUDIT_WRITE", "CAP_MKNOD", "CAP_NET_RAW"}

// giveDockerCapabilities completes Podman's default set to Docker's. For a user
// other than root Podman would make added ones ambient, which Docker's are not:
// that container keeps Podman's set.
func (d *draft) giveDockerCapabilities(user string) {
	user, _, _ = strings.Cut(user, ":")
	if d.Privileged || user != "" && user != "root" && user != "0" || d.UserNS.IsKeepID() ||
		slices.Contains(d.CapDrop, capabilities.All) || slices.Contains(d.CapAdd, capabilities.All) {
		return
	}
	for _, name := range dockerCapabilities {
		if !slices.Contains(d.CapDrop, name) && !slices.Contains(d.CapAdd, name) {
			d.CapAdd = append(d.CapAdd, name)
		}
	}
}

// secure reads one --security-opt.
// Source: https://docs.docker.com/reference/cli/docker/container/run/#security-opt
func (d *draft) secure(option string) error {
	key, val, ok := strings.Cut(option, "=")
	if !ok && key != "no-new-privileges" {
		key, val, ok = strings.Cut(option, ":") // the form before Docker 1.11
	}
	if key != "no-new-privileges" && !strings.HasPrefix(key, "no-new-privileges:") && (!ok || val == "") {
		return usage("Invalid --security-opt: %q", option)
	}
	switch key {
	case "no-new-privileges", "no-new-privileges:true", "no-new-privileges:false":
		_, old, _ := strings.Cut(key, ":")
		on, err := strconv.ParseBool(val + old)
		if val+old != "" && err != nil {
			return fmt.Errorf("invalid --security-opt 2: %q", option)
		}
		d.NoNewPrivileges = on || val+old == ""
	case "label":
		if val == "disable" {
			d.SelinuxOpts = append(d.SelinuxOpts, val)
			return nil
		}
		part, rest, found := strings.Cut(val, ":")
		if !found || rest == "" || !slices.Contains([]string{"user", "role", "type", "level", "filetype"}, part) {
			return fmt.Errorf("invalid --security-opt 2: %q: bad label option %q", option, val)
		}
		d.SelinuxOpts = append(d.SelinuxOpts, val)
	case "apparmor":
		d.ApparmorProfile = val
	case "seccomp":
		return d.filterCalls(val)
	case "systempaths":
		if val != "unconfined" {
			return fmt.Errorf("invalid --security-opt 2: %q", option)
		}
		d.Unmask = append(d.Unmask, "ALL")
	case "writable-cgroups":
		on, err := strconv.ParseBool(val)
		if err != nil {
			return fmt.Errorf("invalid --security-opt 2: %q", option)
		}
		if on {
			d.Unmask = append(d.Unmask, "/sys/fs/cgroup")
		}
	default:
		return fmt.Errorf("invalid --security-opt 2: %q", option)
	}
	return nil
}

// filterCalls is --security-opt seccomp=PROFILE.
func (d *draft) filterCalls(profile string) error {
	switch profile {
	case "unconfined":
		d.SeccompProfilePath = profile
		return nil
	case "builtin":
		return nil // Podman's default, which is Docker's profile kept up to date
	}
	text, err := os.ReadFile(profile)
	if err != nil {
		return usage("opening seccomp profile (%s) failed: %w", profile, err)
	}
	if !json.Valid(text) {
		return usage("compacting json for seccomp profile (%s) failed: %w", profile, errors.New("it is not JSON"))
	}
	d.SeccompProfilePath, err = filepath.Abs(profile)
	return err
}
