package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/image/v5/manifest"
	"github.com/containers/storage"
	"github.com/opencontainers/go-digest"
)

// newImage is what putImage makes an image of.
type newImage struct {
	config   []byte            // the image's ID is its digest
	manifest []byte            // Docker's or OCI's, of this one image
	list     []byte            // the list that names the manifest; nil: none
	layer    string            // ID of the topmost layer; "": none
	names    []reference.Named // to be taken from the images that have them
	created  time.Time
}

// putImage puts an image on top of its layers into the store, with the data
// under the keys of containers/image, and returns its ID. An image with this ID
// that is there already gets the data and the names added. replaced says which
// other image had a name before: name → ID.
// Source: https://github.com/containers/image/blob/v5.29.3/storage/storage_dest.go (Commit).
func (s *Store) putImage(image newImage) (id string, replaced map[string]string, err error) {
	options, err := imageOptions(image)
	if err != nil {
		return "", nil, err
	}
	id = digest.FromBytes(image.config).Encoded()
	finished, err := s.noteImage(id, options.BigData)
	if err != nil {
		return "", nil, s.roomy(fmt.Errorf("storing the image %s: %w", id, err))
	}
	// With its names, if they are free: an image without names is what Podman's
	// prune may be looking for.
	_, err = s.CreateImage(id, nameStrings(image.names), image.layer, "", options)
	if errors.Is(err, storage.ErrDuplicateName) {
		_, err = s.CreateImage(id, s.freeNames(image.names), image.layer, "", options)
	}
	created := err == nil
	if errors.Is(err, storage.ErrDuplicateID) {
		err = s.updateImage(id, options)
	}
	if err != nil {
		return "", nil, s.roomy(fmt.Errorf("storing the image %s: %w", id, err))
	}
	if replaced, err = s.rename(id, image.names); err != nil {
		if created {
			_, left := s.DeleteImage(id, true)
			err = errors.Join(err, left)
		}
		return "", nil, s.roomy(fmt.Errorf("naming the image %s: %w", id, err))
	}
	stored, err := s.Image(id)
	if err != nil {
		return "", nil, fmt.Errorf("reading the image %s: %w", id, err)
	}
	return id, replaced, cmp.Or(finished(), s.used(stored.TopLayer))
}

// putTogether puts an image into the store that has one more layer on top of
// image.layer, or none more if layer is nil.
func (s *Store) putTogether(ctx context.Context, image newImage, layer *unpacked) (id string, err error) {
	done, err := s.committing(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	if layer != nil {
		if image.layer, err = s.putLayer(image.layer, layer); err != nil {
			return "", err
		}
	}
	id, _, err = s.putImage(image)
	return id, err
}

// updateImage adds data to an image that is there. Its layers stay: they have
// the same content.
func (s *Store) updateImage(id string, options *storage.ImageOptions) error {
	for _, item := range options.BigData {
		if err := s.SetImageBigData(id, item.Key, item.Data, manifest.Digest); err != nil {
			return err
		}
	}
	return s.SetMetadata(id, options.Metadata)
}

// freeNames are those that no image has.
func (s *Store) freeNames(names []reference.Named) []string {
	return slices.DeleteFunc(nameStrings(names), func(name string) bool {
		_, err := s.Image(name)
		return err == nil
	})
}

// rename gives names to an image and returns which other images had them.
func (s *Store) rename(id string, names []reference.Named) (map[string]string, error) {
	replaced := map[string]string{}
	all := nameStrings(names)
	for _, name := range all {
		if old, err := s.Image(name); err == nil && old.ID != id {
			replaced[name] = old.ID
		}
	}
	if len(all) == 0 {
		return replaced, nil
	}
	return replaced, s.AddNames(id, all)
}

func nameStrings(names []reference.Named) []string {
	all := make([]string, 0, len(names))
	for _, name := range names {
		all = append(all, name.String())
	}
	return all
}

// imageOptions says what to store with an image: with no signature, but with a
// note of that.
func imageOptions(image newImage) (*storage.ImageOptions, error) {
	config := digest.FromBytes(image.config)
	instance, err := manifest.Digest(image.manifest)
	if err != nil {
		return nil, fmt.Errorf("reading the manifest: %w", err)
	}
	metadata, err := json.Marshal(map[string]map[digest.Digest][]int{"signatures-sizes": {instance: {}}})
	if err != nil {
		return nil, err
	}
	manifestKey := func(of digest.Digest) string {
		return storage.ImageDigestManifestBigDataNamePrefix + "-" + of.String()
	}
	data := []storage.ImageBigDataOption{{Key: config.String(), Data: image.config, Digest: config}}
	if len(image.list) > 0 && !bytes.Equal(image.list, image.manifest) {
		list, err := manifest.Digest(image.list)
		if err != nil {
			return nil, fmt.Errorf("reading the manifest list: %w", err)
		}
		// Before the manifest: so its digest is the image's, as for Podman.
		data = append(data, storage.ImageBigDataOption{Key: manifestKey(list), Data: image.list, Digest: list})
	}
	return &storage.ImageOptions{
		CreationDate: image.created,
		Metadata:     string(metadata),
		BigData: append(data,
			storage.ImageBigDataOption{Key: manifestKey(instance), Data: image.manifest, Digest: instance},
			storage.ImageBigDataOption{Key: storage.ImageDigestBigDataKey, Data: image.manifest, Digest: instance},
			storage.ImageBigDataOption{Key: "signature-" + instance.Encoded(), Digest: digest.FromBytes(nil)},
		),
	}, nil
}

// describeImage describes an image of these layers, the lowest first, in docker's
// format: OCI's has no health check and no comment that docker shows. about is
// its configuration.
func describeImage(about any, layers []stacked) (image newImage, err error) {
	if image.config, err = json.Marshal(about); err != nil {
		return image, err
	}
	if len(image.config) > maxConfig {
		return image, fmt.Errorf("the image's configuration would have %d bytes, and Podman reads at most %d: less history, fewer variables and labels", len(image.config), maxConfig)
	}
	if len(layers) > mostLayers {
		return image, tooDeep(mostLayers)
	}
	image.created = time.Now().UTC()
	descriptors := make([]manifest.Schema2Descriptor, 0, len(layers))
	for _, layer := range layers {
		descriptors = append(descriptors, manifest.Schema2Descriptor{
			MediaType: manifest.DockerV2SchemaLayerMediaTypeUncompressed,
			Size:      layer.Size,
			Digest:    layer.DiffID,
		})
	}
	image.manifest, err = manifest.Schema2FromComponents(manifest.Schema2Descriptor{
		MediaType: manifest.DockerV2Schema2ConfigMediaType,
		Size:      int64(len(image.config)),
		Digest:    digest.FromBytes(image.config),
	}, descriptors).Serialize()
	return image, err
}
