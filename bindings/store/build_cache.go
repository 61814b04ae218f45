package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/containers/storage/pkg/stringid"
	"github.com/opencontainers/go-digest"
)

// stack is the layers that a step begins with, or ends with.
type stack struct {
	top    string        // ID of the topmost layer; "": there is none
	key    digest.Digest // of what it was made from, and of what has come of it
	layers []stacked     // the lowest first
}

// stacked is one layer as an image's manifest has it.
type stacked struct {
	DiffID  digest.Digest
	Size    int64      // of the tar archive, in bytes
	Created *time.Time `json:",omitempty"` // of a base: what its history says
}

// plus are the layers with one more on top.
func (s stack) plus(layer *unpacked) []stacked {
	now := time.Now().UTC()
	return append(s.layers[:len(s.layers):len(s.layers)], stacked{layer.diffID, layer.size, &now})
}

// stepRecord is what the cache holds of a step: a file named after the digest of
// what the step was made from. The layers are in the store without an image.
type stepRecord struct {
	Step    string // as it was shown
	Key     digest.Digest
	Top     string // "" where nobody has needed the layers of another machine
	Layers  []stacked
	Size    int64 // of its own layer, in bytes
	Created time.Time
}

// stepRecords is the directory of the records.
func (s *Store) stepRecords() string { return filepath.Join(s.GraphRoot(), "dockless-steps") }

// keyOf is the digest of what is made from: all parts count, and their order.
func keyOf(parts ...any) digest.Digest {
	var all bytes.Buffer
	encoder := json.NewEncoder(&all)
	for _, part := range parts {
		if err := encoder.Encode(part); err != nil {
			panic(err) // only types of ours are given
		}
	}
	return digest.FromBytes(all.Bytes())
}

// recall reads what the cache knows of a step, notes that it was of use, and
// tells whether the step's layer is here, too. Of an unknown step the key is "".
func (s *Store) recall(key digest.Digest) (made stack, here bool) {
	name := filepath.Join(s.stepRecords(), key.Encoded())
	text, err := os.ReadFile(name)
	if err != nil {
		return stack{}, false
	}
	var record stepRecord
	if json.Unmarshal(text, &record) != nil || len(record.Layers) == 0 {
		return stack{}, false
	}
	now := time.Now()
	_ = os.Chtimes(name, now, now) // only prune asks when it was
	layer, err := s.Layer(record.Top)
	here = err == nil && (layer.UncompressedDigest == "" || layer.UncompressedDigest == record.Layers[len(record.Layers)-1].DiffID)
	return stack{top: record.Top, key: record.Key, layers: record.Layers}, here
}

// keep puts what a step has made into the cache, under one or more keys: its
// layer stays in the store.
func (s *Store) keep(step string, made stack, keys ...digest.Digest) error {
	if err := os.MkdirAll(s.stepRecords(), 0o700); err != nil {
		return err
	}
	text, err := json.Marshal(stepRecord{
		Step: step, Key: made.key, Top: made.top, Layers: made.layers,
		Size: made.layers[len(made.layers)-1].Size, Created: time.Now().UTC(),
	})
	if err != nil {
		return err
	}
	for _, key := range keys {
		temporary := filepath.Join(s.temp, "step-"+stringid.GenerateRandomID()) // another stage may have the same step
		if err := os.WriteFile(temporary, text, 0o600); err != nil {
			return err
		}
		if err := os.Rename(temporary, filepath.Join(s.stepRecords(), key.Encoded())); err != nil {
			return err
		}
	}
	if made.top == "" { // it was made elsewhere
		return nil
	}
	return s.unnote(made.top)
}

// CacheRecord is what the cache holds of one step.
type CacheRecord struct {
	ID            string // of its layer
	Step          string // as it was shown
	Size          int64  // of its layer, in bytes
	Created, Used time.Time
	Shared        bool // an image or a container has the layer, too

	files []string
	depth int  // of the layer: how many are below it
	here  bool // the layer
}

// Cache lists what builds have left for the next ones, one record for a layer.
func (s *Store) Cache() ([]CacheRecord, error) {
	records, err := s.cacheRecords()
	return slices.DeleteFunc(records, func(r CacheRecord) bool { return !r.here }), err
}

// cacheRecords are those of the cache and those whose layer somebody has removed,
// with an image.
func (s *Store) cacheRecords() ([]CacheRecord, error) {
	entries, err := os.ReadDir(s.stepRecords())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the build cache: %w", err)
	}
	shared, err := s.imageLayers()
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	var records []CacheRecord
	for _, entry := range entries {
		name := filepath.Join(s.stepRecords(), entry.Name())
		text, err := os.ReadFile(name)
		about, statErr := entry.Info()
		var record stepRecord
		if err != nil || statErr != nil || json.Unmarshal(text, &record) != nil {
			continue // somebody prunes
		}
		i, found := at[record.Top]
		if !found {
			i = len(records)
			at[record.Top] = i
			records = append(records, CacheRecord{ID: record.Top, Step: record.Step, Size: record.Size, Created: record.Created, Shared: shared[record.Top], depth: len(record.Layers), here: s.Exists(record.Top)})
		}
		if records[i].Used.Before(about.ModTime()) {
			records[i].Used = about.ModTime()
		}
		records[i].files = append(records[i].files, name)
	}
	return records, nil
}

// imageLayers are the layers that images and containers have.
func (s *Store) imageLayers() (map[string]bool, error) {
	layers, err := s.Layers()
	if err != nil {
		return nil, fmt.Errorf("listing the store's layers: %w", err)
	}
	parents := map[string]string{}
	for _, layer := range layers {
		parents[layer.ID] = layer.Parent
	}
	images, err := s.Images()
	if err != nil {
		return nil, fmt.Errorf("listing the store's images: %w", err)
	}
	containers, err := s.Containers()
	if err != nil {
		return nil, fmt.Errorf("listing the store's containers: %w", err)
	}
	used := map[string]bool{}
	use := func(layer string) {
		for ; layer != "" && !used[layer]; layer = parents[layer] {
			used[layer] = true
		}
	}
	for _, image := range images {
		use(image.TopLayer)
	}
	for _, container := range containers {
		use(container.LayerID)
	}
	return used, nil
}
