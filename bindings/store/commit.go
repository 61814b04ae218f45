package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// committing waits until no other dockless process puts layers and images into
// the store, and keeps others waiting until done is called: nobody then removes
// a layer that is found but not yet used.
func (s *Store) committing(ctx context.Context) (done func(), err error) {
	lock, err := os.OpenFile(filepath.Join(s.GraphRoot(), "dockless.lock"), os.O_CREATE|os.O_RDONLY, 0o600)
	if err != nil {
		return nil, err
	}
	if err := waitLock(ctx, lock, unix.LOCK_EX); err != nil {
		lock.Close()
		return nil, fmt.Errorf("waiting for %s: %w", lock.Name(), err)
	}
	return func() { lock.Close() }, nil
}

// waitLock takes a lock, unless ctx ends.
func waitLock(ctx context.Context, lock *os.File, how int) error {
	locked := make(chan error, 1)
	go func() { locked <- unix.Flock(int(lock.Fd()), how) }()
	select {
	case err := <-locked:
		return err
	case <-ctx.Done():
		return context.Cause(ctx) // and once it is there the lock goes with its file
	}
}

// unnote takes the note of one layer away.
func (s *Store) unnote(layer string) error {
	s.notes.Lock()
	defer s.notes.Unlock()
	i := slices.IndexFunc(s.noted, func(name string) bool { return noted(name) == layer })
	if i < 0 {
		return nil
	}
	name := s.noted[i]
	s.noted[i] = ""
	return os.Remove(name)
}

const notePrefix = "uncommitted-"

// note writes down that a layer will be made which no image uses yet.
func (s *Store) note(id string) error {
	s.notes.Lock()
	defer s.notes.Unlock()
	name := filepath.Join(s.temp, fmt.Sprintf("%s%06d-%s", notePrefix, len(s.noted), id))
	s.noted = append(s.noted, name)
	return os.WriteFile(name, nil, 0o600)
}

func noted(name string) (id string) {
	return name[strings.LastIndex(name, "-")+1:]
}

// used takes the notes away of the layers of an image: from the topmost down.
func (s *Store) used(layer string) error {
	if len(s.noted) == 0 {
		return nil
	}
	all, err := s.Layers()
	if err != nil {
		return fmt.Errorf("listing the store's layers: %w", err)
	}
	parents := make(map[string]string, len(all))
	for _, layer := range all {
		parents[layer.ID] = layer.Parent
	}
	for ; layer != ""; layer = parents[layer] {
		if err := s.unnote(layer); err != nil {
			return err
		}
	}
	return nil
}

// dropNoted finishes the images that a process with this temporary directory was
// about to make, and deletes those that were only passing and the layers that no
// image has come to use.
func (s *Store) dropNoted(temp string) error {
	notes, err := filepath.Glob(filepath.Join(temp, notePrefix+"*"))
	if err != nil {
		return err
	}
	images, err := filepath.Glob(filepath.Join(temp, unfinishedPrefix+"*"))
	if err != nil {
		return err
	}
	passing, err := filepath.Glob(filepath.Join(temp, passingPrefix+"*"))
	if err != nil || len(notes)+len(images)+len(passing) == 0 {
		return err
	}
	done, err := s.committing(context.Background())
	if err != nil {
		return err
	}
	defer done()
	if err := s.finishImages(images); err != nil {
		return err
	}
	if err := s.dropPassing(passing); err != nil {
		return err
	}
	for _, name := range slices.Backward(notes) { // children come after their parents
		if err = s.dropLayer(noted(name)); err != nil {
			return err
		}
		if err = os.Remove(name); err != nil {
			return err
		}
	}
	return nil
}
