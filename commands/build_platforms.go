package commands

import (
	"archive/tar"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"dockless/bindings/store"

	"github.com/containerd/platforms"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// platformList is --platform of build.
type platformList struct{ commaList }

// Type is docker's word for it.
func (*platformList) Type() string { return "string" }

// parse gives each platform once; without the flag that of the environment, or
// this machine's.
func (l *platformList) parse() (all []imagespec.Platform, err error) {
	for text := range strings.SplitSeq(cmp.Or(l.String(), os.Getenv("DOCKER_DEFAULT_PLATFORM")), ",") {
		if text = strings.TrimSpace(text); text == "local" {
			text = "" // the builder's own
		}
		platform, err := parsePlatform(text)
		if err != nil {
			return nil, err
		}
		platform = platforms.Normalize(platform)
		if !slices.ContainsFunc(all, platforms.OnlyStrict(platform).Match) {
			all = append(all, platform)
		}
	}
	return all, nil
}

// forSeveral refuses an output that can hold an image for one platform only.
func (o *buildxOptions) forSeveral(wanted []imagespec.Platform) error {
	if len(wanted) < 2 || o.called.name != "build" {
		return nil
	}
	for _, output := range o.outputs {
		switch {
		case output.split != nil && !*output.split:
			return errors.New("--output platform-split=false: the files of several platforms do not fit into one folder; leave it out, or build for one platform at a time")
		case output.kind == "docker":
			return errors.New("docker exporter does not currently support exporting manifest lists: the image store has one platform under a name; add --push, or --output type=oci,dest=FILE, or build for one platform at a time")
		case output.kind == "image" && !output.push:
			return errors.New("the image store has one platform under a name: add push=true to --output type=image, or use --output type=oci,dest=FILE")
		}
	}
	return nil
}

// folder is where an output has the files of one platform, "" for at its root.
func (o buildOutput) folder(image store.BuiltImage, several bool) string {
	if several || o.split != nil && *o.split {
		return strings.ReplaceAll(platforms.Format(image.Platform), "/", "_")
	}
	return ""
}

// writeFiles writes the files of images as one archive.
func (o buildOutput) writeFiles(ctx context.Context, images *store.Store, built []store.BuiltImage, out io.Writer) error {
	archive := tar.NewWriter(out)
	for _, image := range built {
		below := o.folder(image, len(built) > 1)
		if err := images.Files(ctx, image.ID, func(files io.Reader) error { return copyBelow(archive, files, below) }); err != nil {
			return err
		}
	}
	return archive.Close()
}

// copyBelow copies an archive's entries into another, below a directory, and
// without the names of users and groups, which are this machine's.
func copyBelow(to *tar.Writer, files io.Reader, directory string) error {
	from := tar.NewReader(files)
	for {
		header, err := from.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		header.Uname, header.Gname = "", ""
		if directory != "" {
			slash := ""
			if header.Typeflag == tar.TypeDir {
				slash = "/"
			}
			header.Name = path.Join(directory, header.Name) + slash
			if header.Typeflag == tar.TypeLink {
				header.Linkname = path.Join(directory, header.Linkname)
			}
		}
		if err := to.WriteHeader(header); err != nil {
			return fmt.Errorf("%s: %w", header.Name, err)
		}
		if _, err := io.Copy(to, from); err != nil {
			return fmt.Errorf("%s: %w", header.Name, err)
		}
	}
}
