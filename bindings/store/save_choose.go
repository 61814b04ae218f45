package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/image/v5/manifest"
	istorage "github.com/containers/image/v5/storage"
	"github.com/containers/storage"
	"github.com/opencontainers/go-digest"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

type named = reference.NamedTagged

// choose finds the images that a person means by these words, each once, with
// the names that were asked for: an id, or a name with a digest, gives none, and
// a name without a tag all of its tags, as in docker.
func (s *Store) choose(typed []string) ([]*imageToSave, error) {
	all, err := s.Images()
	if err != nil {
		return nil, fmt.Errorf("listing the store's images: %w", err)
	}
	var chosen []*imageToSave
	add := func(word string, image *storage.Image, name named) {
		i := slices.IndexFunc(chosen, func(c *imageToSave) bool { return c.ID == image.ID })
		if i < 0 {
			i = len(chosen)
			chosen = append(chosen, &imageToSave{Image: image, typed: word})
		}
		if name != nil && !slices.ContainsFunc(chosen[i].names, func(n named) bool { return n.String() == name.String() }) {
			chosen[i].names = append(chosen[i].names, name)
		}
	}
	for _, word := range typed {
		image, names, err := s.find(word, all)
		if err != nil {
			return nil, err
		}
		if image != nil {
			add(word, image, nil)
		}
		for _, name := range names {
			image, err := s.Image(name.String())
			if err != nil {
				return nil, fmt.Errorf("saving image %s: %w", name, err)
			}
			add(word, image, name)
		}
	}
	return chosen, nil
}

// find returns the image that is meant, or the names that are. Docker's reading
// of a name comes first, then Podman's localhost/, then an id.
func (s *Store) find(typed string, all []storage.Image) (*storage.Image, []named, error) {
	id := strings.TrimPrefix(typed, "sha256:")
	hex := id != "" && strings.Trim(id, "0123456789abcdef") == ""
	if !hex || len(id) < 64 {
		name, err := reference.ParseNormalizedNamed(typed)
		if err != nil {
			return nil, nil, err
		}
		candidates := []reference.Named{name}
		if reference.Domain(name) == "docker.io" {
			if local, err := reference.ParseNamed("localhost/" + reference.FamiliarString(name)); err == nil {
				candidates = append(candidates, local)
			}
		}
		for _, name := range candidates {
			if image, names := s.called(name, all); image != nil || len(names) > 0 {
				return image, names, nil
			}
		}
	}
	if hex {
		if image, err := s.Image(id); err == nil && strings.HasPrefix(image.ID, id) {
			return image, nil, nil
		}
	}
	return nil, nil, fmt.Errorf("No such image: %s", typed)
}

// called returns the image with a digest, or the names with this tag, or with
// any if none is given.
func (s *Store) called(name reference.Named, all []storage.Image) (*storage.Image, []named) {
	if digested, is := name.(reference.Digested); is {
		name, err := reference.WithDigest(reference.TrimNamed(name), digested.Digest())
		if err != nil {
			return nil, nil
		}
		ref, err := istorage.Transport.NewStoreReference(s.Store, name, "")
		if err != nil {
			return nil, nil
		}
		_, image, err := istorage.ResolveReference(ref)
		if err != nil {
			return nil, nil
		}
		return image, nil
	}
	var names []named
	for _, image := range all {
		for _, text := range image.Names {
			parsed, err := reference.ParseNormalizedNamed(text)
			if err != nil || parsed.Name() != name.Name() {
				continue
			}
			tagged, is := parsed.(named)
			if is && (reference.IsNameOnly(name) || tagged.String() == name.String()) {
				names = append(names, tagged)
			}
		}
	}
	slices.SortFunc(names, func(a, b named) int { return strings.Compare(a.Tag(), b.Tag()) })
	return nil, names
}

// describe reads the image's configuration and finds its layers.
func (s *Store) describe(ctx context.Context, image *imageToSave, only *imagespec.Platform) error {
	text, err := s.ImageBigData(image.ID, storage.ImageDigestBigDataKey)
	if err != nil {
		return fmt.Errorf("reading its manifest: %w", err)
	}
	kind := manifest.GuessMIMEType(text)
	if manifest.MIMETypeIsMultiImage(kind) {
		return errors.New("it is a list of images for several platforms: save one of them")
	}
	about, err := manifest.FromBlob(text, kind)
	if err != nil {
		return fmt.Errorf("reading its manifest: %w", err)
	}
	config := about.ConfigInfo().Digest
	if config == "" {
		return fmt.Errorf("its manifest is of a format without a configuration (%s): pull it again from a registry of today", kind)
	}
	// The configuration makes the image's ID: it stays byte for byte.
	if image.config, err = s.ImageBigData(image.ID, config.String()); err != nil {
		return fmt.Errorf("reading its configuration: %w", err)
	}
	var what imagespec.Image
	if err := json.Unmarshal(image.config, &what); err != nil {
		return fmt.Errorf("reading its configuration: %w", err)
	}
	image.platform = what.Platform
	if only != nil && !platforms.OnlyStrict(*only).Match(platforms.Normalize(what.Platform)) {
		return fmt.Errorf("no suitable export target found for platform %s: it is for %s", platforms.Format(*only), platforms.Format(what.Platform))
	}
	return s.layersOf(ctx, image, what.RootFS.DiffIDs)
}

// layersOf finds the image's layers, from the top down, and their digests and
// sizes, which the configuration and the store know.
func (s *Store) layersOf(ctx context.Context, image *imageToSave, diffIDs []digest.Digest) error {
	for id := image.TopLayer; id != ""; {
		layer, err := s.Layer(id)
		if err != nil {
			return fmt.Errorf("layer %s: %w", id, err)
		}
		image.layers = append(image.layers, layerToSave{layer, layer.UncompressedDigest, layer.UncompressedSize})
		id = layer.Parent
	}
	slices.Reverse(image.layers)
	if len(image.layers) != len(diffIDs) {
		return fmt.Errorf("it has %d layers in the store, and %d by its configuration", len(image.layers), len(diffIDs))
	}
	for i := range image.layers {
		layer := &image.layers[i]
		if layer.digest != diffIDs[i] || layer.size <= 0 {
			if err := s.measure(ctx, layer); err != nil {
				return err
			}
		}
		if layer.digest != diffIDs[i] {
			return fmt.Errorf("layer %s is not the one of its configuration: it is %s and should be %s", layer.ID, layer.digest, diffIDs[i])
		}
	}
	return nil
}

// measure reads a layer of which the store does not know enough.
func (s *Store) measure(ctx context.Context, layer *layerToSave) error {
	content, err := s.diff(layer.Layer)
	if err != nil {
		return err
	}
	defer content.Close()
	digester := digest.Canonical.Digester()
	layer.size, err = io.Copy(heedingWriter{ctx, digester.Hash()}, content)
	layer.digest = digester.Digest()
	return err
}
