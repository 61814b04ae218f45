package commands

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/mount"
	"github.com/urfave/cli/v2"
)

type mountOptions struct {
	volumes, tmpfs, volumesFrom []string
	mounts                      mountFlag
	volumeDriver                string
	readOnly                    bool
}

func (o *mountOptions) flags() []cli.Flag {
	return []cli.Flag{
		list(&o.volumes, "volume", "v", "Bind mount a volume"),
		value(&o.mounts, "mount", "", "Attach a filesystem mount to the container"),
		list(&o.tmpfs, "tmpfs", "", "Mount a tmpfs directory"),
		list(&o.volumesFrom, "volumes-from", "", "Mount volumes from the specified container(s)"),
		str(&o.volumeDriver, "volume-driver", "", "Optional volume driver for the container"),
		boolean(&o.readOnly, "read-only", "", "Mount the container's root filesystem as read only"),
	}
}

func (o *mountOptions) fill(d *draft) error {
	if o.volumeDriver != "" && o.volumeDriver != "local" {
		return fmt.Errorf("--volume-driver %s: only the local driver is here; make the volume first: dockless volume create --opt type=… --opt device=… NAME", o.volumeDriver)
	}
	d.ReadOnlyFilesystem = o.readOnly
	for _, text := range slices.Compact(slices.Sorted(slices.Values(o.volumes))) {
		v, err := parseVolume(text)
		if err != nil {
			return err
		}
		if v.Type == mount.TypeBind {
			d.sources = append(d.sources, v.Source)
		}
		if err := d.addMount(v.Mount, v.Relabel, ""); err != nil {
			return err
		}
	}
	for i, m := range o.mounts.parsed.Value() {
		if err := checkMount(m); err != nil {
			return err
		}
		if err := d.addMount(m, "", o.mounts.subpaths[i]); err != nil {
			return err
		}
	}
	for _, text := range o.tmpfs {
		target, options, _ := strings.Cut(text, ":")
		if err := d.addTmpfs(target, options); err != nil {
			return err
		}
	}
	for _, from := range o.volumesFrom {
		if from == "" {
			return errors.New("volumes-from specification cannot be an empty string")
		}
		if _, mode, ok := strings.Cut(from, ":"); ok && !slices.Contains([]string{"ro", "rw", "z", "ro,z", "rw,z", "z,ro", "z,rw"}, mode) {
			return fmt.Errorf("invalid mode: %s", mode)
		}
	}
	d.VolumesFrom = o.volumesFrom
	return d.checkTargets()
}

// checkMount refuses what the Docker daemon refuses of a --mount.
func checkMount(m mount.Mount) error {
	if err := checkTarget(m.Type, m.Target); err != nil {
		return err
	}
	wrong := func(format string, a ...any) error {
		return fmt.Errorf("invalid mount config for type %q: %w", m.Type, fmt.Errorf(format, a...))
	}
	switch m.Type {
	case mount.TypeBind:
		switch _, err := os.Stat(m.Source); {
		case m.Source == "":
			return wrong("field Source must not be empty")
		case !path.IsAbs(m.Source):
			return wrong("invalid mount path: '%s' mount path must be absolute", m.Source)
		case errors.Is(err, fs.ErrNotExist):
			return wrong("bind source path does not exist: %s", m.Source)
		case m.BindOptions != nil && m.BindOptions.Propagation != "" && !slices.Contains(mount.Propagations, m.BindOptions.Propagation):
			return wrong("invalid propagation mode: %s", m.BindOptions.Propagation)
		}
	case mount.TypeVolume:
		if m.Source == "" && m.ReadOnly {
			return wrong("must not set ReadOnly mode when using anonymous volumes")
		}
		if v := m.VolumeOptions; v != nil && v.DriverConfig != nil && v.DriverConfig.Name != "" && v.DriverConfig.Name != "local" {
			return wrong("volume driver %s is not here, only local is", v.DriverConfig.Name)
		}
	case mount.TypeTmpfs:
		if m.Source != "" {
			return wrong("field Source must not be specified")
		}
	case mountImage:
		if m.Source == "" {
			return wrong("field Source must not be empty")
		}
	default:
		return wrong("mount type unknown")
	}
	return nil
}

func (d *draft) checkTargets() error {
	seen := map[string]bool{}
	for _, target := range d.targets() {
		if seen[target] {
			return fmt.Errorf("Duplicate mount point: %s", target)
		}
		seen[target] = true
	}
	return nil
}

func (d *draft) targets() []string {
	var all []string
	for _, m := range d.Mounts {
		all = append(all, m.Destination)
	}
	for _, v := range d.Volumes {
		all = append(all, v.Dest)
	}
	for _, v := range d.ImageVolumes {
		all = append(all, v.Destination)
	}
	return all
}
