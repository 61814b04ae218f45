package store

import (
	"context"
	"errors"
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
	locked := make(chan error, 1)
	go func() { locked <- unix.Flock(int(lock.Fd()), unix.LOCK_EX) }()
	select {
	case err = <-locked:
	case <-ctx.Done():
		err = context.Cause(ctx) // the lock stays open until the process ends
		return nil, err
	}
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("locking %s: %w", lock.Name(), err)
	}
	return func() { lock.Close() }, nil
}

const notePrefix = "uncommitted-"

// note writes down that a layer will be made which no image uses yet.
func (s *Store) note(id string) error {
	name := fmt.Sprintf("%s%06d-%s", notePrefix, len(s.noted), id)
	s.noted = append(s.noted, id)
	return os.WriteFile(filepath.Join(s.temp, name), nil, 0o600)
}

// dropNoted deletes the layers that a process with this temporary directory has
// made and that no image has come to use.
func (s *Store) dropNoted(temp string) error {
	notes, err := filepath.Glob(filepath.Join(temp, notePrefix+"*"))
	if err != nil || len(notes) == 0 {
		return err
	}
	done, err := s.committing(context.Background())
	if err != nil {
		return err
	}
	defer done()
	for _, note := range slices.Backward(notes) { // children come after their parents
		id := note[strings.LastIndex(note, "-")+1:]
		if err = errors.Join(err, s.dropLayer(id)); err == nil {
			err = os.Remove(note)
		}
	}
	return err
}
