package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	dockerarchive "github.com/containers/image/v5/docker/archive"
	ociarchive "github.com/containers/image/v5/oci/archive"
	"github.com/containers/image/v5/types"
)

// allowed asks the person's policy.json, as Podman does, whether images may
// come out of the archive.
// Source: https://github.com/containers/image/blob/main/docs/containers-policy.json.5.md
func (l *loading) allowed(ctx context.Context, archive *os.File) error {
	path, err := filepath.EvalSymlinks(archive.Name())
	if err != nil { // a pipe, or deleted
		path = "/" + filepath.Base(called(archive))
	}
	path = strings.ReplaceAll(path, ":", "_") // which would end it
	from, err := dockerarchive.NewReference(path, nil)
	if !l.has("manifest.json") && l.has("index.json") {
		from, err = ociarchive.NewReference(path, "")
	}
	if err != nil {
		return err
	}
	if _, err := l.policy.IsRunningImageAllowed(ctx, unsigned{from}); err != nil {
		return fmt.Errorf("loading %s: %w", called(archive), err)
	}
	return nil
}

// unsigned is an image out of an archive, which holds no signatures.
type unsigned struct{ from types.ImageReference }

// Reference says where the image is from.
func (u unsigned) Reference() types.ImageReference { return u.from }

// Manifest is what a signature would be of.
func (u unsigned) Manifest(context.Context) ([]byte, string, error) { return nil, "", nil }

// Signatures are none.
func (u unsigned) Signatures(context.Context) ([][]byte, error) { return nil, nil }
