package store

import (
	"context"
	"io"

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

type process struct {
	*dockerfile.Run
	top            string // ID of the layer that it runs on; "": no files
	roots          []string
	build          *Build // Network, Hosts, Limits, Secrets, SSH
	stdout, stderr io.Writer
}

func (s *Store) runLayer(ctx context.Context, p process) (*unpacked, error) { return nil, nil }
