package store

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containers/image/v5/manifest"
	"github.com/containers/storage"
)

const unfinishedPrefix = "unfinished-"

// noteImage writes down that an image will be made unless it is there, and puts its data where the
// store will look for it: the store writes the image down first and its data
// after that, and Podman lists no image at all while one has no manifest.
func (s *Store) noteImage(id string, data []storage.ImageBigDataOption) (done func() error, err error) {
	if s.Exists(id) {
		return func() error { return nil }, nil
	}
	note := filepath.Join(s.temp, unfinishedPrefix+id)
	if err := os.WriteFile(note, nil, 0o600); err != nil {
		return nil, err
	}
	dir := s.imageData(id)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	for _, item := range data {
		if err := os.WriteFile(filepath.Join(dir, dataFile(item.Key)), item.Data, 0o600); err != nil {
			return nil, err
		}
	}
	return func() error { return os.Remove(note) }, nil
}

// passingPrefix begins the names of files in temporary directories; the ID of an
// image follows, which is there only until that process has written its output.
const passingPrefix = "passing-"

// notePassing says of an image that is about to be made whether it is only passing:
// then it goes when the last process that says so closes the store. One that a
// person has here is never passing. The caller is committing.
func (s *Store) notePassing(id string, passing bool) error {
	others, err := filepath.Glob(filepath.Join(filepath.Dir(s.temp), tempPrefix+"*", passingPrefix+id))
	if err != nil {
		return err
	}
	if !passing {
		for _, note := range others {
			if err := os.Remove(note); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		return nil
	}
	if len(others) == 0 && s.Exists(id) {
		return nil
	}
	return os.WriteFile(filepath.Join(s.temp, passingPrefix+id), nil, 0o600)
}

// dropPassing deletes the images of these notes unless somebody else has one, or
// has given the image a name or to a container. Their layers stay: the next
// build takes them.
func (s *Store) dropPassing(notes []string) error {
	for _, note := range notes {
		if err := os.Remove(note); err != nil {
			return err
		}
		id := strings.TrimPrefix(filepath.Base(note), passingPrefix)
		others, err := filepath.Glob(filepath.Join(filepath.Dir(s.temp), tempPrefix+"*", passingPrefix+id))
		if err != nil {
			return err
		}
		image, err := s.Image(id)
		if err != nil || len(image.Names) > 0 || len(others) > 0 {
			continue
		}
		if _, err := s.DeleteImage(id, true); err != nil && !errors.Is(err, storage.ErrImageUsedByContainer) && !errors.Is(err, storage.ErrImageUnknown) {
			return fmt.Errorf("removing the image %s: %w", id, err)
		}
	}
	return nil
}

// imageData is where the store keeps an image's data.
func (s *Store) imageData(id string) string {
	return filepath.Join(cmp.Or(s.ImageStore(), s.GraphRoot()), s.GraphDriverName()+"-images", id)
}

// dataFile is the name of the file in which the store keeps an image's data.
// Source: https://github.com/containers/storage/blob/v1.51.0/store.go (makeBigDataBaseName).
func dataFile(key string) string {
	if strings.Trim(key, ".0123456789abcdefghijklmnopqrstuvwxyz") == "" {
		return key
	}
	return "=" + base64.StdEncoding.EncodeToString([]byte(key))
}

// finishImages gives the images of these notes all of their data: those that a
// process was killed in the middle of.
func (s *Store) finishImages(notes []string) error {
	for _, note := range notes {
		id := strings.TrimPrefix(filepath.Base(note), unfinishedPrefix)
		image, err := s.Image(id)
		if err == nil {
			err = s.finishImage(image)
		}
		if err != nil && !errors.Is(err, storage.ErrImageUnknown) {
			return fmt.Errorf("finishing the image %s: %w", id, err)
		}
		if err := os.Remove(note); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) finishImage(image *storage.Image) error {
	files, err := os.ReadDir(s.imageData(image.ID))
	if err != nil {
		return err
	}
	for _, file := range files {
		key := file.Name()
		if packed, is := strings.CutPrefix(key, "="); is {
			text, err := base64.StdEncoding.DecodeString(packed)
			if err != nil {
				continue // not the store's
			}
			key = string(text)
		}
		if slices.Contains(image.BigDataNames, key) {
			continue
		}
		data, err := os.ReadFile(filepath.Join(s.imageData(image.ID), file.Name()))
		if err != nil {
			return err
		}
		if err := s.SetImageBigData(image.ID, key, data, manifest.Digest); err != nil {
			return err
		}
	}
	return nil
}
