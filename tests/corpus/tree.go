package corpus

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// tree is a file system by absolute paths. Hard links share their file.
type tree map[string]*file

type file struct {
	header *tar.Header
	sum    string // of a regular file's content
}

// buildTime is before any build of the corpus: what is newer is the time of the build, and says nothing.
var buildTime = time.Unix(fixedTime, 0).Add(24 * time.Hour)

// apply puts a layer on the tree.
// https://github.com/opencontainers/image-spec/blob/main/layer.md#applying-changesets
func (t tree) apply(layer []byte) error {
	var content io.Reader = bytes.NewReader(layer)
	if bytes.HasPrefix(layer, []byte{0x1f, 0x8b}) {
		unzipped, err := gzip.NewReader(content)
		if err != nil {
			return err
		}
		content = unzipped
	}
	own := tree{}
	for r := tar.NewReader(content); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		name := path.Clean("/" + header.Name)
		dir, base := path.Split(name)
		hidden, whiteout := strings.CutPrefix(base, ".wh.")
		switch {
		case base == ".wh..wh..opq":
			t.remove(path.Clean(dir), false)
		case whiteout:
			t.remove(dir+hidden, true)
		case header.Typeflag == tar.TypeLink:
			target := path.Clean("/" + header.Linkname)
			if own[target] == nil && t[target] == nil {
				return fmt.Errorf("%s is a hard link to %s, which is not there", name, target)
			}
			if own[name] = own[target]; own[name] == nil {
				own[name] = t[target]
			}
		default:
			h := sha256.New()
			if _, err := io.Copy(h, r); err != nil {
				return err
			}
			own[name] = &file{header, fmt.Sprintf("%x", h.Sum(nil))[:16]}
		}
	}
	for name, f := range own {
		if f.header.Typeflag != tar.TypeDir {
			t.remove(name, true)
		}
	}
	maps.Copy(t, own)
	return nil
}

// remove takes all that is below a folder out of the tree, and with self the folder, or file, also.
func (t tree) remove(name string, self bool) {
	if self {
		delete(t, name)
	}
	for below := range t {
		if below != name && strings.HasPrefix(below, strings.TrimSuffix(name, "/")+"/") {
			delete(t, below)
		}
	}
}

// writeChanges writes a line for everything that is not as it was, sorted by name.
func (t tree) writeChanges(b *strings.Builder, before tree) {
	text := map[string]string{}
	first := map[*file]string{}
	for _, name := range slices.Sorted(maps.Keys(t)) {
		f := t[name]
		line := f.String()
		if to, ok := first[f]; ok {
			line = fmt.Sprintf("link %q", to)
		} else {
			first[f] = name
		}
		if was := before[name]; was == nil || was.String() != f.String() {
			text[name] = line
		}
	}
	for name := range before {
		if t[name] == nil && (name == "/" || t[path.Dir(name)] != nil) {
			text[name] = "removed"
		}
	}
	for _, name := range slices.Sorted(maps.Keys(text)) {
		fmt.Fprintf(b, "%q %s\n", name, text[name])
	}
}

// String is all of a file but its name: the type, mode, owner and group, then what there is of size, content, target,
// time and extended attributes.
func (f *file) String() string {
	h := f.header
	var b strings.Builder
	kind := map[byte]string{tar.TypeReg: "file", tar.TypeDir: "dir", tar.TypeSymlink: "symlink", tar.TypeFifo: "fifo"}[h.Typeflag]
	if kind == "" {
		kind = fmt.Sprintf("type %q", h.Typeflag)
	}
	fmt.Fprintf(&b, "%s %04o %d:%d", kind, h.Mode&0o7777, h.Uid, h.Gid)
	switch h.Typeflag {
	case tar.TypeReg:
		fmt.Fprintf(&b, " %d %s", h.Size, f.sum)
	case tar.TypeSymlink:
		fmt.Fprintf(&b, " to %q", h.Linkname)
	}
	if h.Typeflag != tar.TypeDir && h.ModTime.Before(buildTime) {
		fmt.Fprintf(&b, " at %d", h.ModTime.Unix())
	}
	for _, key := range slices.Sorted(maps.Keys(h.PAXRecords)) {
		if attribute, ok := strings.CutPrefix(key, "SCHILY.xattr."); ok && !strings.Contains(attribute, "overlay") {
			fmt.Fprintf(&b, " %s=%q", attribute, h.PAXRecords[key])
		}
	}
	return b.String()
}
