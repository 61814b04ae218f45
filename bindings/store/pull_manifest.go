package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/image/v5/image"
	"github.com/containers/image/v5/manifest"
	"github.com/containers/image/v5/types"
	"github.com/opencontainers/go-digest"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// download is an image on its way from a registry into the store.
type download struct {
	newImage
	source types.ImageSource
	about  imagespec.Image // what its configuration says
	layers []*remoteLayer
	old    types.Image // with a manifest of schema 1, which has no configuration; else nil
}

// remoteLayer is one of an image's layers, from the lowest up.
type remoteLayer struct {
	blob    types.BlobInfo
	diffID  digest.Digest // "" in schema 1, before it is unpacked
	fetched bool          // so that blob and diffID belong together for sure
	bad     bool          // it is not to be had, or not what it should be
	staged  *unpacked     // nil: the store has it, or it is not fetched yet
}

// id is how docker's progress names the layer.
func (l *remoteLayer) id() string { return l.blob.Digest.Encoded()[:12] }

// remove deletes what was fetched and did not get into the store.
func (d *download) remove() error { return removeStaged(d.layers) }

func removeStaged(layers []*remoteLayer) (err error) {
	for _, l := range layers {
		if l.staged != nil {
			err = errors.Join(err, l.staged.remove())
		}
	}
	return err
}

// maxConfig is how large an image's configuration may be, in bytes;
// containers/image has the same limit.
const maxConfig = 4 << 20

// newDownload reads an image's manifest and configuration.
// Source: https://github.com/opencontainers/image-spec/blob/v1.1.0/manifest.md,
// https://distribution.github.io/distribution/spec/manifest-v2-2/
func (s *Store) newDownload(ctx context.Context, remote *Remote, unparsed *image.UnparsedImage) (*download, error) {
	d := &download{source: remote.source}
	d.list, d.names = remote.manifest, []reference.Named{remote.name}
	var mime string
	err := s.patiently(ctx, func(ctx context.Context) (err error) {
		d.manifest, mime, err = unparsed.Manifest(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	parsed, err := manifest.FromBlob(d.manifest, mime)
	if err != nil {
		return nil, fmt.Errorf("reading the manifest: %w", err)
	}
	for _, info := range parsed.LayerInfos() {
		if info.EmptyLayer {
			continue
		}
		if err := fetchable(info.BlobInfo); err != nil {
			return nil, err
		}
		d.layers = append(d.layers, &remoteLayer{blob: info.BlobInfo})
	}
	if _, old := parsed.(*manifest.Schema1); old {
		d.old, err = image.FromUnparsedImage(ctx, s.system, unparsed)
		return d, err
	}
	return d, s.configure(ctx, d, parsed.ConfigInfo(), remote.config)
}

// fetchable refuses layers that are not to be had from a registry.
func fetchable(layer types.BlobInfo) error {
	if err := layer.Digest.Validate(); err != nil {
		return fmt.Errorf("reading the manifest: the layer %q: %w", layer.Digest, err)
	}
	switch {
	case len(layer.URLs) > 0, strings.Contains(layer.MediaType, ".foreign."), strings.Contains(layer.MediaType, ".nondistributable."):
		return fmt.Errorf("the layer %s is not kept in registries (%s), and only these are asked", layer.Digest, layer.MediaType)
	case strings.HasSuffix(layer.MediaType, "+encrypted"):
		return fmt.Errorf("the layer %s is encrypted (%s): decrypt it with skopeo copy --decryption-key", layer.Digest, layer.MediaType)
	}
	return nil
}

// notImage is the media type of a configuration that is no image's.
type notImage string

func (n notImage) Error() string {
	return fmt.Sprintf("this is not an image of a container but %q: fetch it with a tool for it, as oras or helm", string(n))
}

// configure reads the image's configuration, which names the layers' content. It
// may be of the type too, unless that is "".
func (s *Store) configure(ctx context.Context, d *download, info types.BlobInfo, too string) error {
	// Clients of old have put others there, too.
	known := []string{manifest.DockerV2Schema2ConfigMediaType, imagespec.MediaTypeImageConfig, "application/octet-stream", "application/json", "text/html", "", too}
	if !slices.Contains(known, info.MediaType) {
		return notImage(info.MediaType)
	}
	if err := info.Digest.Validate(); err != nil {
		return fmt.Errorf("reading the manifest: the configuration %q: %w", info.Digest, err)
	}
	blob := openBlob(ctx, d.source, info, s.cache(), s.Stall)
	defer blob.Close()
	text, err := io.ReadAll(io.LimitReader(blob, maxConfig+1))
	switch {
	case err != nil:
		return err
	case len(text) > maxConfig:
		return fmt.Errorf("the image's configuration is larger than %d MB", maxConfig>>20)
	case info.Digest.Algorithm().FromBytes(text) != info.Digest:
		return fmt.Errorf("image config verification failed for digest %s", info.Digest)
	}
	return d.setConfig(text)
}

// setConfig takes the configuration over, if it fits the manifest.
func (d *download) setConfig(text []byte) error {
	d.config = text
	if err := json.Unmarshal(text, &d.about); err != nil {
		return fmt.Errorf("reading the image's configuration: %w", err)
	}
	if os := d.about.OS; os != "" && os != "linux" {
		return fmt.Errorf("image operating system %q cannot be used on this platform: operating system is not supported", os)
	}
	if d.about.Created != nil {
		d.created = *d.about.Created
	}
	diffIDs := d.about.RootFS.DiffIDs
	if len(diffIDs) != len(d.layers) {
		return fmt.Errorf("layers from manifest don't match image configuration: %d and %d", len(d.layers), len(diffIDs))
	}
	for i, id := range diffIDs {
		if err := id.Validate(); err != nil {
			return fmt.Errorf("reading the image's configuration: the layer %q: %w", id, err)
		}
		d.layers[i].diffID = id
	}
	return nil
}

// modernize makes a manifest of schema 2, and a configuration, of one of schema 1
// whose layers are known by now.
func (d *download) modernize(ctx context.Context) error {
	var known types.ManifestUpdateInformation
	next := 0
	for _, info := range d.old.LayerInfos() { // those without content, too
		var diffID digest.Digest
		if next < len(d.layers) && d.layers[next].blob.Digest == info.Digest {
			info, diffID = d.layers[next].blob, d.layers[next].diffID
			next++
		}
		known.LayerInfos = append(known.LayerInfos, info)
		known.LayerDiffIDs = append(known.LayerDiffIDs, diffID)
	}
	modern, err := d.old.UpdatedImage(ctx, types.ManifestUpdateOptions{ManifestMIMEType: manifest.DockerV2Schema2MediaType, InformationOnly: known})
	if err != nil {
		return fmt.Errorf("reading the manifest of schema 1: %w", err)
	}
	if d.manifest, _, err = modern.Manifest(ctx); err != nil {
		return err
	}
	config, err := modern.ConfigBlob(ctx)
	if err != nil {
		return err
	}
	return d.setConfig(config)
}
