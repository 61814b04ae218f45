package commands

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// imageFields are the fields of an image's outputs that have no effect on
// docker's own builder either: they are for one that keeps images in containerd.
var imageFields = []string{
	"compression", "compression-level", "force-compression", "oci-mediatypes", "oci-artifact", "unpack", "store", "name-canonical",
	"dangling-name-prefix", "rewrite-timestamp", "buildinfo", "buildinfo-attrs",
}

// parseOutputs reads the --output flags; none is docker's image in the store.
// names are those that an output gives the image.
func parseOutputs(env *Env, flags []string) (outputs []buildOutput, names []string, err error) {
	for _, flag := range flags {
		o, named, err := parseOutput(flag)
		if err == nil {
			err = o.check(env, flag)
		}
		if err != nil {
			return nil, nil, err
		}
		outputs, names = append(outputs, o), append(names, named...)
	}
	return outputs, names, nil
}

// parseOutput reads one. A name alone is a directory, and "-" an archive on
// stdout.
func parseOutput(flag string) (o buildOutput, names []string, err error) {
	if flag == "-" {
		return buildOutput{kind: "tar", dest: "-"}, nil, nil
	}
	fields, err := csv.NewReader(strings.NewReader(flag)).Read()
	if err != nil {
		return o, nil, fmt.Errorf("invalid --output %q: %w", flag, err)
	}
	if len(fields) == 1 && fields[0] == flag && !strings.HasPrefix(flag, "type=") {
		return buildOutput{kind: "local", dest: flag}, nil, nil
	}
	for _, field := range fields {
		key, value, found := strings.Cut(field, "=")
		if !found {
			return o, nil, fmt.Errorf("invalid value %s", field)
		}
		switch key = strings.TrimSpace(strings.ToLower(key)); key {
		case "type":
			o.kind = value
		case "dest":
			o.dest = value
		case "name":
			names = append(names, strings.Split(value, ",")...)
		case "push":
			o.push = value == "true"
		case "tar":
			if value != "true" {
				return o, nil, fmt.Errorf("--output %s: %s is written as an archive only: unpack it with tar -x", flag, o.kind)
			}
		case "push-by-digest":
			if value != "false" {
				return o, nil, fmt.Errorf("--output %s: an image is pushed under a tag only; --metadata-file tells its digest (containerimage.digest)", flag)
			}
		case "platform-split":
			split, err := strconv.ParseBool(value)
			if err != nil {
				return o, nil, fmt.Errorf("--output %s: %s is neither true nor false", flag, field)
			}
			o.split = &split
		case "mode":
			if value != "copy" {
				return o, nil, fmt.Errorf("--output %s: %s is not supported: the image's files are copied into the directory", flag, field)
			}
		default:
			if !slices.Contains(imageFields, key) && !strings.HasPrefix(key, "annotation") {
				return o, nil, fmt.Errorf("--output %s: %s is not supported", flag, key)
			}
			o.without = append(o.without, field)
		}
	}
	return o, names, nil
}

// check refuses before the build what could not be written after it.
func (o *buildOutput) check(env *Env, flag string) error {
	switch o.kind {
	case "":
		return errors.New("type is required for output")
	case "local":
		if o.dest == "" {
			return errors.New("dest is required for local output")
		}
		if o.dest == "-" {
			return errors.New("dest cannot be stdout for local output")
		}
	case "tar", "oci":
		if o.dest == "" {
			o.dest = "-"
		}
	case "registry":
		o.kind, o.push = "image", true
	case "image", "docker", "cacheonly":
	default:
		return fmt.Errorf("--output %s: there is no type %s; use local, tar, docker, oci, image or registry", flag, o.kind)
	}
	found, err := os.Stat(o.dest)
	_, screen := terminal(env.Out)
	switch {
	case o.kind == "local" && err == nil && !found.IsDir():
		return fmt.Errorf("destination directory %s is a file", o.dest)
	case o.dest == "-" && screen:
		return fmt.Errorf("dest file is required for %s output: it is not written to a terminal", o.kind)
	case o.kind == "local" || o.dest == "" || o.dest == "-":
	case err == nil && found.IsDir():
		return fmt.Errorf("destination file %s is a directory", o.dest)
	case !exists(filepath.Dir(o.dest)):
		return fmt.Errorf("--output %s: directory %q does not exist", flag, filepath.Dir(o.dest))
	}
	return nil
}
