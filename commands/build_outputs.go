package commands

import (
	"archive/tar"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dockless/bindings/store"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"
)

// buildOutput is one --output: what becomes of the image.
// Source: https://docs.docker.com/build/exporters/
type buildOutput struct {
	kind    string // image, registry, local, tar, docker, oci, cacheonly
	dest    string // "-" is stdout
	push    bool
	split   *bool    // files of each platform have a folder of their own; nil: those of several
	without []string // fields that have no effect
}

// stays tells whether an output leaves the image in the store, under its names.
func (o buildOutput) stays() bool {
	return o.kind == "image" || o.kind == "docker" && o.dest == ""
}

// title is the name of the step that makes the output, as BuildKit shows it.
func (o buildOutput) title() string {
	switch {
	case o.kind == "local":
		return "exporting to client directory"
	case o.kind == "tar":
		return "exporting to client tarball"
	case o.kind == "oci":
		return "exporting to oci image format"
	case o.kind == "docker" && o.dest != "":
		return "exporting to docker image format"
	case o.kind == "cacheonly":
		return "keeping the build cache"
	}
	return "exporting to image"
}

// tasks are what that step does at once, lastTask what takes its time. names are
// those of the image.
func (o buildOutput) tasks(built []store.BuiltImage, names []string) []string {
	switch {
	case o.stays() && len(built) == 1:
		tasks := []string{"exporting layers", "writing image sha256:" + built[0].ID}
		for _, name := range names {
			tasks = append(tasks, "naming to "+name)
		}
		return tasks
	case o.isImage():
		tasks := []string{"exporting layers"}
		for _, image := range built {
			tasks = append(tasks, "exporting config sha256:"+image.ID)
		}
		return tasks
	}
	return nil
}

func (o buildOutput) lastTask() string {
	if o.kind == "local" {
		return "copying files"
	}
	return "sending tarball"
}

// isImage tells whether an output is an image and not its files.
func (o buildOutput) isImage() bool {
	return o.kind == "image" || o.kind == "docker" || o.kind == "oci"
}

// write does with the image what the output says. The digest is "" where it is
// not of images.
func (o buildOutput) write(ctx context.Context, env *Env, images *store.Store, built []store.BuiltImage, names []reference.Named) (written digest.Digest, err error) {
	to := func(write func(io.Writer) error) error {
		if o.dest == "-" {
			ctx, reader := untilUnread(ctx, env.Out)
			return orInterrupted(ctx, func() error { return write(reader) })
		}
		return writeWhole(ctx, o.dest, write)
	}
	switch {
	case o.stays() || o.kind == "cacheonly":
		return "", nil
	case o.kind == "local":
		for _, image := range built {
			into := filepath.Join(o.dest, o.folder(image, len(built) > 1))
			if err := images.Files(ctx, image.ID, func(files io.Reader) error { return unpackFiles(env, into, files) }); err != nil {
				return "", err
			}
		}
		return "", nil
	case o.kind == "tar":
		return "", to(func(out io.Writer) error { return o.writeFiles(ctx, images, built, out) })
	}
	save := store.Save{OCI: o.kind == "oci", Joined: len(built) > 1}
	for _, image := range built {
		save.Images = append(save.Images, image.ID)
	}
	for _, name := range names {
		if tagged, is := name.(reference.NamedTagged); is {
			save.As = append(save.As, tagged)
		}
	}
	err = to(func(out io.Writer) (err error) {
		written, err = images.Save(ctx, out, save)
		return err
	})
	return written, err
}

// unpackFiles puts an image's files into a directory, as the person's.
func unpackFiles(env *Env, directory string, files io.Reader) error {
	if err := os.MkdirAll(directory, 0o755&^store.Umask()); err != nil {
		return err
	}
	root, err := os.OpenRoot(directory)
	if err != nil {
		return err
	}
	defer root.Close()
	return unpackBelow(&unpacking{root: root, env: env}, files)
}

// unpackBelow unpacks an archive; all names in it are below its root.
func unpackBelow(u *unpacking, files io.Reader) error {
	archive := tar.NewReader(files)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return u.finish()
		}
		if err != nil {
			return err
		}
		header.Name = filepath.Clean(strings.TrimLeft(header.Name, "/"))
		if header.Typeflag == tar.TypeLink {
			header.Linkname = filepath.Clean(strings.TrimLeft(header.Linkname, "/"))
		}
		if header.Name == "." || header.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		if len(header.Name) >= unix.PathMax { // os.Root would make directories that deep
			return fmt.Errorf("%.200s: %w", header.Name, unix.ENAMETOOLONG)
		}
		err = u.root.MkdirAll(filepath.Dir(header.Name), 0o755)
		if err == nil {
			err = u.entry(header, archive)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", header.Name, err)
		}
	}
}

// writeMetadata files what buildx says of images that it has built: of one, or of
// those for several platforms.
func (o *buildOptions) writeMetadata(ctx context.Context, built []store.BuiltImage) error {
	about := map[string]any{}
	if slices.ContainsFunc(o.outputs, buildOutput.isImage) {
		about["containerimage.digest"] = o.written // tools sign what a registry has
		if len(built) == 1 {
			id := digest.NewDigestFromEncoded(digest.Canonical, built[0].ID)
			about["containerimage.config.digest"], about["containerimage.digest"] = id, cmp.Or(o.written, id)
		}
		if len(o.typed) > 0 {
			about["image.name"] = strings.Join(o.typed, ",")
		}
	}
	text, err := json.MarshalIndent(about, "", "  ")
	if err != nil {
		return err
	}
	if err := writeText(ctx, o.metadataFile, text); err != nil {
		return fmt.Errorf("writing the metadata: %w", err)
	}
	return nil
}
