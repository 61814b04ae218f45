package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containers/storage"
	graphdriver "github.com/containers/storage/drivers"
	"github.com/containers/storage/pkg/stringid"
	"github.com/containers/storage/types"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"
)

// layerOn finds the layer of the store with the given content on top of parent
// ("": of nothing), as Podman would.
func (s *Store) layerOn(parent string, diffID digest.Digest) (id string, found bool) {
	layer, err := s.Layer(chainName(parent, diffID))
	if err != nil || layer.Parent != parent || layer.UncompressedDigest != "" && layer.UncompressedDigest != diffID {
		return "", false
	}
	return layer.ID, true
}

// chainName is the ID by which containers/image looks for a layer on top of
// parent.
// Source: https://github.com/containers/image/blob/v5.29.3/storage/storage_dest.go (commitLayer).
func chainName(parent string, diffID digest.Digest) string {
	if parent == "" {
		return diffID.Encoded()
	}
	return digest.FromString(parent + "+" + diffID.Encoded()).Encoded()
}

// putLayer makes what was unpacked a layer on top of parent ("": of nothing)
// and returns its ID, or that of the same layer that was there before. From
// layerOn or putLayer to putImage the caller has to hold committing's lock.
//
// The layer gets a random ID, and only when it is whole the name by which
// Podman finds it: a process that is killed on the way leaves nothing that
// anybody takes for the layer.
func (s *Store) putLayer(parent string, u *unpacked) (string, error) {
	if id, found := s.layerOn(parent, u.diffID); found {
		return id, nil
	}
	id := stringid.GenerateRandomID()
	if err := s.note(id); err != nil {
		return "", err
	}
	put := s.moveLayer
	if u.whole {
		put = s.applyLayer
	}
	err := put(id, parent, u)
	if err == nil {
		err = s.SetNames(id, []string{chainName(parent, u.diffID)})
	}
	if err != nil {
		return "", s.roomy(fmt.Errorf("storing the layer %s: %w", u.diffID, errors.Join(err, s.dropLayer(id))))
	}
	return id, nil
}

// applyLayer has the driver unpack the archive.
func (s *Store) applyLayer(id, parent string, u *unpacked) error {
	file, err := os.Open(u.archive())
	if err != nil {
		return err
	}
	defer file.Close()
	_, _, err = s.PutLayer(id, parent, nil, "", false, &storage.LayerOptions{UncompressedDigest: u.diffID}, file)
	return err
}

// moveLayer moves the files to where the driver looks for them.
func (s *Store) moveLayer(id, parent string, u *unpacked) error {
	unmapped := &storage.LayerOptions{IDMappingOptions: types.IDMappingOptions{HostUIDMapping: true, HostGIDMapping: true}}
	if _, err := s.CreateLayer(id, parent, nil, "", false, unmapped); err != nil {
		return err
	}
	target, err := s.DifferTarget(id)
	if err != nil {
		return err
	}
	if !u.rooted {
		if err := likeRoot(u.files(), target); err != nil {
			return err
		}
	}
	record := filepath.Join(s.GraphRoot(), s.GraphDriverName()+"-layers", id+".tar-split.gz")
	if err := os.Rename(u.record(), record); err != nil {
		return err
	}
	if err := s.applyNothing(id, target, &graphdriver.DriverWithDifferOutput{
		Size:      u.size,
		UIDs:      u.uids,
		GIDs:      u.gids,
		TOCDigest: u.diffID, // which the driver makes the UncompressedDigest
	}); err != nil {
		return err
	}
	return unix.Rename(u.files(), target) // over the empty directory
}

// applyNothing records what a layer holds and leaves its directory, target,
// empty: what is staged where the driver wants it, any Podman that ends may
// remove, even half of it.
func (s *Store) applyNothing(id, target string, about *graphdriver.DriverWithDifferOutput) error {
	staged := filepath.Join(s.GraphRoot(), s.GraphDriverName(), "staging", id)
	return unswept(func() error {
		if err := errors.Join(os.MkdirAll(staged, 0o700), os.MkdirAll(target, 0o700)); err != nil {
			return err
		}
		return errors.Join(s.ApplyDiffFromStagingDirectory(id, staged, about, nil), os.RemoveAll(staged))
	})
}

// unswept does something in the driver's directory for staging again as long as
// Podman removes that meanwhile.
func unswept(do func() error) (err error) {
	for range 100 {
		if err = do(); !errors.Is(err, os.ErrNotExist) {
			break
		}
	}
	return err
}

// likeRoot gives a layer's root the owner and the mode that the driver has
// chosen for it.
func likeRoot(dir, chosen string) error {
	var stat unix.Stat_t
	if err := unix.Stat(chosen, &stat); err != nil {
		return err
	}
	if err := os.Chown(dir, int(stat.Uid), int(stat.Gid)); err != nil {
		return err
	}
	return unix.Chmod(dir, stat.Mode&0o7777)
}

// dropLayer deletes a layer unless something uses it or it is gone.
func (s *Store) dropLayer(id string) error {
	if err := s.DeleteLayer(id); err != nil && !inUse(err) {
		return fmt.Errorf("removing the layer %s: %w", id, err)
	}
	return nil
}
