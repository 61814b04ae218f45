package commands

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/mount"
)

// volumeSpec is one -v: a mount, and what --mount cannot say.
type volumeSpec struct {
	mount.Mount
	Relabel string // SELinux: "z" shared, "Z" private, "" not at all
}

// parseVolume reads the value of -v: [SOURCE:]TARGET[:OPTIONS]. SOURCE is a
// directory or file when it begins with / or a dot, else a volume's name.
// Source: https://docs.docker.com/engine/storage/bind-mounts/#options-for---volume
func parseVolume(spec string) (volumeSpec, error) {
	if spec == "" {
		return volumeSpec{}, errors.New("invalid empty volume spec")
	}
	fields := strings.Split(spec, ":")
	switch {
	case len(spec) > 2 && slices.Contains(fields, ""):
		return volumeSpec{}, fmt.Errorf("invalid spec: %s: empty section between colons", spec)
	case len(fields) > 3:
		return volumeSpec{}, fmt.Errorf("invalid spec: %s: too many colons", spec)
	case slices.Contains(fields, ""), len(fields) == 2 && validVolumeOptions(fields[1]):
		return volumeSpec{}, fmt.Errorf("invalid volume specification: '%s'", spec)
	}
	v := volumeSpec{Mount: mount.Mount{Type: mount.TypeVolume, Target: fields[0]}}
	if len(fields) > 1 {
		v.Source, v.Target = fields[0], fields[1]
		if strings.HasPrefix(v.Source, ".") {
			absolute, err := filepath.Abs(v.Source)
			if err != nil {
				return volumeSpec{}, fmt.Errorf("finding %s: %w", v.Source, err)
			}
			v.Source = absolute
		}
		if path.IsAbs(v.Source) {
			v.Type = mount.TypeBind
		}
	}
	if len(fields) == 3 {
		if !validVolumeOptions(fields[2]) {
			return volumeSpec{}, fmt.Errorf("invalid mode: %s", fields[2])
		}
		v.setOptions(fields[2])
	}
	if err := checkTarget(v.Type, v.Target); err != nil {
		return volumeSpec{}, fmt.Errorf("invalid volume specification: '%s': %w", spec, err)
	}
	return v, nil
}

func (v *volumeSpec) setOptions(options string) {
	for _, option := range strings.Split(options, ",") {
		switch {
		case option == "ro":
			v.ReadOnly = true
		case option == "nocopy":
			v.VolumeOptions = &mount.VolumeOptions{NoCopy: true}
		case option == "z" || option == "Z":
			v.Relabel = option
		case slices.Contains(mount.Propagations, mount.Propagation(option)):
			v.BindOptions = &mount.BindOptions{Propagation: mount.Propagation(option)}
		}
	}
}

// volumeOptions are the words after the last colon, in groups of which only one
// may be given. The last group is for Docker Desktop; Docker ignores it on Linux.
var volumeOptions = [][]string{
	{"rw", "ro"},
	{"z", "Z"},
	{"private", "rprivate", "slave", "rslave", "shared", "rshared"},
	{"copy", "nocopy"},
	{"consistent", "cached", "delegated", "default"},
}

func validVolumeOptions(options string) bool {
	used := make([]bool, len(volumeOptions))
	for _, option := range strings.Split(options, ",") {
		group := slices.IndexFunc(volumeOptions, func(g []string) bool { return slices.Contains(g, option) })
		if group < 0 || used[group] {
			return false
		}
		used[group] = true
	}
	return true
}

// checkTarget says in the Docker daemon's words what is wrong with a place in
// the container.
func checkTarget(kind mount.Type, target string) error {
	switch {
	case path.Clean(target) == "/":
		return fmt.Errorf("invalid mount config for type %q: invalid specification: destination can't be '/'", kind)
	case !path.IsAbs(target):
		return fmt.Errorf("invalid mount config for type %q: invalid mount path: '%s' mount path must be absolute", kind, target)
	}
	return nil
}

// checkVolumeName refuses what Docker's local driver refuses.
func checkVolumeName(name string) error {
	if len(name) == 1 {
		return fmt.Errorf("create %s: volume name is too short, names should be at least two alphanumeric characters", name)
	}
	if !restrictedName(name) {
		return fmt.Errorf(`create %s: %q includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`, name, name)
	}
	return nil
}

// restrictedName tells whether docker allows a name for a container or a
// volume: [a-zA-Z0-9][a-zA-Z0-9_.-]+.
func restrictedName(name string) bool {
	const alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	return len(name) > 1 && strings.Trim(name[:1], alphanumeric) == "" && strings.Trim(name[1:], alphanumeric+"_.-") == ""
}
