package store

import (
	"errors"
	"fmt"

	"github.com/containers/storage"
)

// Whoever removes an image, Podman too, removes its layers, those that nothing
// else is on top of. docker's cache outlives the image: so there is an anchor,
// an empty layer, on top of what the cache holds.

// anchorOf is the ID of the anchor on a layer.
func anchorOf(layer string) string { return keyOf("anchor", layer).Encoded() }

// anchor puts one on a layer. The caller is committing.
func (s *Store) anchor(layer string) error {
	id := anchorOf(layer)
	if s.Exists(id) {
		return nil
	}
	if _, err := s.CreateLayer(id, layer, nil, "", false, nil); err != nil && !errors.Is(err, storage.ErrDuplicateID) {
		return fmt.Errorf("keeping the layer %s for the build cache: %w", layer, err)
	}
	return nil
}

// dropCached removes a layer that the cache held, with its anchor, and those
// below it that nobody has any more. held are the layers of other records.
func (s *Store) dropCached(layer string, held map[string]bool) (gone bool, err error) {
	if anchor := anchorOf(layer); s.Exists(anchor) {
		if err := s.dropLayer(anchor); err != nil {
			return false, err
		}
	}
	for id := layer; id != "" && (id == layer || !held[id]); {
		about, err := s.Layer(id)
		if errors.Is(err, storage.ErrLayerUnknown) {
			return gone, nil
		}
		if err != nil {
			return gone, fmt.Errorf("removing the layer %s: %w", id, err)
		}
		if err := s.DeleteLayer(id); inUse(err) {
			return gone, nil
		} else if err != nil {
			return gone, fmt.Errorf("removing the layer %s: %w", id, err)
		}
		gone = true
		id = about.Parent
	}
	return gone, nil
}

// dropLostAnchors removes what anchors hold without a record: that was pruned
// while a build was about to use it. held are the layers of the records.
func (s *Store) dropLostAnchors(held map[string]bool) error {
	layers, err := s.Layers()
	if err != nil {
		return fmt.Errorf("listing the store's layers: %w", err)
	}
	for _, layer := range layers {
		if layer.Parent != "" && layer.ID == anchorOf(layer.Parent) && !held[layer.Parent] {
			if _, err := s.dropCached(layer.Parent, held); err != nil {
				return err
			}
		}
	}
	return nil
}

// cached tells whether steps of this build, or of one before it, have made the
// topmost layer: it is not a base's.
func (w *work) cached(result stack) bool {
	for _, base := range w.bases {
		if base.top == result.top {
			return false
		}
	}
	return result.top != ""
}
