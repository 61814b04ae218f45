package store

import "github.com/opencontainers/go-digest"

// readyHash is a digest that is made while its data is being read.
type readyHash struct {
	full, free chan []byte
	piece      []byte
	size       int64
	done       chan digest.Digest
	ended      bool
	result     digest.Digest
}

func newReadyHash() *readyHash {
	h := &readyHash{full: make(chan []byte, 4), free: make(chan []byte, 6), done: make(chan digest.Digest, 1)}
	for range 5 {
		h.free <- nil // made when it is needed
	}
	go func() {
		hash := digest.Canonical.Digester()
		for piece := range h.full {
			hash.Hash().Write(piece)
			h.free <- piece[:0]
		}
		h.done <- hash.Digest()
	}()
	return h
}

// Write takes data.
func (h *readyHash) Write(data []byte) (int, error) {
	h.size += int64(len(data))
	for rest := data; len(rest) > 0; {
		if h.piece == nil {
			if h.piece = <-h.free; h.piece == nil {
				h.piece = make([]byte, 0, chunkSize)
			}
		}
		n := copy(h.piece[len(h.piece):cap(h.piece)], rest)
		h.piece, rest = h.piece[:len(h.piece)+n], rest[n:]
		if len(h.piece) == cap(h.piece) {
			h.full <- h.piece
			h.piece = nil
		}
	}
	return len(data), nil
}

// end returns the digest and the size of the data.
func (h *readyHash) end() (digest.Digest, int64) {
	if !h.ended {
		h.ended = true
		if h.piece != nil {
			h.full <- h.piece
		}
		close(h.full)
		h.result = <-h.done
	}
	return h.result, h.size
}
