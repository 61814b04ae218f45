package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"dockless/bindings/dockerfile"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"
)

// digestOf is the digest of what a Copy takes, and of what it does with it.
func digestOf(c *dockerfile.Copy, matches []*match) digest.Digest {
	hash := sha256.New()
	fmt.Fprintf(hash, "%q %q %q\n", c.Dest, c.Chown, c.Chmod)
	for _, m := range matches {
		name := m.name
		if m.top.kind() == unix.S_IFDIR {
			name = "" // it goes nowhere
		}
		fmt.Fprintf(hash, "%q %t ", name, m.unpack)
		m.top.write(hash, false, c.Chown == "")
	}
	return digest.NewDigest(digest.SHA256, hash)
}

// layerOfCopy makes the layer that a Copy puts on top of what is below: the root
// directory of the files that are there, "" for none.
func (s *Store) layerOfCopy(ctx context.Context, c *dockerfile.Copy, p *picked, below string) (*unpacked, error) {
	layer, err := s.tryCopy(ctx, c, p, below, false)
	if errors.Is(err, errAgain) {
		layer, err = s.tryCopy(ctx, c, p, below, true)
	}
	return layer, err
}

// tryCopy makes the layer in one pass through the archives that it unpacks, or
// with another one before in which it learns their names.
func (s *Store) tryCopy(ctx context.Context, c *dockerfile.Copy, p *picked, below string, twice bool) (*unpacked, error) {
	l, err := newDraft(below)
	if err != nil {
		return nil, err
	}
	defer l.close()
	l.disk = s.temp
	if err := l.put(ctx, c, p, twice); err != nil {
		return nil, err
	}
	return s.streamed(ctx, l)
}

// put lays out what a Copy takes.
func (l *draft) put(ctx context.Context, c *dockerfile.Copy, p *picked, twice bool) error {
	how, err := l.manner(c.Chown, c.Chmod)
	if err != nil {
		return err
	}
	archives := make([]*unpacking, len(p.matches))
	for i, m := range p.matches {
		if archives[i], err = m.archive(ctx); err != nil {
			return err
		}
		if archives[i] != nil {
			l.archives = append(l.archives, archives[i])
		} else if len(l.archives) > 0 {
			twice = true // what comes later may replace what an archive holds
		}
	}
	for i, m := range p.matches {
		if err := ctx.Err(); err != nil {
			return err
		}
		if archives[i] == nil {
			err = l.copy(m, c.Dest, how)
		} else {
			err = l.unpack(archives[i], c.Dest, how, twice)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// streamed unpacks what is laid out.
func (s *Store) streamed(ctx context.Context, l *draft) (*unpacked, error) {
	stream := newLayerStream(ctx, l)
	layer, err := s.unpackPlain(ctx, stream)
	<-stream.done
	if err != nil {
		if stream.err != nil && !errors.Is(stream.err, io.EOF) && ctx.Err() == nil {
			err = stream.err
		}
		return nil, err
	}
	return layer, nil
}

// workdirLayer makes the layer of WORKDIR: the directories that are not below.
func (s *Store) workdirLayer(ctx context.Context, w *dockerfile.Workdir, below string) (*unpacked, error) {
	l, err := newDraft(below)
	if err != nil {
		return nil, err
	}
	defer l.close()
	how, err := l.manner(w.User, "")
	if err != nil {
		return nil, err
	}
	at, err := l.resolve(l.root, w.Path)
	if err != nil {
		return nil, err
	}
	if _, err := l.makeAll(at, 0o755, how.owner); err != nil {
		return nil, err
	}
	return s.streamed(ctx, l)
}

// copy puts a match where a Copy says: a file under a name or into a directory,
// and of a directory its contents.
// Source: https://github.com/tonistiigi/fsutil/blob/586307ad452f/copy/copy.go (Copy).
func (l *draft) copy(m *match, dest string, how *manner) error {
	into := dest
	if base := path.Base(dest); !strings.HasSuffix(dest, "/") && base != "." {
		into = path.Dir(dest)
	}
	perm := how.made()
	at, err := l.resolve(l.root, into)
	if err != nil {
		return err
	}
	if _, err := l.makeAll(at, perm, how.owner); err != nil {
		return err
	}
	if at, err = l.resolve(l.root, path.Clean(dest)); err != nil {
		return err
	}
	if m.top.kind() != unix.S_IFDIR {
		return l.copyFile(m, at, how)
	}
	dir := at.node
	if len(at.missing) > 0 {
		if dir, err = l.makeAll(at, perm, how.owner); err != nil {
			return err
		}
	}
	if dir.kind() != unix.S_IFDIR {
		return fmt.Errorf("cannot copy to non-directory: %s", dir.path())
	}
	if l.keep(dir); dir != l.root {
		dir.mtime = m.top.mtime
	}
	return l.copyFiles(m.root, m.top, dir, how)
}

func (l *draft) copyFile(m *match, at spot, how *manner) error {
	dir, name := at.node, m.name
	if len(at.missing) > 0 || dir.kind() != unix.S_IFDIR {
		if len(at.missing) > 1 {
			var err error
			if dir, err = l.makeAll(spot{at.node, at.missing[:len(at.missing)-1]}, how.made(), how.owner); err != nil {
				return err
			}
		}
		if len(at.missing) > 0 {
			name = at.missing[len(at.missing)-1]
		} else {
			dir, name = dir.parent, dir.name
		}
	}
	return l.copyOne(m.root, m.top, dir, name, how, map[[2]uint64]*node{})
}

// copyFiles copies what is in a directory.
func (l *draft) copyFiles(root string, from *found, into *node, how *manner) error {
	return l.copyBelow(root, from, into, how, map[[2]uint64]*node{})
}

func (l *draft) copyBelow(root string, from *found, into *node, how *manner, inodes map[[2]uint64]*node) error {
	for _, file := range from.files {
		if file.kind() != unix.S_IFDIR {
			if err := l.copyOne(root, file, into, file.name, how, inodes); err != nil {
				return err
			}
			continue
		}
		dir, err := l.child(into, file.name)
		if err != nil {
			return err
		}
		switch {
		case dir == nil:
			if dir, err = l.place(into, file.name, &node{files: map[string]*node{}}); err != nil {
				return err
			}
			how.attributes(dir, file)
		case dir.kind() != unix.S_IFDIR:
			return fmt.Errorf("cannot copy to non-directory: %s", dir.path())
		case file.passed:
			dir.mode = unix.S_IFDIR | file.mode&0o7777
		default:
			how.attributes(dir, file)
		}
		l.keep(dir)
		if err := l.copyBelow(root, file, dir, how, inodes); err != nil {
			return err
		}
	}
	return nil
}

// copyOne puts one file that is no directory.
func (l *draft) copyOne(root string, from *found, dir *node, name string, how *manner, inodes map[[2]uint64]*node) error {
	there, err := l.child(dir, name)
	if err != nil {
		return err
	}
	if there != nil && there.kind() == unix.S_IFDIR {
		return fmt.Errorf("cannot replace to directory %s with file", there.path())
	}
	file, err := l.place(dir, name, &node{from: from, root: root})
	if err != nil {
		return err
	}
	how.attributes(file, from)
	if from.inode != [2]uint64{} {
		if first := inodes[from.inode]; first != nil {
			file.names = first.names
		} else {
			file.names = &sameFile{}
			inodes[from.inode] = file
		}
	}
	return nil
}
