package commands

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	spec "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"
)

type deviceOptions struct {
	devices []string
}

func (o *deviceOptions) flags() []cli.Flag {
	return []cli.Flag{
		list(&o.devices, "device", "", "Add a host device to the container"),
	}
}

func (o *deviceOptions) fill(d *draft) error {
	for _, text := range o.devices {
		if qualifiedDevice(text) {
			d.Devices = append(d.Devices, spec.LinuxDevice{Path: text})
			continue
		}
		source, target, access, err := parseDevice(text)
		if err != nil {
			return usage("%w", err)
		}
		info, err := os.Stat(source)
		if err != nil {
			return fmt.Errorf("error gathering device information while adding custom device %q: no such file or directory", source)
		}
		if info.Mode()&fs.ModeDevice == 0 && !info.IsDir() {
			return fmt.Errorf("error gathering device information while adding custom device %q: not a device node", source)
		}
		if unix.Access(source, unix.R_OK) != nil && unix.Access(source, unix.W_OK) != nil {
			d.warn("--device %s: you may not open it yourself, so the container cannot either", source)
		}
		if !strings.Contains(access, "w") || !strings.Contains(access, "r") {
			d.warn("--device %s: access is not narrowed to %q: without root the device's own permissions decide", source, access)
		}
		d.Devices = append(d.Devices, spec.LinuxDevice{Path: source + ":" + target + ":" + access})
	}
	return nil
}

// qualifiedDevice tells the name of a device of the Container Device Interface,
// VENDOR/CLASS=NAME, from a path.
// Source: https://github.com/cncf-tags/container-device-interface/blob/main/SPEC.md#cdi-json-specification
func qualifiedDevice(text string) bool {
	kind, name, ok := strings.Cut(text, "=")
	return ok && name != "" && !strings.HasPrefix(kind, "/") && strings.Count(kind, "/") == 1
}

// parseDevice reads HOST[:CONTAINER][:ACCESS].
func parseDevice(text string) (source, target, access string, err error) {
	fields := strings.Split(text, ":")
	if len(fields) > 3 || fields[0] == "" {
		return "", "", "", fmt.Errorf("bad format for path: %s", text)
	}
	source, target, access = fields[0], fields[0], "rwm"
	switch {
	case len(fields) == 3 && !validAccess(fields[2]):
		return "", "", "", fmt.Errorf("bad mode specified: %s", fields[2])
	case len(fields) == 3:
		target, access = fields[1], fields[2]
	case len(fields) == 2 && validAccess(fields[1]):
		access = fields[1]
	case len(fields) == 2:
		target = fields[1]
	}
	if !path.IsAbs(target) {
		return "", "", "", fmt.Errorf("%s is not an absolute path", target)
	}
	return source, path.Clean(target), access, nil
}

// validAccess tells whether access is made of r, w and m, each at most once.
func validAccess(access string) bool {
	for _, letter := range []string{"r", "w", "m"} {
		access = strings.Replace(access, letter, "-", 1)
	}
	return access != "" && strings.Trim(access, "-") == ""
}
