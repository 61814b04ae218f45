package corpus

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// Base is the image that cases build on, which differs from host to host: it is left out of what a case's image is
// said to be.
type Base struct {
	diffID string
	files  tree
}

// imageConfig is what of an image's configuration is compared.
// https://github.com/moby/docker-image-spec/blob/main/spec.md
type imageConfig struct {
	Author string `json:"author"`
	Config struct {
		User         string
		ExposedPorts map[string]struct{}
		Env          []string
		Entrypoint   []string
		Cmd          []string
		Volumes      map[string]struct{}
		WorkingDir   string
		Labels       map[string]string
		StopSignal   string
		Healthcheck  map[string]any
		OnBuild      []string
		Shell        []string
	} `json:"config"`
	RootFS struct {
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
}

// ReadBase reads the image busybox, which has one layer.
func ReadBase(ctx context.Context, tool Tool) (Base, error) {
	archive, stderr, err := tool.run(ctx, "/", nil, "save", "busybox")
	if err != nil {
		return Base{}, fmt.Errorf("saving busybox: %w: %s", err, stderr)
	}
	config, layers, err := unpack(archive)
	if err != nil {
		return Base{}, fmt.Errorf("reading the archive of busybox: %w", err)
	}
	if len(layers) != 1 {
		return Base{}, fmt.Errorf("the image busybox has %d layers", len(layers))
	}
	files := tree{}
	return Base{config.RootFS.DiffIDs[0], files}, files.apply(layers[0])
}

// describe puts the image of an archive, as docker save writes it, into lines: the configuration, then the files that
// are not as they are in the base image. Times are there where they are not those of the build.
func describe(archive []byte, base Base) (string, error) {
	config, layers, err := unpack(archive)
	if err != nil {
		return "", err
	}
	files, before := tree{}, tree{}
	if len(layers) > 0 && config.RootFS.DiffIDs[0] == base.diffID {
		before = base.files
	}
	for _, layer := range layers {
		if err := files.apply(layer); err != nil {
			return "", err
		}
	}
	var b strings.Builder
	config.write(&b)
	files.writeChanges(&b, before)
	return b.String(), nil
}

func (c *imageConfig) write(b *strings.Builder) {
	line := func(name string, value any, set bool) {
		if set {
			text, _ := json.Marshal(value)
			fmt.Fprintf(b, "%s %s\n", name, text)
		}
	}
	line("Author", c.Author, c.Author != "")
	for _, e := range c.Config.Env {
		line("Env", e, true)
	}
	line("Entrypoint", c.Config.Entrypoint, len(c.Config.Entrypoint) > 0)
	line("Cmd", c.Config.Cmd, len(c.Config.Cmd) > 0)
	line("WorkingDir", c.Config.WorkingDir, c.Config.WorkingDir != "")
	line("User", c.Config.User, c.Config.User != "")
	line("Labels", c.Config.Labels, len(c.Config.Labels) > 0)
	line("Volumes", c.Config.Volumes, len(c.Config.Volumes) > 0)
	line("ExposedPorts", c.Config.ExposedPorts, len(c.Config.ExposedPorts) > 0)
	line("Healthcheck", c.Config.Healthcheck, len(c.Config.Healthcheck) > 0)
	line("OnBuild", c.Config.OnBuild, len(c.Config.OnBuild) > 0)
	line("StopSignal", c.Config.StopSignal, c.Config.StopSignal != "")
	line("Shell", c.Config.Shell, len(c.Config.Shell) > 0)
}

// unpack reads an archive of one image: its configuration, and the tar of each layer.
func unpack(archive []byte) (config imageConfig, layers [][]byte, err error) {
	blobs, links := map[string][]byte{}, map[string]string{}
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return config, nil, err
		}
		if header.Typeflag == tar.TypeSymlink {
			links[path.Clean(header.Name)] = path.Join(path.Dir(header.Name), header.Linkname)
			continue
		}
		if blobs[path.Clean(header.Name)], err = io.ReadAll(r); err != nil {
			return config, nil, err
		}
	}
	var manifest []struct {
		Config string
		Layers []string
	}
	if err := json.Unmarshal(blobs["manifest.json"], &manifest); err != nil {
		return config, nil, err
	}
	if len(manifest) != 1 {
		return config, nil, fmt.Errorf("%d images", len(manifest))
	}
	if err := json.Unmarshal(blobs[manifest[0].Config], &config); err != nil {
		return config, nil, err
	}
	if len(manifest[0].Layers) != len(config.RootFS.DiffIDs) {
		return config, nil, errors.New("other layers in the configuration than in the manifest")
	}
	for _, name := range manifest[0].Layers {
		if to, ok := links[name]; ok {
			name = to
		}
		if blobs[name] == nil {
			return config, nil, fmt.Errorf("no layer %s", name)
		}
		layers = append(layers, blobs[name])
	}
	return config, layers, nil
}
