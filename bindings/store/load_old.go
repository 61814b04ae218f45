package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/containers/image/v5/manifest"
	"github.com/opencontainers/go-digest"
)

// oldImage is the configuration of a layer in an archive of docker before 1.10:
// each layer was an image, ID/json beside ID/layer.tar.
// Source: https://github.com/moby/docker-image-spec/blob/main/v1.0.md
type oldImage struct {
	Parent          string
	Created         time.Time
	Author          string
	Comment         string
	ContainerConfig struct{ Cmd []string } `json:"container_config"`
}

// oldHistory is an entry of a configuration's history.
// Source: https://github.com/moby/docker-image-spec/blob/main/spec.md#image-json-field-descriptions
type oldHistory struct {
	Created   time.Time `json:"created"`
	Author    string    `json:"author,omitempty"`
	CreatedBy string    `json:"created_by,omitempty"`
	Comment   string    `json:"comment,omitempty"`
}

// oldImages reads the images that the file "repositories" names, all that an
// archive of docker before 1.10 says of its images.
func (l *loading) oldImages(ctx context.Context) ([]*offered, error) {
	text, err := l.json("repositories")
	if err != nil {
		return nil, err
	}
	var repositories map[string]map[string]string // name → tag → ID
	if err := json.Unmarshal(text, &repositories); err != nil {
		return nil, fmt.Errorf("reading repositories: %w", err)
	}
	byID := map[string]*offered{}
	var images []*offered
	for _, name := range slices.Sorted(maps.Keys(repositories)) {
		for _, tag := range slices.Sorted(maps.Keys(repositories[name])) {
			id := repositories[name][tag]
			image := byID[id]
			if image == nil {
				if image, err = l.oldImage(ctx, id); err != nil {
					return nil, err
				}
				byID[id] = image
				images = append(images, image)
			}
			if err := image.tag(name + ":" + tag); err != nil {
				return nil, err
			}
		}
	}
	if len(images) == 0 {
		return nil, fmt.Errorf("the archive's file repositories names no image")
	}
	return images, nil
}

// oldImage makes an image of today out of the one with this ID and its parents.
// Source: MakeConfigFromV1Config in https://github.com/moby/moby/blob/v24.0.9/image/v1/imagev1.go
func (l *loading) oldImage(ctx context.Context, id string) (*offered, error) {
	image := &offered{}
	var history []oldHistory
	var diffIDs []digest.Digest
	seen := map[string]bool{}
	for at := id; at != ""; {
		if seen[at] {
			return nil, fmt.Errorf("the archive's image %s is its own parent", at)
		}
		seen[at] = true
		text, err := l.json(at + "/json")
		if err != nil {
			return nil, err
		}
		if image.config == nil {
			image.config = text
		}
		var old oldImage
		if err := json.Unmarshal(text, &old); err != nil {
			return nil, fmt.Errorf("reading %s/json: %w", at, err)
		}
		layer := offeredLayer{name: at + "/layer.tar"}
		if layer.diffID, err = l.oldLayer(ctx, layer.name); err != nil {
			return nil, err
		}
		image.layers = append(image.layers, layer)
		diffIDs = append(diffIDs, layer.diffID)
		history = append(history, oldHistory{old.Created, old.Author, strings.Join(old.ContainerConfig.Cmd, " "), old.Comment})
		at = old.Parent
	}
	slices.Reverse(image.layers)
	slices.Reverse(diffIDs)
	slices.Reverse(history)
	config := map[string]json.RawMessage{}
	if err := json.Unmarshal(image.config, &config); err != nil {
		return nil, fmt.Errorf("reading %s/json: %w", id, err)
	}
	for _, dropped := range []string{"id", "parent", "Size", "parent_id", "layer_id", "throwaway"} {
		delete(config, dropped)
	}
	added := struct {
		RootFS  any `json:"rootfs"`
		History any `json:"history"`
	}{manifest.Schema2RootFS{Type: "layers", DiffIDs: diffIDs}, history}
	text, err := json.Marshal(added)
	if err == nil {
		err = json.Unmarshal(text, &config) // beside what is there
	}
	if err == nil {
		image.config, err = json.Marshal(config)
	}
	if err != nil {
		return nil, err
	}
	layers := image.layers
	image.layers = nil
	if err := image.configure(id + "/json"); err != nil {
		return nil, err
	}
	image.layers = layers
	return image, nil
}

// oldLayer unpacks a layer of which only its content says what it is.
func (l *loading) oldLayer(ctx context.Context, name string) (digest.Digest, error) {
	e, err := l.lookUp(name)
	if err != nil {
		return "", err
	}
	if e.diffID == "" && l.file != nil {
		if err := l.fromFile(ctx, name, e); err != nil {
			return "", err
		}
	}
	if e.diffID == "" {
		return "", fmt.Errorf("the archive's %s is no layer", name)
	}
	return e.diffID, nil
}
