package commands

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"

	"dockless/bindings/engine"

	"github.com/containers/podman/v4/pkg/bindings/volumes"
	"github.com/containers/podman/v4/pkg/domain/entities"
	"github.com/containers/podman/v4/pkg/specgen"
	"github.com/docker/docker/api/types/mount"
	spec "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"
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

// addMount puts one -v or --mount into the request.
func (d *draft) addMount(m mount.Mount, relabel, subpath string) error {
	access := "rw"
	if m.ReadOnly {
		access = "ro"
	}
	options := []string{access}
	if relabel != "" {
		options = append(options, relabel)
	}
	if b := m.BindOptions; b != nil && b.Propagation != "" {
		options = append(options, string(b.Propagation))
	}
	switch m.Type {
	case mount.TypeBind:
		if err := readable(m.Source); err != nil {
			return err
		}
		kind := "rbind"
		if m.BindOptions != nil && m.BindOptions.NonRecursive {
			kind = "bind"
		}
		d.Mounts = append(d.Mounts, spec.Mount{Type: "bind", Source: path.Clean(m.Source), Destination: path.Clean(m.Target), Options: append(options, kind)})
	case mount.TypeVolume:
		return d.addVolume(m, options, subpath)
	case mount.TypeTmpfs:
		if t := m.TmpfsOptions; t != nil && t.SizeBytes != 0 {
			options = append(options, fmt.Sprintf("size=%d", t.SizeBytes))
		}
		if t := m.TmpfsOptions; t != nil && t.Mode != 0 {
			options = append(options, fmt.Sprintf("mode=%o", t.Mode))
		}
		return d.addTmpfs(m.Target, strings.Join(options, ","))
	case mountImage:
		if subpath != "" {
			return errors.New("image-subpath is not possible: Podman mounts whole images only")
		}
		d.ImageVolumes = append(d.ImageVolumes, &specgen.ImageVolume{Source: m.Source, Destination: path.Clean(m.Target), ReadWrite: !m.ReadOnly})
	}
	return nil
}

func (d *draft) addVolume(m mount.Mount, options []string, subpath string) error {
	v := &specgen.NamedVolume{Name: m.Source, Dest: path.Clean(m.Target), Options: options, SubPath: subpath}
	if m.Source != "" {
		if err := checkVolumeName(m.Source); err != nil {
			return err
		}
	}
	d.Volumes = append(d.Volumes, v)
	if m.VolumeOptions == nil {
		return nil
	}
	if m.VolumeOptions.NoCopy {
		v.Options = append(v.Options, "nocopy")
	}
	wanted := entities.VolumeCreateOptions{Name: m.Source, Driver: "local", Labels: m.VolumeOptions.Labels}
	if c := m.VolumeOptions.DriverConfig; c != nil {
		wanted.Options = c.Options
	}
	if len(wanted.Labels) > 0 || len(wanted.Options) > 0 {
		d.newVolumes = append(d.newVolumes, newVolume{mount: v, VolumeCreateOptions: wanted})
	}
	return nil
}

// addTmpfs puts an empty file system in memory into the request, with docker's
// defaults: nothing in it, nothing can be run from it.
func (d *draft) addTmpfs(target, options string) error {
	if err := checkTarget(mount.TypeTmpfs, target); err != nil {
		return err
	}
	given := strings.FieldsFunc(options, func(r rune) bool { return r == ',' })
	for _, option := range given {
		if name, _, _ := strings.Cut(option, "="); !slices.Contains(tmpfsOptions, name) {
			return fmt.Errorf("invalid tmpfs option %q: Podman knows %s", option, strings.Join(tmpfsOptions, ", "))
		}
	}
	if !slices.Contains(given, "exec") && !slices.Contains(given, "noexec") {
		given = append(given, "noexec")
	}
	d.Mounts = append(d.Mounts, spec.Mount{Type: "tmpfs", Source: "tmpfs", Destination: path.Clean(target), Options: append(given, "notmpcopyup")})
	return nil
}

var tmpfsOptions = []string{"ro", "rw", "exec", "noexec", "suid", "nosuid", "dev", "nodev", "size", "mode"}

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

// readable refuses a file or directory that this user may not look into. What
// belongs to an id above 65535 was made by a container, whose root may read it.
func readable(source string) error {
	var st unix.Stat_t
	if unix.Stat(source, &st) != nil || st.Uid > 0xffff {
		return nil // to be made, or for Podman to judge
	}
	needed := uint32(unix.R_OK)
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		needed = unix.X_OK
	}
	if err := unix.Access(source, needed); err != nil {
		return fmt.Errorf("invalid mount config for type \"bind\": %s: %w: a container without root sees files with your own rights; make it readable for you", source, err)
	}
	return nil
}

// newVolume is a volume that has to be made before the container because
// --mount gives it labels or driver options.
type newVolume struct {
	entities.VolumeCreateOptions
	mount *specgen.NamedVolume
}

// makeSources makes the directories that -v names and that are not there, and
// the volumes with options. undo removes the volumes again.
func (d *draft) makeSources(conn context.Context) (undo func(), err error) {
	var made []string
	undo = func() {
		for _, name := range made {
			_ = volumes.Remove(conn, name, nil) // an error is already being reported
		}
	}
	for _, source := range d.sources {
		if _, err := os.Lstat(source); !errors.Is(err, fs.ErrNotExist) {
			continue // a file, or for Podman to judge
		}
		if err := os.MkdirAll(source, 0o755); err != nil {
			return undo, fmt.Errorf("error while creating mount source path '%s': %w", source, err)
		}
	}
	for _, v := range d.newVolumes {
		if v.Name != "" {
			there, err := volumes.Exists(conn, v.Name, nil)
			if err != nil {
				return undo, fmt.Errorf("looking for volume %s: %w", v.Name, err)
			}
			if there {
				continue
			}
		}
		var answer entities.VolumeConfigResponse
		if err := engine.Call(conn, http.MethodPost, engine.Libpod+"/volumes/create", nil, v.VolumeCreateOptions, &answer); err != nil {
			return undo, fmt.Errorf("creating volume %s: %w", v.Name, err)
		}
		made = append(made, answer.Name)
		v.mount.Name, v.mount.IsAnonymous = answer.Name, v.Name == ""
	}
	return undo, nil
}
