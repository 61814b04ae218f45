package store

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	graphdriver "github.com/containers/storage/drivers"
	"github.com/containers/storage/pkg/archive"
	"golang.org/x/sys/unix"
)

// unpackOptions are those with which the store's driver would unpack a layer,
// into a directory that this makes at root; nil if the driver has to do it
// itself, or if the directory could not be moved to where the driver wants it.
func (s *Store) unpackOptions(root string) (*archive.TarOptions, error) {
	driver, err := s.GraphDriver()
	if err != nil {
		return nil, err
	}
	differ, able := driver.(graphdriver.DriverWithDiffer)
	masked := slices.ContainsFunc(s.GraphOptions(), func(option string) bool { return strings.Contains(option, "force_mask=") })
	if !able || masked || s.ImageStore() != "" || len(s.UIDMap()) > 0 || len(s.GIDMap()) > 0 {
		return nil, nil
	}
	var noted options
	err = unswept(func() error {
		output, err := differ.ApplyDiffWithDiffer("", "", nil, &noted)
		if err != nil {
			return fmt.Errorf("making a directory for a layer: %w", err)
		}
		return errors.Join(os.Rename(output.Target, root), os.RemoveAll(output.Target))
	})
	switch {
	case errors.Is(err, unix.EXDEV):
		return nil, nil
	case err != nil:
		return nil, err
	case noted.tar == nil || !confinable(root):
		return nil, os.RemoveAll(root)
	}
	return noted.tar, nil
}

// options is a differ that only takes note of how it is told to unpack.
type options struct{ tar *archive.TarOptions }

// ApplyDiff takes note; of an object store (composefs) there is nothing to note.
func (o *options) ApplyDiff(_ string, tar *archive.TarOptions, how *graphdriver.DifferOptions) (graphdriver.DriverWithDifferOutput, error) {
	if how.Format == graphdriver.DifferOutputFormatDir {
		o.tar = tar
	}
	return graphdriver.DriverWithDifferOutput{}, nil
}
