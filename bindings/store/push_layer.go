package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/containers/image/v5/docker"
	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/image/v5/pkg/blobinfocache/none"
	"github.com/containers/image/v5/pkg/compression"
	"github.com/containers/image/v5/types"
	"github.com/containers/storage"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
)

// uploads is how many layers are sent at a time. docker sends five; each holds
// up to 20 MB here, and keeps all cores busy by itself.
const uploads = 3

// pushLayer is a layer of the image that is pushed.
type pushLayer struct {
	*storage.Layer
	diffID digest.Digest
	info   types.BlobInfo // as the stored manifest has it
}

// id is what docker calls the layer here: the first digits of its content's
// digest.
func (l pushLayer) id() string { return l.diffID.Encoded()[:12] }

// pulled tells whether the manifest has the layer as it is in a registry.
func (l pushLayer) pulled() bool { return l.info.Digest != l.diffID }

// layers lists the image's layers, the lowest first.
func (p *push) layers(ctx context.Context) ([]pushLayer, error) {
	config, err := p.image.OCIConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the image's configuration: %w", err)
	}
	infos, ids := p.image.LayerInfos(), config.RootFS.DiffIDs
	if len(infos) != len(ids) {
		return nil, fmt.Errorf("image %s has %d layers by its manifest and %d by its configuration", p.stored.ID, len(infos), len(ids))
	}
	layers := make([]pushLayer, len(ids))
	id := p.stored.TopLayer
	for i := len(layers) - 1; i >= 0; i-- {
		layer, err := p.store.Layer(id)
		if err != nil {
			return nil, fmt.Errorf("reading layer %s: %w", ids[i], err)
		}
		layers[i] = pushLayer{layer, ids[i], infos[i]}
		id = layer.Parent
	}
	return layers, nil
}

// putLayers brings the layers into the registry, and returns what they are
// there. The first that fails ends the others.
func (p *push) putLayers(ctx context.Context, layers []pushLayer) ([]types.BlobInfo, error) {
	sent := map[digest.Digest]*types.BlobInfo{} // the same may be there twice
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(uploads)
	for _, layer := range slices.Backward(layers) {
		if _, again := sent[layer.diffID]; again {
			continue
		}
		if len(sent) >= uploads {
			p.show(layer.id(), "Waiting", 0, 0)
		}
		sent[layer.diffID] = &types.BlobInfo{}
	}
	started := map[digest.Digest]bool{}
	for _, layer := range slices.Backward(layers) {
		if !started[layer.diffID] {
			started[layer.diffID] = true
			group.Go(func() error { return p.putLayer(ctx, layer, sent[layer.diffID]) })
		}
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	infos := make([]types.BlobInfo, len(layers))
	for i, layer := range layers {
		infos[i] = *sent[layer.diffID]
	}
	return infos, nil
}

func (p *push) putLayer(ctx context.Context, layer pushLayer, sent *types.BlobInfo) error {
	var action string
	err := p.store.patiently(ctx, func(ctx context.Context) (err error) {
		action, err = p.reuse(ctx, layer, sent)
		return err
	})
	if err == nil && action == "" {
		action, err = "Pushed", p.sendStubbornly(ctx, layer, sent)
	}
	if err == nil {
		p.show(layer.id(), action, 0, 0)
	}
	return err
}

// reuse looks for the layer in the registry: in the repository, then in others,
// from which it can be mounted. action is docker's word for what it found, "" for
// nothing. No request is made for a layer that no registry is known to have.
func (p *push) reuse(ctx context.Context, layer pushLayer, sent *types.BlobInfo) (action string, err error) {
	const exists = "Layer already exists"
	if layer.pulled() {
		*sent = layer.info
		compressor := compression.Gzip
		if strings.Contains(layer.info.MediaType, compression.Zstd.Name()) {
			compressor = compression.Zstd
		}
		p.note(layer.info.Digest, layer.diffID, compressor.Name())
		there, _, err := p.target.TryReusingBlob(ctx, layer.info, none.NoCache, false)
		if err != nil || there {
			return exists, err
		}
		if from := p.elsewhere(p.candidates(layer.info.Digest, false), layer.info.Digest); from != "" {
			there, _, err := p.target.TryReusingBlob(ctx, layer.info, p.cache, false)
			if err != nil || there {
				return "Mounted from " + from, err
			}
		}
	}
	candidates := p.candidates(layer.diffID, true)
	if len(candidates) == 0 {
		return "", nil
	}
	there, found, err := p.target.TryReusingBlob(ctx, types.BlobInfo{Digest: layer.diffID}, p.cache, true)
	if err != nil || !there {
		return "", err
	}
	if found.Digest == layer.diffID {
		found.CompressionOperation = types.Decompress
	}
	*sent = found
	if from := p.elsewhere(candidates, found.Digest); from != "" {
		return "Mounted from " + from, nil
	}
	return exists, nil
}

// candidates are where a blob may be, or, with others, one of the same content.
func (p *push) candidates(blob digest.Digest, others bool) []types.BICReplacementCandidate {
	if p.name == nil { // it goes into a directory
		return nil
	}
	return p.cache.CandidateLocations(docker.Transport, types.BICTransportScope{Opaque: reference.Domain(p.name)}, blob, others)
}

// elsewhere is the other repository that a blob is taken from, "" for none: the
// first candidate is the one that containers/image tries first.
func (p *push) elsewhere(candidates []types.BICReplacementCandidate, blob digest.Digest) string {
	for _, candidate := range candidates {
		if candidate.Digest != blob {
			continue
		}
		repository, err := reference.ParseNormalizedNamed(candidate.Location.Opaque)
		if err != nil || repository.Name() == p.name.Name() {
			return ""
		}
		return reference.Path(repository)
	}
	return ""
}

// note tells containers/image which blob a layer is, and how it is compressed:
// without that it does not look for it in other repositories.
func (p *push) note(blob, diffID digest.Digest, compressor string) {
	p.cache.RecordDigestUncompressedPair(blob, diffID)
	if cache, can := p.cache.(interface {
		RecordDigestCompressorName(blob digest.Digest, compressor string)
	}); can {
		cache.RecordDigestCompressorName(blob, compressor)
	}
}
