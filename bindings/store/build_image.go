package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"dockless/bindings/dockerfile"

	"github.com/containers/storage/pkg/archive"
	"github.com/containers/storage/pkg/idtools"
	"github.com/opencontainers/go-digest"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// image makes the image of the target.
func (w *work) image(ctx context.Context, result stack) (id string, err error) {
	stage := w.plan.Stages[len(w.plan.Stages)-1]
	stage.Date(made(stage.Image, result.layers))
	about := stage.Image
	if w.build.Squash {
		if result, err = w.squash(ctx, stage, result, &about); err != nil {
			return "", fmt.Errorf("squashing the layers: %w", err)
		}
	}
	about.RootFS = imagespec.RootFS{Type: "layers", DiffIDs: []digest.Digest{}}
	for _, layer := range result.layers {
		about.RootFS.DiffIDs = append(about.RootFS.DiffIDs, layer.DiffID)
	}
	image, err := w.describe(about, result)
	if err != nil {
		return "", err
	}
	image.layer, image.names, image.created = result.top, w.build.Names, *about.Created
	done, err := w.committing(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	if w.cached(result) {
		if err := w.anchor(result.top); err != nil {
			return "", err
		}
	}
	if err := w.notePassing(digest.FromBytes(image.config).Encoded(), w.build.Passing); err != nil {
		return "", err
	}
	id, _, err = w.putImage(image)
	return id, err
}

// describe describes the image, with the records of its steps where that is asked
// for.
func (w *work) describe(about dockerfile.Image, result stack) (newImage, error) {
	if !w.build.Inline || w.build.Squash {
		return describeImage(about, result.layers)
	}
	table := newCacheTable()
	if err := w.addTo(table, func(*dockerfile.Stage, *dockerfile.Step, *knownStep) {}); err != nil {
		return newImage{}, err
	}
	return describeImage(struct {
		dockerfile.Image
		Cache *cacheTable `json:"dockless.cache.v1"`
	}{about, table}, result.layers)
}

// made tells by the entries of an image's history when the layers of this build,
// or of one before it, were made.
func made(about dockerfile.Image, layers []stacked) map[int]time.Time {
	times := map[int]time.Time{}
	at := len(layers)
	for i, entry := range slices.Backward(about.History) {
		if entry.EmptyLayer {
			continue
		}
		if at--; at < 0 || layers[at].Created == nil {
			break
		}
		times[i] = *layers[at].Created
	}
	return times
}

// squash makes one layer of all those that the build has put on top of its base.
// Source: https://docs.docker.com/reference/cli/docker/image/build/#squash
func (w *work) squash(ctx context.Context, stage *dockerfile.Stage, result stack, about *dockerfile.Image) (squashed stack, err error) {
	for stage.Base.Stage != nil {
		stage = stage.Base.Stage
	}
	var below stack
	history := 0
	if stage.Base.Image != "" {
		base := w.bases[stage.Base.Key()]
		below, history = base.stack, len(base.image.History)
	}
	if len(result.layers) == len(below.layers) {
		return result, nil
	}
	layer, err := w.difference(ctx, below, result)
	if err != nil {
		return squashed, err
	}
	defer func() { err = errors.Join(err, layer.remove()) }()
	done, err := w.committing(ctx)
	if err != nil {
		return squashed, err
	}
	defer done()
	squashed.layers = below.plus(layer)
	if squashed.top, err = w.putLayer(below.top, layer); err != nil {
		return squashed, err
	}
	about.History = slices.Clone(about.History) // the plan's stays, in case the build is tried again
	for i := history; i < len(about.History); i++ {
		about.History[i].EmptyLayer = true
	}
	about.History = append(about.History, imagespec.History{Created: about.Created, Comment: "merge of the layers of the build"})
	return squashed, nil
}

// difference unpacks what has to be put on top of one stack to get the files of
// the other.
func (w *work) difference(ctx context.Context, from, to stack) (*unpacked, error) {
	before, err := w.views.root(from.top)
	if err != nil {
		return nil, err
	}
	after, err := w.views.root(to.top)
	if err != nil {
		return nil, err
	}
	changes, err := archive.ChangesDirs(after, &idtools.IDMappings{}, before, &idtools.IDMappings{})
	if err != nil {
		return nil, err
	}
	files, err := archive.ExportChanges(after, changes, nil, nil)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	return w.unpack(ctx, files)
}
