package commands

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/containers/podman/v4/pkg/domain/entities"
	"github.com/containers/podman/v4/pkg/specgen"
	"github.com/docker/docker/api/types/mount"
	spec "github.com/opencontainers/runtime-spec/specs-go"
)

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
	switch {
	case m.Source == "":
		// Only what Podman makes itself is removed with the container.
		for key, val := range wanted.Options {
			v.Options = append(v.Options, "volume-opt="+key+"="+val)
		}
		if len(wanted.Labels) > 0 {
			d.warn("volume-label discarded: Podman gives anonymous volumes no labels; name the volume: src=NAME")
		}
	case len(wanted.Labels) > 0 || len(wanted.Options) > 0:
		d.newVolumes = append(d.newVolumes, wanted)
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
