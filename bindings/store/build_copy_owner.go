package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/moby/sys/user"
	mode "github.com/tonistiigi/dchapes-mode"
	"golang.org/x/sys/unix"
)

// owner is who a file belongs to.
type owner struct{ uid, gid uint32 }

// manner is how files are put: by whom they are owned, and who may do what.
type manner struct {
	owner   *owner    // nil: as they are
	mode    *uint32   // nil: as it is
	letters *mode.Set // changes of it
}

// manner reads --chown and --chmod. A name that is in no file of the image is
// root's, as with docker.
func (l *draft) manner(chown, chmod string) (*manner, error) {
	how := &manner{}
	if chown != "" {
		var err error
		if how.owner, err = l.ownerOf(chown); err != nil {
			return nil, err
		}
	}
	if chmod == "" {
		return how, nil
	}
	if bits, err := strconv.ParseUint(chmod, 8, 32); err == nil && bits <= 0o7777 {
		octal := uint32(bits)
		how.mode = &octal
		return how, nil
	}
	set, err := mode.ParseWithUmask(chmod, 0)
	if err != nil {
		return nil, fmt.Errorf("invalid chmod parameter: '%s': %w", chmod, err)
	}
	how.letters = &set
	return how, nil
}

// made is the mode of directories that are made on the way.
func (m *manner) made() uint32 {
	if m.mode != nil {
		return *m.mode & 0o755
	}
	return 0o755
}

// attributes gives a node what a file has.
func (m *manner) attributes(n *node, f *found) {
	n.uid, n.gid, n.mode, n.mtime = f.uid, f.gid, f.mode, f.mtime
	n.device, n.link, n.size = f.device, f.link, f.size
	n.xattrs = f.xattrs
	if m.owner != nil {
		n.uid, n.gid = m.owner.uid, m.owner.gid
	}
	switch {
	case n.kind() == unix.S_IFLNK:
	case m.mode != nil:
		n.mode = n.mode&unix.S_IFMT | *m.mode
	case m.letters != nil:
		n.mode = n.mode&unix.S_IFMT | bitsOf(m.letters.Apply(modeOf(n.mode)))
	}
}

func modeOf(bits uint32) os.FileMode {
	m := os.FileMode(bits & 0o777)
	for bit, flag := range map[uint32]os.FileMode{unix.S_ISUID: os.ModeSetuid, unix.S_ISGID: os.ModeSetgid, unix.S_ISVTX: os.ModeSticky} {
		if bits&bit != 0 {
			m |= flag
		}
	}
	if bits&unix.S_IFMT == unix.S_IFDIR {
		m |= os.ModeDir
	}
	return m
}

func bitsOf(m os.FileMode) uint32 {
	bits := uint32(m.Perm())
	for bit, flag := range map[uint32]os.FileMode{unix.S_ISUID: os.ModeSetuid, unix.S_ISGID: os.ModeSetgid, unix.S_ISVTX: os.ModeSticky} {
		if m&flag != 0 {
			bits |= bit
		}
	}
	return bits
}

// ownerOf reads USER[:GROUP], each a name or a number. The group of a user's
// name is that of the user; that of a number is the same number.
// Source: https://github.com/moby/buildkit/blob/v0.25.1/solver/llbsolver/ops/user_linux.go
func (l *draft) ownerOf(chown string) (*owner, error) {
	name, group, grouped := strings.Cut(chown, ":")
	o := &owner{}
	for _, name := range []string{name, group} {
		if _, is := idOf(name); !is && l.below == nil {
			return nil, fmt.Errorf("invalid user index: -1: nothing is here that says who %s is: use a number, or copy /etc/passwd and /etc/group before", name)
		}
	}
	if id, is := idOf(name); is {
		o.uid, o.gid = id, id
	} else {
		err := l.read("/etc/passwd", func(text io.Reader) error {
			users, err := user.ParsePasswdFilter(text, func(u user.User) bool { return u.Name == name })
			if len(users) > 0 {
				o.uid, o.gid = uint32(users[0].Uid), uint32(users[0].Gid)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if !grouped {
		return o, nil
	}
	if id, is := idOf(group); is {
		o.gid = id
		return o, nil
	}
	return o, l.read("/etc/group", func(text io.Reader) error {
		groups, err := user.ParseGroupFilter(text, func(g user.Group) bool { return g.Name == group })
		if len(groups) > 0 {
			o.gid = uint32(groups[0].Gid)
		}
		return err
	})
}

func idOf(name string) (id uint32, is bool) {
	if name == "" || name == "root" {
		return 0, true
	}
	number, err := strconv.ParseInt(name, 10, 32)
	return uint32(number), err == nil && number >= 0
}

// read reads a file of below, if it is there.
func (l *draft) read(name string, do func(text io.Reader) error) error {
	at, err := l.resolve(l.root, name)
	if errors.Is(err, unix.ENOTDIR) || err == nil && (len(at.missing) > 0 || at.node.kind() != unix.S_IFREG) {
		return nil
	}
	if err != nil {
		return err
	}
	fd, err := openFound(int(l.below.Fd()), strings.TrimPrefix(at.node.path(), "/"), unix.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	file := os.NewFile(uintptr(fd), name)
	defer file.Close()
	if err := do(file); err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	return nil
}
