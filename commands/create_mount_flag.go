package commands

import (
	"encoding/csv"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/docker/cli/opts"
	"github.com/docker/docker/api/types/mount"
)

// mountImage is docker's mount type for the files of an image.
const mountImage mount.Type = "image"

// mountFlag is --mount. docker/cli's parser reads it, after the fields that are
// younger than that version of it have been taken out.
// Source: https://docs.docker.com/engine/storage/bind-mounts/#options-for---mount
type mountFlag struct {
	parsed   opts.MountOpt
	subpaths []string // of the mount with the same index; "" for none
}

func (m *mountFlag) Set(value string) error {
	fields, err := csv.NewReader(strings.NewReader(value)).Read()
	if err != nil {
		return err
	}
	var known []string
	var recursive, subpath, family string
	for _, field := range fields {
		key, val, _ := strings.Cut(field, "=")
		switch strings.ToLower(key) {
		case "bind-recursive":
			recursive = val
		case "volume-subpath", "image-subpath":
			subpath, family = val, strings.ToLower(strings.TrimSuffix(key, "-subpath"))
		default:
			known = append(known, field)
		}
	}
	switch recursive {
	case "", "enabled", "writable":
	case "disabled":
		known = append(known, "bind-nonrecursive")
	case "readonly":
		return errors.New("bind-recursive=readonly is not possible: Podman makes only the mount itself read-only, not those below it; leave the option out")
	default:
		return fmt.Errorf(`invalid value for bind-recursive: %s (must be "enabled", "disabled", "writable", or "readonly")`, recursive)
	}
	var line strings.Builder
	w := csv.NewWriter(&line)
	if err := w.Write(known); err != nil {
		return err
	}
	w.Flush()
	if err := m.parsed.Set(line.String()); err != nil {
		return err
	}
	all := m.parsed.Value()
	last := &all[len(all)-1]
	if family != "" && string(last.Type) != family {
		return fmt.Errorf("cannot mix '%s-*' options with mount type '%s'", family, last.Type)
	}
	if recursive == "writable" && !last.ReadOnly {
		return errors.New("option 'bind-recursive=writable' requires 'readonly' to be specified in conjunction")
	}
	if strings.HasPrefix(last.Source, ".") {
		if last.Source, err = filepath.Abs(last.Source); err != nil {
			return err
		}
	}
	m.subpaths = append(m.subpaths, subpath)
	return nil
}

func (m *mountFlag) String() string { return "" }
func (m *mountFlag) Type() string   { return "mount" }
