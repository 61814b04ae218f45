package store

import (
	"hash/crc64"
	"math/rand/v2"
	"testing"

	tarsplit "github.com/vbatts/tar-split/tar/storage"
)

func TestUpdateSum(t *testing.T) {
	p := make([]byte, 1000)
	for i := range p {
		p[i] = byte(rand.Uint32())
	}
	for n := range p {
		before := rand.Uint64()
		if got, want := updateSum(before, p[:n]), crc64.Update(before, tarsplit.CRCTable, p[:n]); got != want {
			t.Fatalf("%d bytes after %x: %x instead of %x", n, before, got, want)
		}
	}
}
