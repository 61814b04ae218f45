package store

import (
	"archive/tar"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestUnpackStaysInside(t *testing.T) {
	parent := t.TempDir()
	archive := filepath.Join(parent, "image.tar")
	writeTar(t, archive, []tar.Header{
		{Name: "./index.json", Typeflag: tar.TypeReg},
		{Name: "oci-layout", Typeflag: tar.TypeReg},
		{Name: "blobs/sha256/abc", Typeflag: tar.TypeReg},
		{Name: "/blobs/sha256/absolute", Typeflag: tar.TypeReg},
		{Name: "../evil", Typeflag: tar.TypeReg},
		{Name: "blobs/../../evil", Typeflag: tar.TypeReg},
		{Name: "blobs/sha256/../../../evil", Typeflag: tar.TypeReg},
		{Name: "blobs/../evil", Typeflag: tar.TypeReg},
		{Name: "blobs/link", Typeflag: tar.TypeSymlink, Linkname: ".."},
		{Name: "blobs/link/evil", Typeflag: tar.TypeReg},
		{Name: "blobs/sha256/device", Typeflag: tar.TypeChar},
		{Name: "other.json", Typeflag: tar.TypeReg},
	})
	dir := filepath.Join(parent, "inside")
	if err := unpack(archive, dir); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := filepath.WalkDir(parent, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			name, _ := filepath.Rel(parent, path)
			got = append(got, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"image.tar", "inside/blobs/link/evil", "inside/blobs/sha256/abc", "inside/index.json", "inside/oci-layout"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func writeTar(t *testing.T, name string, headers []tar.Header) {
	t.Helper()
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(file)
	for _, header := range headers {
		if err := w.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestChanged(t *testing.T) {
	config, err := changed([]string{
		`CMD ["ls", "/"]`, `ENV A=1 B="two words"`, "ENV PATH=$A:/bin", "EXPOSE 80 53/udp", "LABEL l=v", "VOLUME /data",
		"WORKDIR /a", "WORKDIR b", "USER 1:2", "ONBUILD RUN x", "STOPSIGNAL 9", "HEALTHCHECK --retries=3 CMD true",
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := config.Env; !slices.Equal(got, []string{"A=1", "B=two words", "PATH=1:/bin"}) {
		t.Errorf("environment %q", got)
	}
	if len(config.ExposedPorts) != 2 || config.WorkingDir != "/a/b" || config.User != "1:2" || config.Healthcheck.Retries != 3 ||
		config.Labels["l"] != "v" || config.StopSignal != "9" || !slices.Equal(config.OnBuild, []string{"RUN x"}) {
		t.Errorf("configuration %+v", config)
	}
	for _, bad := range []string{"RUN true", "FROM x", "COPY a b", "nonsense", "EXPOSE many", "EXPOSE 80/smoke", "ENV", "\x00"} {
		if _, err := changed([]string{bad}); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
