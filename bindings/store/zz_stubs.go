package store

import (
	"context"

	"dockless/bindings/dockerfile"
	"github.com/opencontainers/go-digest"
)

type source struct {
	root   string
	file   string
	ignore []string
	own    bool
	seen   string
}
type picked struct{}

func (s *Store) pick(ctx context.Context, c *dockerfile.Copy, from []source) (*picked, error) {
	return nil, nil
}
func (p *picked) digest() digest.Digest { return "" }
func (s *Store) layerOfCopy(ctx context.Context, c *dockerfile.Copy, p *picked, below string) (*unpacked, error) {
	return nil, nil
}
func (s *Store) workdirLayer(ctx context.Context, w *dockerfile.Workdir, below string) (*unpacked, error) {
	return nil, nil
}

