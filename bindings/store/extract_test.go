package store

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containers/storage/pkg/archive"
	"github.com/vbatts/tar-split/tar/asm"
	tarsplit "github.com/vbatts/tar-split/tar/storage"
)

// FuzzExtract holds whatever an archive holds: nothing outside of the layer is
// touched, and an archive that is taken can be put together again.
func FuzzExtract(f *testing.F) {
	file := func(name, content string) (*tar.Header, string) {
		return &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content))}, content
	}
	link := func(kind byte, name, target string) (*tar.Header, string) {
		return &tar.Header{Typeflag: kind, Name: name, Linkname: target, Mode: 0o777}, ""
	}
	dir := func(name string) (*tar.Header, string) {
		return &tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}, ""
	}
	f.Add(archiveOf(f, pair(dir("./")), pair(dir("d/")), pair(file("d/f", "content")), pair(link(tar.TypeLink, "h", "d/f")), pair(file("e", ""))))
	f.Add(archiveOf(f, pair(link(tar.TypeSymlink, "out", "../..")), pair(file("out/victim", "evil"))))
	f.Add(archiveOf(f, pair(link(tar.TypeSymlink, "out", "/")), pair(file("out/f", "in")), pair(file("out/g/h", "in"))))
	f.Add(archiveOf(f, pair(file("../victim", "evil"))))
	f.Add(archiveOf(f, pair(link(tar.TypeLink, "h", "../victim")), pair(file("h", "evil"))))
	f.Add(archiveOf(f, pair(file("a/b", "x")), pair(file("a", "y"))))
	f.Add(archiveOf(f, pair(file("a", "x")), pair(dir("a")), pair(file("a/.wh.b", ""))))
	f.Add(archiveOf(f, pair(file(strings.Repeat("long/", 60)+"name", "x")), pair(link(tar.TypeFifo, "fifo", ""))))
	f.Add([]byte("no archive"))
	f.Fuzz(func(t *testing.T, text []byte) {
		parent := t.TempDir()
		u := &unpacked{dir: filepath.Join(parent, "layer")}
		if err := errors.Join(os.MkdirAll(u.files(), 0o700), os.WriteFile(filepath.Join(parent, "victim"), []byte("untouched"), 0o600)); err != nil {
			t.Fatal(err)
		}
		// For anybody: no device, no foreign owner.
		options := &archive.TarOptions{InUserNS: true, IgnoreChownErrors: true, WhiteoutFormat: archive.AUFSWhiteoutFormat}
		err := u.extract(bytes.NewReader(text), options)
		if victim, _ := os.ReadFile(filepath.Join(parent, "victim")); string(victim) != "untouched" {
			t.Fatalf("a file outside became %q", victim)
		}
		if beside, _ := os.ReadDir(parent); len(beside) != 2 {
			t.Fatalf("beside the layer: %v", beside)
		}
		if err != nil {
			return
		}
		if got := assembled(t, u); !bytes.Equal(got, text) {
			t.Fatalf("%d bytes come back as %d others", len(text), len(got))
		}
	})
}

type entryOf struct {
	header  *tar.Header
	content string
}

func pair(header *tar.Header, content string) entryOf { return entryOf{header, content} }

func archiveOf(tb testing.TB, entries ...entryOf) []byte {
	tb.Helper()
	var text bytes.Buffer
	w := tar.NewWriter(&text)
	for _, e := range entries {
		if err := w.WriteHeader(e.header); err != nil {
			tb.Fatal(err)
		}
		if _, err := io.WriteString(w, e.content); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return text.Bytes()
}

// assembled puts the archive together as containers/storage does.
func assembled(t *testing.T, u *unpacked) []byte {
	t.Helper()
	_ = filepath.WalkDir(u.files(), func(path string, entry fs.DirEntry, _ error) error {
		if entry != nil && entry.Type()&(fs.ModeSymlink|fs.ModeNamedPipe) == 0 {
			_ = os.Chmod(path, 0o700) // readable for anybody
		}
		return nil
	})
	file, err := os.Open(u.record())
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	record, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := asm.WriteOutputTarStream(tarsplit.NewPathFileGetter(u.files()), tarsplit.NewJSONUnpacker(record), &text); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}
