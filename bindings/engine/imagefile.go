package engine

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containers/podman/v4/pkg/inspect"
	"github.com/opencontainers/go-digest"
)

// ImageConfig reads an image's configuration, JSON, from the store: Podman tells
// only a part of it. Where the store is not on this machine that is an error of
// os.ReadFile.
func ImageConfig(image *inspect.ImageData) ([]byte, error) {
	return imageFile(image, "="+base64.StdEncoding.EncodeToString([]byte("sha256:"+image.ID)))
}

// ImageManifestDigest is the digest of the manifest that the store has of an
// image: of one that was built here no registry has it. It is "" if that cannot
// be read.
func ImageManifestDigest(image *inspect.ImageData) digest.Digest {
	text, err := imageFile(image, "manifest")
	if err != nil {
		return ""
	}
	return digest.FromBytes(text)
}

// imageFile reads what belongs to an image. The place is containers/storage's:
// DRIVER-images/ID, under names that are base64 unless they are plain.
func imageFile(image *inspect.ImageData, name string) ([]byte, error) {
	if image.GraphDriver == nil {
		return nil, fmt.Errorf("image %s: podman does not say where its store is: %w", image.ID, os.ErrNotExist)
	}
	layer := image.GraphDriver.Data["UpperDir"] // ROOT/overlay/LAYER/diff
	if layer == "" {
		layer = image.GraphDriver.Data["dir"] // ROOT/vfs/dir/LAYER
	}
	root := filepath.Dir(filepath.Dir(filepath.Dir(layer)))
	return os.ReadFile(filepath.Join(root, image.GraphDriver.Name+"-images", image.ID, name))
}
