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

var copyTests = []struct {
	name, below, from string
	ignore            []string
	copy              dockerfile.Copy
	want              string
}{
	{name: "file", from: "a=A", copy: copyOf("/new/b", "a"), want: `new/ 5 755 0:0
		new/b 0 644 0:0 A`},
	{name: "into", from: "a=A", below: "dir/ 2770", copy: copyOf("/dir", "a"), want: `dir/ 5 2770 0:0
		dir/a 0 644 0:0 A`},
	{name: "dir", from: "d/a=A;d/s/b=B;d/s/ 700;d/l->a;d/h==d/a", copy: copyOf("/x", "d"), want: `x/ 5 755 0:0
		x/a 0 644 0:0 A
		x/h 1 644 0:0 x/a
		x/l 2 777 0:0 a
		x/s/ 5 700 0:0
		x/s/b 0 644 0:0 B`},
	{name: "missing", from: "l->nothing", copy: copyOf("/x", "l"), want: `failed to compute cache key: "/l": not found`},
	{name: "wildcard none", from: "a=", copy: copyOf("/x/", "b*"), want: ``},
	{name: "ignored", from: "a=A;b=B;d/c=C;d/k=K;e/f=F", ignore: []string{"*", "!d/k", "!b"}, copy: copyOf("/", "."), want: `b 0 644 0:0 B
		d/ 5 755 0:0
		d/k 0 644 0:0 K`},
	{name: "ignored itself", from: "e/f=F", ignore: []string{"e", "!e/g"}, copy: copyOf("/x", "e"), want: `failed to compute cache key: "/e": not found`},
	{name: "over a folder", from: "d/s=x", below: "x/s/", copy: copyOf("/x", "d"), want: `cannot replace to directory /x/s with file`},
	{name: "over a file", from: "d/s=x", below: "x=x", copy: copyOf("/x", "d"), want: `cannot copy to non-directory: /x`},
	{name: "through links", from: "d/s=x;l->d/s", below: "a->../r;r/;q->/r/q", copy: copyOf("/a/z", "l"), want: `r/ 5 755 0:0
		r/z 0 644 0:0 x`},
	{name: "to a link", from: "f=x", below: "q->/r/q", copy: copyOf("/q", "f"), want: `r/ 5 755 0:0
		r/q 0 644 0:0 x`},
	{name: "below a file", from: "f=x", below: "q=", copy: copyOf("/q/f", "f"), want: `mkdir /q: not a directory`},
}
