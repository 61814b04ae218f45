package store

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	graphdriver "github.com/containers/storage/drivers"
	"github.com/vbatts/tar-split/tar/asm"
	tarsplit "github.com/vbatts/tar-split/tar/storage"
)

// layerOfFiles returns an archive, a directory with its files, and its
// tar-split file.
func layerOfFiles(t *testing.T, sizes ...int) (archive []byte, dir string, headers []byte) {
	t.Helper()
	dir = t.TempDir()
	var written, record bytes.Buffer
	random := rand.NewChaCha8([32]byte{1})
	w := tar.NewWriter(&written)
	for i, size := range sizes {
		content := make([]byte, size)
		if _, err := random.Read(content); err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprint("file", i)
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(size), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	compressed := gzip.NewWriter(&record)
	recorder, err := asm.NewInputTarStream(bytes.NewReader(written.Bytes()), tarsplit.NewJSONPacker(compressed), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, recorder); err != nil {
		t.Fatal(err)
	}
	if err := compressed.Close(); err != nil {
		t.Fatal(err)
	}
	return written.Bytes(), dir, record.Bytes()
}

func openAssembly(t *testing.T, dir string, headers []byte) *assembly {
	t.Helper()
	name := filepath.Join(t.TempDir(), "tar-split.gz")
	if err := os.WriteFile(name, headers, 0o600); err != nil {
		t.Fatal(err)
	}
	record, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	getter := graphdriver.FileGetCloser(getterOf{tarsplit.NewPathFileGetter(dir)})
	a := assemble("test", &layerFiles{opened, getter}, record)
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

type getterOf struct{ tarsplit.FileGetter }

func (getterOf) Close() error { return nil }

func TestAssemblyIsTheArchive(t *testing.T) {
	many := make([]int, 3000)
	for i := range many {
		many[i] = rand.IntN(3000)
	}
	for _, sizes := range [][]int{
		{}, {0}, {1}, {pieceSize}, {pieceSize - 512}, {5*pieceSize + 7, 3, 0, 2 * pieceSize, 1}, many,
	} {
		archive, dir, headers := layerOfFiles(t, sizes...)
		got, err := io.ReadAll(struct{ io.Reader }{openAssembly(t, dir, headers)})
		if err != nil || !bytes.Equal(got, archive) {
			t.Errorf("%d files read: %d bytes of %d, %v", len(sizes), len(got), len(archive), err)
		}
		var copied bytes.Buffer
		if _, err := openAssembly(t, dir, headers).WriteTo(&copied); err != nil || !bytes.Equal(copied.Bytes(), archive) {
			t.Errorf("%d files written: %d bytes of %d, %v", len(sizes), copied.Len(), len(archive), err)
		}
	}
}

func TestAssemblyOfDamage(t *testing.T) {
	_, dir, headers := layerOfFiles(t, 10, 3*pieceSize, 100)
	fails := func(headers []byte, with string) {
		t.Helper()
		_, err := openAssembly(t, dir, headers).WriteTo(io.Discard)
		if err == nil || !strings.Contains(err.Error(), with) {
			t.Errorf("got %v, want %q", err, with)
		}
	}
	fails(headers[:len(headers)/2], "tar-split")
	fails([]byte("junk that is no gzip"), "tar-split")
	fails(nil, "tar-split")
	if err := os.Truncate(filepath.Join(dir, "file1"), 2*pieceSize); err != nil {
		t.Fatal(err)
	}
	fails(headers, "file1 is not the file that was stored (too short)")
	if err := os.Remove(filepath.Join(dir, "file0")); err != nil {
		t.Fatal(err)
	}
	fails(headers, "file0 is not the file that was stored")
}

func TestAssemblyEndsEarly(t *testing.T) {
	_, dir, headers := layerOfFiles(t, 20*pieceSize, 20*pieceSize)
	if _, err := openAssembly(t, dir, headers).Read(make([]byte, 10)); err != nil {
		t.Error(err) // and closing it ends all that reads ahead
	}
}
