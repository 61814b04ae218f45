package store

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// room watches a disk while an archive is unpacked: what an archive holds ends
// before it has filled the disk.
type room struct {
	dir     *os.File // anything on that disk
	bytes   int64    // written since the last look
	files   int
	watched bool
}

// take says that so many bytes of another file, or piece of one, will be
// written. It fails when too little would be left.
func (r *room) take(bytes int) error {
	r.bytes += int64(bytes)
	r.files++
	if r.watched && r.bytes < 4<<20 && r.files < 256 {
		return nil
	}
	r.bytes, r.files, r.watched = 0, 0, true
	var disk unix.Statfs_t
	if err := unix.Fstatfs(int(r.dir.Fd()), &disk); err != nil {
		return fmt.Errorf("looking how much room is left: %w", err)
	}
	if disk.Bavail < min(disk.Blocks/20, 64<<20/uint64(disk.Bsize)) || disk.Ffree < min(disk.Files/20, 10000) {
		return unix.ENOSPC
	}
	return nil
}

// fits tells whether a file can be on a disk at all: an archive says in a few
// bytes how long a file with holes is. dir is anything on that disk.
func fits(dir string, size int64) error {
	var disk unix.Statfs_t
	if err := unix.Statfs(dir, &disk); err != nil {
		return fmt.Errorf("looking how much room is left: %w", err)
	}
	if uint64(size)/uint64(disk.Bsize) > disk.Bavail {
		return unix.ENOSPC
	}
	return nil
}

// roomyFile is a file that ends before it has filled its disk.
type roomyFile struct {
	file *os.File
	room room
}

// Write writes a piece.
func (r *roomyFile) Write(piece []byte) (int, error) {
	if err := r.room.take(len(piece)); err != nil {
		return 0, err
	}
	return r.file.Write(piece)
}
