package store

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"

	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/storage/pkg/unshare"
	storage "github.com/containers/storage/types"
)

// Absent are those of the names under which the person's store has no image. It
// works before Enter and without a lock: what cannot be read is absent.
func Absent(names []reference.Named) []reference.Named {
	here := map[string]bool{}
	if options, err := storage.DefaultStoreOptions(unshare.IsRootless(), unshare.GetRootlessUID()); err == nil {
		files, _ := filepath.Glob(filepath.Join(options.GraphRoot, "*-images", "images.json"))
		for _, file := range files {
			var images []struct{ Names []string }
			if text, err := os.ReadFile(file); err == nil && json.Unmarshal(text, &images) == nil {
				for _, image := range images {
					for _, name := range image.Names {
						here[name] = true
					}
				}
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(names), func(name reference.Named) bool {
		return slices.ContainsFunc(namesHere(reference.TagNameOnly(name)), func(name string) bool { return here[name] })
	})
}

// namesHere are the names that an image may have in the store: the full one, or
// plain Podman's localhost/ name.
func namesHere(name reference.Named) []string {
	names := []string{name.String()}
	if _, is := name.(reference.Canonical); !is && reference.Domain(name) == "docker.io" {
		names = append(names, "localhost/"+reference.FamiliarString(name))
	}
	return names
}
