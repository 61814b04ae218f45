package store

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/containers/image/v5/docker/reference"
	"github.com/opencontainers/go-digest"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

const archives = "../../tests/testdata/archives"

// plainArchive returns what an archive holds.
func plainArchive(data []byte) (*loading, error) {
	l := &loading{contents: contents{file: bytes.NewReader(data), entries: map[string]*entry{}}}
	return l, l.index(context.Background())
}

func TestImagesOfRealArchives(t *testing.T) {
	both := []string{"docker.io/library/tiny:1", "docker.io/library/tiny:latest"}
	base := []string{"docker.io/library/tiny-base:latest"}
	for name, want := range map[string][][]string{
		"buildah.tar":           {nil},
		"buildah-platforms.tar": {both[:1]},
		"buildx.tar":            {both[:1]},
		"docker-20.tar":         {both, base},
		"docker-20-id.tar":      {nil},
		"docker-28.tar":         {both, base},
		"docker-28-id.tar":      {nil},
		"podman-4.tar":          {both, base},
		"podman-4-oci.tar":      {both[:1]},
		"podman-5.tar":          {both, base},
		"podman-5-oci.tar":      {both[:1]},
		"skopeo.tar":            {both[:1]},
		"skopeo-zstd.tar":       {both[:1]},
	} {
		data, err := os.ReadFile(filepath.Join(archives, name))
		if err != nil {
			t.Fatal(err)
		}
		l, err := plainArchive(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		images, err := l.images(t.Context())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got [][]string
		for _, image := range images {
			got = append(got, texts(image.names))
			for _, layer := range image.layers {
				if _, err := l.lookUp(layer.name); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		if !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%s: images %q, want %q", name, got, want)
		}
	}
}

func texts(names []reference.Named) []string {
	var all []string
	for _, name := range names {
		all = append(all, name.String())
	}
	return all
}

// layout is an OCI layout in the making.
type layout map[string]string

// blob adds a value as a blob.
func (l layout) blob(kind string, value any) imagespec.Descriptor {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	d := digest.FromBytes(text)
	l[blobName(d)] = string(text)
	return imagespec.Descriptor{MediaType: kind, Digest: d, Size: int64(len(text))}
}

// image adds an image without layers.
func (l layout) image(architecture string) imagespec.Descriptor {
	config := l.blob(imagespec.MediaTypeImageConfig, map[string]any{
		"os": "linux", "architecture": architecture, "rootfs": map[string]any{"type": "layers"},
	})
	return l.blob(imagespec.MediaTypeImageManifest, imagespec.Manifest{Config: config})
}

// loading returns what is read of an archive that comes by with these files.
func (l layout) loading() *loading {
	read := &loading{contents: contents{entries: map[string]*entry{}}}
	for name, text := range l {
		read.entries[name] = &entry{text: []byte(text), size: int64(len(text))}
	}
	return read
}

func (l layout) index(manifests ...imagespec.Descriptor) *loading {
	text, err := json.Marshal(imagespec.Index{Manifests: manifests})
	if err != nil {
		panic(err)
	}
	l["index.json"] = string(text)
	return l.loading()
}

func TestPlatforms(t *testing.T) {
	l := layout{}
	other, s390x := l.image("riscv64"), l.image("s390x")
	for platform, d := range map[string]*imagespec.Descriptor{"riscv64": &other, "s390x": &s390x} {
		d.Platform = &imagespec.Platform{OS: "linux", Architecture: platform}
	}
	nested := l.blob(imagespec.MediaTypeImageIndex, imagespec.Index{Manifests: []imagespec.Descriptor{other, s390x}})
	want := &imagespec.Platform{OS: "linux", Architecture: "s390x"}
	for name, read := range map[string]*loading{"beside each other": l.index(other, s390x), "in an index": l.index(nested)} {
		if _, err := read.images(t.Context()); err == nil || !strings.Contains(err.Error(), "only linux/riscv64, linux/s390x") {
			t.Errorf("%s: nothing for this machine: %v", name, err)
		}
		read.Platform = want
		images, err := read.images(t.Context())
		if err != nil || len(images) != 1 || images[0].platform.Architecture != "s390x" {
			t.Errorf("%s: %v, %v", name, images, err)
		}
	}
	read := l.index(other)
	images, err := read.images(t.Context())
	if err != nil || len(images) != 1 {
		t.Fatal(images, err)
	}
	read.Platform = want
	if _, err := read.suitable(images); err == nil || !strings.Contains(err.Error(), "linux/s390x") {
		t.Error(err)
	}
}

func TestNamesOfOCI(t *testing.T) {
	l := layout{}
	image := l.image("amd64")
	with := func(key, name string) imagespec.Descriptor {
		d := image
		d.Annotations = map[string]string{key: name}
		return d
	}
	read := l.index(with("io.containerd.image.name", "docker.io/library/a:1"), with(imagespec.AnnotationRefName, "quay.io/b:2"),
		with(imagespec.AnnotationRefName, "latest"), with(imagespec.AnnotationRefName, "../../x:1"), with("io.containerd.image.name", "a:1"),
		with("io.containerd.image.name", "c@"+image.Digest.String()))
	images, err := read.images(t.Context())
	if err != nil || len(images) != 1 || !slices.Equal(texts(images[0].names), []string{"docker.io/library/a:1", "quay.io/b:2"}) {
		t.Errorf("%v, %v", images, err)
	}
}

func TestRefusedDocuments(t *testing.T) {
	const config = `{"rootfs":{"type":"layers","diff_ids":["sha256:` + zeros + `"]}}`
	deep := layout{}
	inner := deep.image("amd64")
	for range maxDepth + 1 {
		inner = deep.blob(imagespec.MediaTypeImageIndex, imagespec.Index{Manifests: []imagespec.Descriptor{inner}})
	}
	deep.index(inner)
	forged := layout{}
	forged.index(imagespec.Descriptor{Digest: "sha256:" + zeros})
	forged["blobs/sha256/"+zeros] = "{}"
	for want, l := range map[string]layout{
		"names no image":                    {"manifest.json": "[]"},
		"reading manifest.json: unexpected": {"manifest.json": "["},
		"does not hold c, which":            {"manifest.json": `[{"Config":"c"}]`},
		"length mismatch":                   {"manifest.json": `[{"Config":"c"}]`, "c": config},
		"it has no root file system":        {"manifest.json": `[{"Config":"c"}]`, "c": "{}"},
		"invalid checksum":                  {"manifest.json": `[{"Config":"c","Layers":["l"]}]`, "c": `{"rootfs":{"type":"layers","diff_ids":["../x"]}}`},
		"invalid reference format":          {"manifest.json": `[{"Config":"c","Layers":["l"],"RepoTags":["A:/1"]}]`, "c": config},
		`invalid tag "a"`:                   {"manifest.json": `[{"Config":"c","Layers":["l"],"RepoTags":["a"]}]`, "c": config},
		"index.json names no image":         {"index.json": "{}"},
		"the archive is damaged":            forged,
		"indexes in more than":              deep,
		"repositories names no image":       {"repositories": "{}"},
		"does not hold x/json":              {"repositories": `{"a":{"1":"x"}}`},
	} {
		images, err := l.loading().images(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", images, err, want)
		}
	}
}

const zeros = "0000000000000000000000000000000000000000000000000000000000000000"

func TestLinksInAnArchive(t *testing.T) {
	read, err := plainArchive(writeTar(t,
		tar.Header{Name: "./a/layer.tar", Typeflag: tar.TypeReg, Size: 1},
		tar.Header{Name: "b/layer.tar", Typeflag: tar.TypeSymlink, Linkname: "../a/layer.tar"},
		tar.Header{Name: "out", Typeflag: tar.TypeSymlink, Linkname: "../../../../a/layer.tar"},
		tar.Header{Name: "hard", Typeflag: tar.TypeLink, Linkname: "b/layer.tar"},
		tar.Header{Name: "loop", Typeflag: tar.TypeSymlink, Linkname: "loop"},
		tar.Header{Name: "lost", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
		tar.Header{Name: "device", Typeflag: tar.TypeChar},
		tar.Header{Name: "empty", Typeflag: tar.TypeReg},
		tar.Header{Name: "../../up", Typeflag: tar.TypeReg, Size: 1},
	))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a/layer.tar", "/a/layer.tar", "b/layer.tar", "out", "hard", "up"} {
		if e, err := read.lookUp(name); err != nil || e.size != 1 {
			t.Errorf("%s: %v, %v", name, e, err)
		}
	}
	for _, name := range []string{"loop", "lost", "device", "empty", "a"} {
		if e, err := read.lookUp(name); err == nil {
			t.Errorf("%s: %v", name, e)
		}
	}
}

// writeTar returns an archive in which each file is full of zeros.
func writeTar(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, header := range headers {
		if err := w.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, header.Size)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestManyFiles(t *testing.T) {
	read := &contents{entries: map[string]*entry{}}
	var err error
	for i := 0; err == nil && i <= maxEntries; i++ {
		name := strconv.Itoa(i)
		if name, e, _ := read.consider(&tar.Header{Name: name, Typeflag: tar.TypeReg}); name != "" || e != nil {
			t.Fatal("an empty file is remembered")
		}
		_, _, err = read.consider(&tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: "a"})
	}
	if err == nil || !strings.Contains(err.Error(), "more than 100000 files") || len(read.entries) != maxEntries {
		t.Errorf("%d files, %v", len(read.entries), err)
	}
}

func TestSniff(t *testing.T) {
	base, err := os.ReadFile(filepath.Join(archives, "base.tar"))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]kind{
		string(base):                 plainLayer,
		string(make([]byte, 1024)):   plainLayer,
		string(make([]byte, 100)):    other,
		"\x1f\x8b\x08\x00rest":       packedLayer,
		"\x28\xb5\x2f\xfdrest":       packedLayer,
		" \n{\"a\":1}":               jsonText,
		"[":                          jsonText,
		"1.0":                        other,
		strings.Repeat("text ", 300): other,
	} {
		if got := sniff([]byte(text[:min(sniffed, len(text))])); got != want {
			t.Errorf("%.20q is %v, want %v", text, got, want)
		}
	}
}

// FuzzDocuments reads images of every format out of documents of anybody's.
func FuzzDocuments(f *testing.F) {
	for _, name := range []string{"docker-28.tar", "docker-20.tar", "docker-1.9.tar", "buildx.tar", "buildah-platforms.tar"} {
		data, err := os.ReadFile(filepath.Join(archives, name))
		if err != nil {
			f.Fatal(err)
		}
		read, err := plainArchive(data)
		if err != nil {
			f.Fatal(err)
		}
		all := layout{}
		for name := range read.entries {
			if text, err := read.json(name); err == nil && json.Valid(text) {
				all[name] = string(text)
			}
		}
		text, err := json.Marshal(all)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var files layout
		if json.Unmarshal(text, &files) != nil {
			return
		}
		read := files.loading()
		for _, only := range []*imagespec.Platform{nil, {OS: "linux", Architecture: "arm64"}} {
			read.Platform = only
			images, err := read.images(t.Context())
			if err != nil || images == nil {
				continue
			}
			if _, err := read.suitable(images); err != nil && strings.Contains(err.Error(), "\n") {
				t.Error(err)
			}
			for _, image := range images {
				for _, name := range image.names {
					if reference.IsNameOnly(name) {
						t.Errorf("no tag: %s", name)
					}
				}
				for _, layer := range image.layers {
					if layer.diffID.Validate() != nil {
						t.Errorf("no digest: %s", layer.diffID)
					}
				}
			}
		}
	})
}

// FuzzArchive reads archives of anybody's, which must not be taken for larger
// than they are.
func FuzzArchive(f *testing.F) {
	for _, name := range []string{"docker-20.tar", "docker-28.tar", "podman-4.tar", "buildx.tar"} {
		data, err := os.ReadFile(filepath.Join(archives, name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		read, err := plainArchive(data)
		if err != nil {
			return
		}
		for name, e := range read.entries {
			if name != clean(name) {
				t.Errorf("%q is not clean", name)
			}
			file, err := read.lookUp(name)
			if err != nil {
				continue
			}
			if file.size <= 0 || file.at+file.size > int64(len(data)) {
				t.Errorf("%q: %+v in %d bytes", name, e, len(data))
			}
			if _, err := read.json(name); err != nil && file.size <= maxText && !errors.Is(err, io.EOF) {
				t.Errorf("%q: %v", name, err)
			}
			promised(name)
			shortName(name)
		}
		if read.has("manifest.json") || read.has("index.json") {
			_, _ = read.images(t.Context()) // an error is as good
		}
	})
}
