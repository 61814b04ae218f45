package store

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAddArchive unpacks archives on top of files that are there. The expected is
// what Docker Engine 28.5 has made of the same, but for .wh. and devices.
func TestAddArchive(t *testing.T) {
	file := func(name, content string) entryOf {
		return pair(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Uid: 3, Size: int64(len(content))}, content)
	}
	of := func(kind byte, name, target string) entryOf {
		return pair(&tar.Header{Typeflag: kind, Name: name, Linkname: target, Mode: 0o711, Uid: 3}, "")
	}
	for _, test := range []struct {
		name, below, chown string
		entries            []entryOf
		want               string
	}{
		{name: "files", entries: []entryOf{of(tar.TypeDir, "./", ""), of(tar.TypeDir, "./d/", ""), file("./d/f", "F"), of(tar.TypeLink, "h", "d/f"), of(tar.TypeSymlink, "l", "d/f")}, want: `o/ 5 755 0:0
			o/d/ 5 711 3:0
			o/d/f 0 644 3:0 F
			o/h 1 711 3:0 o/d/f
			o/l 2 711 3:0 d/f`},
		{name: "owner", chown: "5:6", entries: []entryOf{file("d/f", "F")}, want: `o/ 5 755 5:6
			o/d/ 5 755 0:0
			o/d/f 0 644 5:6 F`},
		{name: "twice", below: "o/d/ 700", entries: []entryOf{file("a", "1"), file("d/b", "b"), of(tar.TypeDir, "d/", ""), file("a", "2")}, want: `o/ 5 755 0:0
			o/a 0 644 3:0 2
			o/d/ 5 711 3:0
			o/d/b 0 644 3:0 b`},
		{name: "replaced", below: "o/d/x=;o/l->/d;o/f=", entries: []entryOf{file("d", "d"), of(tar.TypeDir, "l", ""), of(tar.TypeDir, "f", ""), file("f/g", "g")}, want: `o/ 5 755 0:0
			o/d 0 644 3:0 d
			o/f/ 5 711 3:0
			o/f/g 0 644 3:0 g
			o/l/ 5 711 3:0`},
		{name: "replaced again", below: "o/d/x=", entries: []entryOf{file("d", "d"), of(tar.TypeDir, "d", "")}, want: `o/ 5 755 0:0
			o/d/ 5 711 3:0
			o/d/.wh..wh..opq 0 0 0:0`},
		{name: "linked below", below: "o/f=content;o/l->f", entries: []entryOf{of(tar.TypeLink, "h", "f"), of(tar.TypeLink, "i", "h")}, want: `o/ 5 755 0:0
			o/f 0 644 0:0 content
			o/h 1 711 3:0 o/f
			o/i 1 711 3:0 o/f`},
		{name: "through links", below: "o/l->/e;e/ 700", entries: []entryOf{file("l/f", "F"), of(tar.TypeSymlink, "up", "../../.."), file("up/g", "G")}, want: `o/ 5 755 0:0
			o/e/ 5 755 0:0
			o/e/f 0 644 3:0 F
			o/g 0 644 3:0 G
			o/up 2 711 3:0 ../../..`},
		{name: "absolute", entries: []entryOf{file("/../f", "F")}, want: `unpacking t.tar: /../f: invalid entry name "/../f"`},
		{name: "out", entries: []entryOf{file("a/../../f", "F")}, want: `unpacking t.tar: a/../../f: invalid entry name "a/../../f"`},
		{name: "linked out", entries: []entryOf{of(tar.TypeLink, "h", "../x")}, want: `unpacking t.tar: h: linking to ../x: invalid hardlink target`},
		{name: "linked to nothing", entries: []entryOf{of(tar.TypeLink, "h", "x")}, want: `unpacking t.tar: h: linking to x: no such file or directory`},
		{name: "device", entries: []entryOf{of(tar.TypeChar, "n", "")}, want: `unpacking t.tar: n: it is a device, which nobody but root can make: leave it out of the archive`},
		{name: "into a file", below: "o=", entries: []entryOf{file("a", "")}, want: `mkdir /o: not a directory`},
		{name: "below a file", below: "o/f=", entries: []entryOf{file("f/a", "")}, want: `unpacking t.tar: f/a: mkdir /o/f: not a directory`},
	} {
		t.Run(test.name, func(t *testing.T) {
			below, from := madeOf(t, test.below), t.TempDir()
			c := copyWith("/o", "", test.chown, "t.tar")
			c.Unpack, c.Add = true, true
			for _, packed := range []bool{false, true} {
				writeArchive(t, filepath.Join(from, "t.tar"), archiveOf(t, test.entries...), packed)
				got := listing(t, &c, source{root: from}, below)
				if want := strings.TrimSpace(strings.ReplaceAll(test.want, "\t", "")); got != want {
					t.Errorf("packed %t, got:\n%s\nwant:\n%s", packed, got, want)
				}
			}
		})
	}
}

// FuzzAddArchive unpacks whatever an archive holds: all of it stays below the
// folder that it goes into, and what is made of it can be unpacked.
func FuzzAddArchive(f *testing.F) {
	of := func(kind byte, name, target string) entryOf {
		return pair(&tar.Header{Typeflag: kind, Name: name, Linkname: target, Mode: 0o777}, "")
	}
	f.Add(archiveOf(f, of(tar.TypeSymlink, "out", "../.."), of(tar.TypeReg, "out/f", ""), of(tar.TypeLink, "h", "out/f"), of(tar.TypeLink, "g", "l/f")))
	f.Add(archiveOf(f, of(tar.TypeReg, "d", ""), of(tar.TypeDir, "d/", ""), of(tar.TypeReg, "d/x/y", ""), of(tar.TypeReg, "d/x", ""), of(tar.TypeFifo, "d", "")))
	f.Add(archiveOf(f, of(tar.TypeLink, "h", "f"), of(tar.TypeReg, "f", ""), of(tar.TypeLink, "i", "h"), of(tar.TypeReg, "h", "")))
	f.Add(archiveOf(f, of(tar.TypeReg, "/../x", ""), of(tar.TypeReg, "l/../../x", ""), of(tar.TypeReg, ".wh.f", "")))
	f.Fuzz(func(t *testing.T, text []byte) {
		below, from := madeOf(t, "o/f=F;o/d/g=G;o/l->/etc;etc/h=H"), t.TempDir()
		writeArchive(t, filepath.Join(from, "t.tar"), text, false)
		c := copyOf("/o/", "t.tar")
		c.Unpack = true
		p, err := (&Store{}).pick(t.Context(), &c, []source{{root: from}})
		if err != nil {
			t.Fatal(err)
		}
		for _, twice := range []bool{false, true} {
			names, err := stream(t, &c, p, below, twice)
			if twice && errors.Is(err, errAgain) {
				t.Error(err)
			}
			for _, name := range names {
				if !strings.HasPrefix(name, "o/") {
					t.Errorf("twice %t: %s", twice, name)
				}
			}
		}
	})
}

func writeArchive(t *testing.T, name string, text []byte, packed bool) {
	t.Helper()
	if packed {
		var zipped strings.Builder
		w := gzip.NewWriter(&zipped)
		if _, err := w.Write(text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		text = []byte(zipped.String())
	}
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestAddOverArchive adds a file to the same place as an archive before it.
func TestAddOverArchive(t *testing.T) {
	from := madeOf(t, "a=mine")
	entry := pair(&tar.Header{Typeflag: tar.TypeReg, Name: "a", Mode: 0o600, Size: 6}, "theirs")
	writeArchive(t, filepath.Join(from, "t.tar"), archiveOf(t, entry), false)
	for dest, items := range map[string][]string{"a 0 644 0:0 mine": {"t.tar", "a"}, "a 0 600 0:0 theirs": {"a", "t.tar"}} {
		c := copyOf("/", items...)
		c.Unpack = true
		if got := listing(t, &c, source{root: from}, ""); got != dest {
			t.Errorf("%v: %s", items, got)
		}
	}
}
