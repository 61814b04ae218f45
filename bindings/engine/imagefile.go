package engine

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containers/podman/v4/pkg/inspect"
)

// ImageConfig reads an image's configuration, JSON, from the store: Podman tells
// only a part of it. Where the store is not on this machine that is an error of
// os.ReadFile.
//
// The place is containers/storage's: what belongs to an image is in
// DRIVER-images/ID, under names that are base64 unless they are plain.
func ImageConfig(image *inspect.ImageData) ([]byte, error) {
	if image.GraphDriver == nil {
		return nil, fmt.Errorf("image %s: podman does not say where its store is: %w", image.ID, os.ErrNotExist)
	}
	layer := image.GraphDriver.Data["UpperDir"] // ROOT/overlay/LAYER/diff
	if layer == "" {
		layer = image.GraphDriver.Data["dir"] // ROOT/vfs/dir/LAYER
	}
	root := filepath.Dir(filepath.Dir(filepath.Dir(layer)))
	name := "=" + base64.StdEncoding.EncodeToString([]byte("sha256:"+image.ID))
	return os.ReadFile(filepath.Join(root, image.GraphDriver.Name+"-images", image.ID, name))
}
