package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/containers/storage"
	"github.com/opencontainers/go-digest"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Progress is told what is being done with a layer, in docker's words, as often
// as there is something to tell and from several goroutines. layer are the
// first digits of its digest. done and total are bytes, total 0 if it is not
// known; both are 0 for what is done at once.
type Progress func(layer, action string, done, total int64)

// Pulled is an image that Pull has put into the store or found there.
type Pulled struct {
	Newer    bool               // the name was that of no image, or of another one
	Platform imagespec.Platform // that the image says it is for
}

// Pull copies an image that Find has found into the store, under its name. Of
// an image that is here already nothing is asked again, and nothing of the store
// is written. With an error nothing of it is left.
func (s *Store) Pull(ctx context.Context, remote *Remote, show Progress) (Pulled, error) {
	p, err := s.pull(ctx, remote, show)
	return p, s.roomy(registryError(remote.name, err))
}

func (s *Store) pull(ctx context.Context, remote *Remote, show Progress) (p Pulled, err error) {
	unparsed, instance, err := remote.instance(s.system)
	if err != nil {
		return p, err
	}
	if _, err := s.policy.IsRunningImageAllowed(ctx, unparsed); err != nil {
		return p, err
	}
	if id, found := s.here(remote, instance); found {
		config, err := s.ImageBigData(id, digest.NewDigestFromEncoded(digest.Canonical, id).String())
		if err != nil {
			return p, fmt.Errorf("reading the image %s: %w", id, err)
		}
		var about imagespec.Image
		err = json.Unmarshal(config, &about)
		p.Platform = about.Platform
		return p, err
	}
	d, err := s.newDownload(ctx, remote, unparsed)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, d.remove()) }()
	if s.Exists(digest.FromBytes(d.config).Encoded()) { // under another name
		show = func(string, string, int64, int64) {}
	}
	// What Podman removes between our look and our use has to be fetched after all.
	for tries := 0; ; tries++ {
		if err = s.fetch(ctx, d, show); err != nil {
			return p, err
		}
		if p.Newer, err = s.commit(ctx, d, show); err == nil || !isGone(err) || tries == maxRetries {
			break
		}
	}
	p.Platform = d.about.Platform
	s.remember(d.layers)
	return p, err
}

// commit makes the layers that were fetched and the image, and tells whether
// the name was another's or nobody's before.
func (s *Store) commit(ctx context.Context, d *download, show Progress) (newer bool, err error) {
	done, err := s.committing(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	if d.layer, err = s.putLayers("", d.layers, show); err != nil {
		return false, err
	}
	before, err := s.Image(d.names[0].String())
	absent := err != nil
	id, _, err := s.putImage(d.newImage)
	return absent || before.ID != id, err
}

// putLayers makes layers that were fetched, on top of parent and of those that the
// store has, and returns the ID of the topmost one.
func (s *Store) putLayers(parent string, layers []*remoteLayer, show Progress) (top string, err error) {
	for _, l := range layers {
		if l.staged == nil {
			id, found := s.layerOn(parent, l.diffID)
			if !found {
				return "", storage.ErrLayerUnknown
			}
			parent = id
			continue
		}
		show(l.id(), "Extracting", l.blob.Size, l.blob.Size)
		if parent, err = s.putLayer(parent, l.staged); err != nil {
			return "", err
		}
		if err := l.staged.remove(); err != nil {
			return "", err
		}
		l.staged = nil
		show(l.id(), "Pull complete", 0, 0)
	}
	return parent, nil
}

// isGone tells whether something that the store had is not there any more.
func isGone(err error) bool {
	return slices.ContainsFunc([]error{
		storage.ErrLayerUnknown, storage.ErrParentUnknown, storage.ErrNotALayer,
		storage.ErrImageUnknown, storage.ErrNotAnImage, storage.ErrNotAnID,
	}, func(gone error) bool { return errors.Is(err, gone) })
}
