package store

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/containers/image/v5/types"
	"github.com/containers/storage"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
)

// offeredLayer is a layer of an image in an archive.
type offeredLayer struct {
	name   string // where the archive holds it
	diffID digest.Digest
}

// unpackedLayers are ready to be put into the store.
type unpackedLayers struct {
	mutex sync.Mutex
	by    map[digest.Digest]*unpacked
	sizes map[digest.Digest]int64  // of the tar archives
	put   map[digest.Digest]string // → ID of a layer that has been put there
}

func (u *unpackedLayers) add(layer *unpacked) {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	if u.by == nil {
		u.by, u.sizes, u.put = map[digest.Digest]*unpacked{}, map[digest.Digest]int64{}, map[digest.Digest]string{}
	}
	u.by[layer.diffID], u.sizes[layer.diffID] = layer, layer.size
}

// pass reads an archive in a stream to its end. It keeps JSON and unpacks
// layers, unless the store has them.
func (l *loading) pass(ctx context.Context, stream io.Reader) error {
	for archive := tar.NewReader(stream); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return drain(stream)
		}
		if err = errors.Join(err, context.Cause(ctx)); err != nil {
			return err
		}
		name, e, err := l.consider(header)
		if err != nil || e == nil {
			if err != nil {
				return err
			}
			continue
		}
		if err := l.keep(ctx, name, e, archive); err != nil {
			return err
		}
	}
}

// drain reads what comes after an archive's end: whoever writes it shall not
// fail, and a compressed stream has its checksum there. Nobody pads more.
func drain(stream io.Reader) error {
	_, err := io.CopyN(io.Discard, stream, 64<<20)
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// keep keeps a file that is coming by, if it can be a part of an image.
func (l *loading) keep(ctx context.Context, name string, e *entry, content io.Reader) error {
	first := make([]byte, min(sniffed, e.size))
	if _, err := io.ReadFull(content, first); err != nil {
		return err
	}
	content = io.MultiReader(bytes.NewReader(first), content)
	is := sniff(first)
	switch is {
	case other:
		return nil
	case jsonText:
		if e.size > maxText || l.texts+int(e.size) > maxTexts {
			return l.record(name, e)
		}
		l.texts += int(e.size)
		e.text = make([]byte, e.size)
		if _, err := io.ReadFull(content, e.text); err != nil {
			return err
		}
		return l.record(name, e)
	}
	e.compressed = is == packedLayer
	if err := l.record(name, e); err != nil {
		return err
	}
	if d, _ := promised(name); d != "" {
		if e.diffID = l.stored(d); e.diffID != "" {
			return nil
		}
	}
	if l.layers++; l.layers > maxLayers {
		return fmt.Errorf("it has more than %d layers: this is no archive of images", maxLayers)
	}
	return l.unpackEntry(ctx, name, e, content)
}

// stored returns the diffID of a layer that the store has, by that or by the
// digest of its compressed form.
func (l *loading) stored(d digest.Digest) digest.Digest {
	if same, err := l.LayersByUncompressedDigest(d); err == nil && len(same) > 0 {
		return d
	}
	if same, err := l.LayersByCompressedDigest(d); err == nil && len(same) > 0 {
		return same[0].UncompressedDigest
	}
	diffID := l.cache().UncompressedDigest(d)
	if same, err := l.LayersByUncompressedDigest(diffID); err == nil && diffID != "" && len(same) > 0 {
		return diffID
	}
	return ""
}

// blobsOf are the compressed blobs of an image that were unpacked.
func (l *loading) blobsOf(image *offered) []*remoteLayer {
	var blobs []*remoteLayer
	for _, layer := range image.layers {
		d, ofBlob := promised(layer.name)
		if e, err := l.lookUp(layer.name); ofBlob && err == nil && e.compressed && e.layer != nil {
			blobs = append(blobs, &remoteLayer{blob: types.BlobInfo{Digest: d}, diffID: layer.diffID, fetched: true})
		}
	}
	return blobs
}

// unpackEntry unpacks a layer of the archive beside the store. A blob has to
// have the digest that it is named for.
func (l *loading) unpackEntry(ctx context.Context, name string, e *entry, content io.Reader) error {
	want, ofBlob := promised(name)
	if l.Layer != nil {
		short := shortName(name)
		content = &metered{Reader: content, tell: func(done int64) { l.Layer(short, done, e.size) }}
	}
	var hash digest.Digester
	if ofBlob && (e.compressed || want.Algorithm() != digest.Canonical) {
		hash = want.Algorithm().Digester()
		content = io.TeeReader(content, hash.Hash())
	}
	layer, err := l.unpack(ctx, content)
	if err != nil {
		return fmt.Errorf("unpacking the layer %s: %w", name, err)
	}
	is := layer.diffID
	if hash != nil {
		is = hash.Digest()
	}
	if ofBlob && is != want {
		return errors.Join(fmt.Errorf("the blob %s has the digest %s: the archive is damaged", want, is), layer.remove())
	}
	e.layer, e.diffID = layer, layer.diffID
	l.ready.add(layer)
	return nil
}

// shortName is by what a layer is called while it is read: the beginning of the
// digest that its name holds.
func shortName(name string) string {
	if d, _ := promised(name); d != "" {
		name = d.Encoded()
	}
	return name[:min(12, len(name))]
}

// fromFile unpacks a layer that a plain archive holds.
func (l *loading) fromFile(ctx context.Context, name string, e *entry) error {
	content := io.NewSectionReader(l.file, e.at, e.size)
	first := make([]byte, min(sniffed, e.size))
	if _, err := content.ReadAt(first, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	e.compressed = sniff(first) == packedLayer
	return l.unpackEntry(ctx, name, e, content)
}

// prepare verifies all images, and unpacks what the store needs for them beside
// it.
func (l *loading) prepare(ctx context.Context, images []*offered) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2)
	asked := map[digest.Digest]bool{}
	for _, image := range images {
		parent, here := "", true
		for i, layer := range image.layers {
			if here {
				parent, here = l.layerOn(parent, layer.diffID)
			}
			e, err := l.lookUp(layer.name)
			switch {
			case err != nil && here:
				continue // left out, as the store has it
			case err != nil:
				return errors.Join(err, group.Wait())
			case e.diffID == "" && l.file == nil:
				return fmt.Errorf("the archive's %s is no layer", layer.name)
			case e.diffID != "" && e.diffID != layer.diffID:
				return wrongLayer(i, layer, e.diffID)
			case here || e.diffID != "" || asked[layer.diffID]:
				continue
			}
			asked[layer.diffID] = true
			group.Go(func() error {
				if err := l.fromFile(ctx, layer.name, e); err != nil {
					return err
				}
				if e.diffID != layer.diffID {
					return wrongLayer(i, layer, e.diffID)
				}
				return nil
			})
		}
	}
	return group.Wait()
}

// wrongLayer puts into docker's words that a layer is not what its image says.
func wrongLayer(i int, layer offeredLayer, is digest.Digest) error {
	return fmt.Errorf("invalid diffID for layer %d: expected %q, got %q (%s)", i, layer.diffID, is, layer.name)
}

// putOn makes a layer one of the store, on top of parent. If it was not unpacked
// because the store has it in another place, it comes from there.
func (l *loading) putOn(ctx context.Context, parent string, layer offeredLayer) (string, error) {
	u := l.ready.by[layer.diffID]
	if u == nil {
		same, err := l.elsewhere(layer.diffID)
		if err != nil {
			return "", err
		}
		content, err := l.diff(same)
		if err != nil {
			return "", err
		}
		defer content.Close()
		if u, err = l.unpack(ctx, content); err != nil {
			return "", err
		}
	}
	delete(l.ready.by, layer.diffID)
	id, err := l.putLayer(parent, u)
	if err == nil && l.ready.put != nil {
		l.ready.put[layer.diffID] = id
	}
	return id, errors.Join(err, u.remove())
}

// elsewhere finds a layer of the store by its content.
func (l *loading) elsewhere(diffID digest.Digest) (*storage.Layer, error) {
	if id := l.ready.put[diffID]; id != "" {
		return l.Store.Layer(id)
	}
	same, err := l.LayersByUncompressedDigest(diffID)
	if err != nil || len(same) == 0 {
		return nil, fmt.Errorf("somebody has removed the layer %s while the archive was read: try again", diffID)
	}
	return &same[0], nil
}

// sizeOf is the size of a layer's tar archive.
func (l *loading) sizeOf(layer offeredLayer) (int64, error) {
	if size, known := l.ready.sizes[layer.diffID]; known {
		return size, nil
	}
	same, err := l.elsewhere(layer.diffID)
	if err != nil {
		return 0, err
	}
	return same.UncompressedSize, nil
}
