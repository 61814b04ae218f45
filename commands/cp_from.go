package commands

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"dockless/bindings/engine"

	"github.com/containers/storage/pkg/archive"
)

// source is something in a container that is to be copied out.
type source struct {
	container string
	path      string // to ask the engine for: no link at its end
	base      string // its name as the person sees it
	contents  bool   // what is in it, not itself
	isDir     bool
	link      string // it is a symbolic link, to be copied as that
}

// cpFrom copies out of a container, to a path here or ("-") as a tar archive to
// standard output, and returns the archive's bytes.
func cpFrom(conn context.Context, env *Env, o cpOptions, container, typed, destination string) (int64, error) {
	var to archive.CopyInfo
	if destination != "-" {
		var err error
		if to, err = localDestination(destination); err != nil {
			return 0, err
		}
	}
	from, err := findSource(conn, container, typed, o.followLink)
	if err != nil {
		return 0, err
	}
	var where placement
	if destination != "-" {
		if where, err = place(from.base, from.isDir, from.contents, to); err != nil {
			return 0, err
		}
	}
	content, err := from.open(conn)
	if err != nil {
		return 0, err
	}
	defer content.Close()
	counted := &counter{Reader: content}
	if destination == "-" {
		return 0, retar(env.Out, tar.NewReader(counted), func(entry string) string {
			if from.contents {
				return "./" + from.rename(entry, "")
			}
			return from.rename(entry, from.base)
		})
	}
	err = unpack(env, counted, where, from)
	return counted.n, err
}

// localDestination looks at a destination here, whose directory must be there.
func localDestination(typed string) (archive.CopyInfo, error) {
	to, err := filepath.Abs(typed)
	if err != nil {
		return archive.CopyInfo{}, err
	}
	if parent := filepath.Dir(to); parent != "/" {
		if _, err := os.Stat(parent); errors.Is(err, os.ErrNotExist) {
			return archive.CopyInfo{}, fmt.Errorf("invalid output path: directory %q does not exist", parent)
		}
	}
	if found, err := os.Stat(to); err == nil {
		if err := special(found.Mode()); err != nil {
			return archive.CopyInfo{}, fmt.Errorf("invalid output path: %q must be a directory or a regular file: %w", to, err)
		}
	}
	return archive.CopyInfoDestinationPath(archive.PreserveTrailingDotOrSeparator(to, typed))
}

// findSource looks at a path in a container. A link is followed if told so, or
// if the path says that it means a directory.
func findSource(conn context.Context, container, typed string, follow bool) (*source, error) {
	absolute, err := inContainer(typed)
	if err != nil {
		return nil, err
	}
	s := &source{container: container, path: path.Clean(absolute), contents: contents(absolute)}
	s.base = path.Base(s.path)
	stat, err := statIn(conn, container, s.path)
	if err != nil {
		return nil, err
	}
	if stat == nil {
		return nil, noSuchFile(typed, container)
	}
	if stat.Mode&os.ModeSymlink != 0 {
		if !follow && !isDirectoryPath(absolute) {
			s.link, err = readLink(conn, container, s.path)
			return s, err
		}
		s.path = path.Clean(stat.LinkTarget)
		if stat, err = statIn(conn, container, s.path); err != nil {
			return nil, err
		}
		if stat == nil || stat.Mode&os.ModeSymlink != 0 {
			return nil, noSuchFile(s.path, container)
		}
	}
	s.isDir = stat.Mode.IsDir()
	if !s.isDir && isDirectoryPath(absolute) {
		return nil, fmt.Errorf("lstat %s: not a directory", typed)
	}
	if s.path == "/" {
		s.contents = true
	}
	return s, nil
}

// readLink returns what a symbolic link says. The engine's answer to a look has
// only where it leads, and it follows links when it copies: but in the archive
// of the directory, they are.
func readLink(conn context.Context, container, link string) (string, error) {
	directory, name := path.Split(link)
	directory = path.Clean(directory)
	content, err := engine.ReadArchive(conn, container, directory)
	if err != nil {
		return "", err
	}
	defer content.Close()
	if directory != "/" {
		name = path.Join(path.Base(directory), name)
	}
	for archive := tar.NewReader(content); ; {
		header, err := archive.Next()
		if err != nil {
			return "", fmt.Errorf("reading the link %s: %w", link, err)
		}
		if path.Clean(header.Name) == name && header.Typeflag == tar.TypeSymlink {
			return header.Linkname, nil
		}
	}
}

// open returns the source as a tar archive.
func (s *source) open(conn context.Context) (io.ReadCloser, error) {
	if s.link != "" {
		return linkArchive(s.base, s.link)
	}
	content, err := engine.ReadArchive(conn, s.container, s.path)
	return content, containerError(s.container, err)
}

func linkArchive(name, target string) (io.ReadCloser, error) {
	var b strings.Builder
	w := tar.NewWriter(&b)
	err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777})
	if err == nil {
		err = w.Close()
	}
	return io.NopCloser(strings.NewReader(b.String())), err
}

// rename gives an entry of the source's archive the name that it has below
// another top.
func (s *source) rename(entry, top string) string {
	entry = strings.TrimPrefix(path.Join("/", entry), "/")
	if s.path != "/" {
		_, entry, _ = strings.Cut(entry, "/") // the engine's name for the source itself
	}
	return path.Join(top, entry)
}

// retar copies an archive with other names. That at least one entry came is
// looked at: the engine says nothing of what it may not read.
func retar(out io.Writer, in *tar.Reader, rename func(string) string) error {
	w := tar.NewWriter(out)
	for entries := 0; ; entries++ {
		header, err := in.Next()
		if errors.Is(err, io.EOF) && entries > 0 {
			return w.Close()
		}
		if err != nil {
			return copiedNothing(err)
		}
		header.Name = rename(header.Name)
		header.Uname, header.Gname = "", "" // the engine's names are the host's
		if header.Typeflag == tar.TypeDir && !strings.HasSuffix(header.Name, "/") {
			header.Name += "/"
		}
		if header.Typeflag == tar.TypeLink {
			header.Linkname = rename(header.Linkname)
		}
		header.Format = tar.FormatPAX
		if err := w.WriteHeader(header); err != nil {
			return err
		}
		if _, err := io.Copy(w, in); err != nil {
			return err
		}
	}
}

func copiedNothing(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("podman sent nothing: it does not copy from /dev, /proc and /sys, nor what the container's root may not read; try exec CONTAINER tar c PATH")
	}
	return fmt.Errorf("reading podman's archive: %w", err)
}
