package store

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dockless/bindings/dockerfile"
)

// TestCopy lays out what COPY and ADD take, on top of files that are there. The
// expected is what Docker Engine 28.5 has made of the same.
func TestCopy(t *testing.T) {
	for _, test := range copyTests {
		t.Run(test.name, func(t *testing.T) {
			below, from := madeOf(t, test.below), madeOf(t, test.from)
			got := listing(t, &test.copy, source{root: from, ignore: test.ignore}, below)
			if want := strings.TrimSpace(strings.ReplaceAll(test.want, "\t", "")); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// listing is the layer of a Copy, a line for a file, or the error.
func listing(t *testing.T, c *dockerfile.Copy, from source, below string) string {
	t.Helper()
	var sources []source
	for range c.Items {
		sources = append(sources, from)
	}
	p, err := (&Store{}).pick(t.Context(), c, sources)
	if err != nil {
		return cleaned(err, from.root)
	}
	entries, err := stream(t, c, p, below, false)
	if errors.Is(err, errAgain) {
		entries, err = stream(t, c, p, below, true)
	}
	if err != nil {
		return cleaned(err, from.root)
	}
	slices.Sort(entries)
	return strings.Join(entries, "\n")
}

func cleaned(err error, root string) string {
	return strings.ReplaceAll(err.Error(), root+"/", "")
}

func stream(t *testing.T, c *dockerfile.Copy, p *picked, below string, twice bool) ([]string, error) {
	t.Helper()
	l, err := newDraft(below)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	if err := l.put(t.Context(), c, p, twice); err != nil {
		return nil, err
	}
	s := newLayerStream(t.Context(), l)
	defer s.ended()
	var entries []string
	for r := tar.NewReader(s); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		if h.Uid == os.Getuid() && h.Gid == os.Getgid() {
			h.Uid, h.Gid = 0, 0 // of a file below
		}
		line := fmt.Sprintf("%s %c %o %d:%d", h.Name, h.Typeflag, h.Mode, h.Uid, h.Gid)
		if h.Linkname != "" {
			line += " " + h.Linkname
		}
		if len(content) > 0 {
			line += " " + string(content)
		}
		entries = append(entries, line)
	}
}

// madeOf makes files: "dir/", "file=content", "link->target", "name==name" for
// another name of a file, and a mode after a space.
func madeOf(t *testing.T, files string) string {
	t.Helper()
	root := t.TempDir()
	var err error
	for line := range strings.FieldsFuncSeq(files, func(r rune) bool { return r == '\n' || r == ';' }) {
		line, mode, hasMode := strings.Cut(strings.TrimSpace(line), " ")
		name := line
		before, after, is := strings.Cut(line, "->")
		before, _, _ = strings.Cut(before, "=")
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, before)), 0o755); err != nil {
			t.Fatal(err)
		}
		if is {
			err = os.Symlink(after, filepath.Join(root, before))
		} else if strings.HasSuffix(line, "/") {
			err = os.MkdirAll(filepath.Join(root, line), 0o755)
		} else if before, after, is := strings.Cut(line, "=="); is {
			err = os.Link(filepath.Join(root, after), filepath.Join(root, before))
		} else {
			var content string
			name, content, _ = strings.Cut(line, "=")
			err = os.WriteFile(filepath.Join(root, name), []byte(content), 0o644)
		}
		if hasMode && err == nil {
			var bits uint32
			if _, err = fmt.Sscanf(mode, "%o", &bits); err == nil {
				err = os.Chmod(filepath.Join(root, name), modeOf(bits))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func copyOf(dest string, items ...string) dockerfile.Copy {
	c := dockerfile.Copy{From: dockerfile.Source{Context: dockerfile.Main}, Dest: dest}
	for _, item := range items {
		c.Items = append(c.Items, dockerfile.Item{Path: item})
	}
	return c
}
