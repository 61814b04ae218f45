package commands

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// pack writes a file or a directory here as a tar archive, called name in it
// ("": its contents only). Links are archived, never followed. What cannot be
// read whole ends it with an error: half a tree is no copy.
func pack(ctx context.Context, env *Env, out io.Writer, source, name string) error {
	w := tar.NewWriter(out)
	linked := map[[2]uint64]string{} // files with several names, by device and inode
	err := filepath.WalkDir(source, func(file string, entry fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		below, err := filepath.Rel(source, file)
		if err != nil {
			return err
		}
		inArchive := filepath.Join(name, below)
		if inArchive == "." {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if info.Mode()&os.ModeSocket != 0 {
			fmt.Fprintf(env.Err, "%s: left out, a socket cannot be copied: %s\n", env.Program, file)
			return nil
		}
		return packOne(w, file, inArchive, info, linked)
	})
	return errors.Join(err, w.Close())
}

func packOne(w *tar.Writer, file, name string, info fs.FileInfo, linked map[[2]uint64]string) error {
	var target string
	var err error
	if info.Mode()&os.ModeSymlink != 0 {
		if target, err = os.Readlink(file); err != nil {
			return err
		}
	}
	header, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	header.Name, header.Format = name, tar.FormatPAX
	header.Uname, header.Gname = "", ""
	header.ModTime = header.ModTime.Truncate(time.Second) // finer times cost a header each
	header.AccessTime, header.ChangeTime = time.Time{}, time.Time{}
	header.Uid, header.Gid = mapped(header.Uid), mapped(header.Gid)
	if info.IsDir() {
		header.Name += "/"
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && info.Mode().IsRegular() && stat.Nlink > 1 {
		id := [2]uint64{stat.Dev, stat.Ino}
		if first, seen := linked[id]; seen {
			header.Typeflag, header.Linkname, header.Size = tar.TypeLink, first, 0
		} else {
			linked[id] = name
		}
	}
	if header.Typeflag != tar.TypeReg {
		return w.WriteHeader(header)
	}
	content, err := os.Open(file)
	if err != nil {
		return err
	}
	defer content.Close()
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	n, err := io.CopyN(w, content, header.Size)
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s shrank from %d to %d bytes while it was copied", file, header.Size, n)
	}
	return err
}

// mapped is an owner's number as it can exist in a container: a user namespace
// has 65536, and root owns the rest.
func mapped(id int) int {
	if id > 0xffff {
		return 0
	}
	return id
}
