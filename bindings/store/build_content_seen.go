package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"
)

// memory knows the digests of a context's files from the builds before: a file
// that looks as it did then is not read again. A nil one knows nothing.
type memory struct {
	name  string // of its file
	begun time.Time
	known map[string]memorized
	used  map[string]memorized
	noted []notedFile
}

// look is what shows that a file is the same: no program can set the time of
// the last change of any of it.
type look struct {
	device, inode  uint64
	size           int64
	mode           uint32
	mtime, changed int64 // in nanoseconds since 1970
}

type memorized struct {
	look look
	bare bool // no extended attributes
	sum  [sha256.Size]byte
}

type notedFile struct {
	file *found
	look look
}

func looks(s *unix.Stat_t) look {
	return look{s.Dev, s.Ino, s.Size, s.Mode, s.Mtim.Nano(), s.Ctim.Nano()}
}

// remember reads what is known. A file of it that is not whole is as none.
func remember(name string) *memory {
	if name == "" {
		return nil
	}
	m := &memory{name: name, begun: time.Now(), known: map[string]memorized{}, used: map[string]memorized{}}
	if text, err := os.ReadFile(name); err == nil {
		m.read(text)
		_ = os.Chtimes(name, m.begun, m.begun) // only forget asks when it was
	}
	return m
}

// memories is the directory of what is remembered of contexts.
func (s *Store) memories() string { return filepath.Join(s.GraphRoot(), "dockless-contexts") }

// memoryOf is the file of what is remembered of the context in a directory.
func (s *Store) memoryOf(dir string) string {
	return filepath.Join(s.memories(), digest.FromString(dir).Encoded())
}

// forget removes what is remembered of contexts that no build has used since.
func (s *Store) forget(since time.Time) error {
	entries, err := os.ReadDir(s.memories())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		if about, err := entry.Info(); err != nil || !about.ModTime().Before(since) {
			continue
		}
		if err := os.Remove(filepath.Join(s.memories(), entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("forgetting a context: %w", err)
		}
	}
	return nil
}

func (m *memory) find(path string, now look) (sum [sha256.Size]byte, bare, known bool) {
	if m == nil {
		return sum, false, false
	}
	before, known := m.known[path]
	if !known || before.look != now {
		return sum, false, false
	}
	m.used[path] = before
	return before.sum, before.bare, true
}

// settled is how long a file has to have been left alone to be remembered: the
// clock of a file system may stand still for a while.
const settled = 2 * time.Second

// note remembers a file as it looked before it was read.
func (m *memory) note(file *found, now look) {
	if m == nil || max(now.mtime, now.changed) > m.begun.Add(-settled).UnixNano() {
		return
	}
	m.noted = append(m.noted, notedFile{file, now})
}

// maxMemory is how many files are remembered of one context.
const maxMemory = 200_000

// keep writes down what is new, in the place of what was known, and some of what
// other steps have used.
func (m *memory) keep() error {
	if m == nil || len(m.noted) == 0 {
		return nil
	}
	for _, noted := range m.noted {
		m.used[noted.file.path] = memorized{noted.look, len(noted.file.xattrs) == 0, noted.file.whole()}
	}
	for path, known := range m.known {
		if len(m.used) >= maxMemory {
			break
		}
		if _, newer := m.used[path]; !newer {
			m.used[path] = known
		}
	}
	if err := os.MkdirAll(filepath.Dir(m.name), 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(m.name), ".new-")
	if err != nil {
		return err
	}
	_, err = file.Write(m.text())
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(file.Name(), m.name)
	}
	if err != nil {
		os.Remove(file.Name())
		return fmt.Errorf("remembering the files of the context: %w", err)
	}
	return nil
}

const memoryBegin = "dockless contents 1\n"

// text is the file's: what is remembered of each file, and the digest of all.
func (m *memory) text() []byte {
	text := []byte(memoryBegin)
	little := binary.LittleEndian
	for path, one := range m.used {
		if len(path) > math.MaxUint16 {
			continue
		}
		text = little.AppendUint16(text, uint16(len(path)))
		text = append(text, path...)
		for _, number := range []uint64{one.look.device, one.look.inode, uint64(one.look.size), uint64(one.look.mtime), uint64(one.look.changed)} {
			text = little.AppendUint64(text, number)
		}
		text = little.AppendUint32(text, one.look.mode)
		bare := byte(0)
		if one.bare {
			bare = 1
		}
		text = append(append(text, bare), one.sum[:]...)
	}
	sum := sha256.Sum256(text)
	return append(text, sum[:]...)
}

func (m *memory) read(text []byte) {
	body := text[:max(len(text)-sha256.Size, 0)]
	if sum := sha256.Sum256(body); !bytes.HasPrefix(body, []byte(memoryBegin)) || !bytes.Equal(sum[:], text[len(body):]) {
		return
	}
	rest := string(body[len(memoryBegin):]) // the paths are parts of it
	number := func() uint64 {
		value := rest[:8]
		rest = rest[8:]
		return binary.LittleEndian.Uint64([]byte(value))
	}
	const fixed = 5*8 + 4 + 1 + sha256.Size
	for len(rest) > 2 {
		length := int(rest[0]) | int(rest[1])<<8
		if len(rest) < 2+length+fixed {
			return
		}
		path := rest[2 : 2+length]
		rest = rest[2+length:]
		one := memorized{look: look{device: number(), inode: number(), size: int64(number()), mtime: int64(number()), changed: int64(number())}}
		one.look.mode = binary.LittleEndian.Uint32([]byte(rest[:4]))
		one.bare = rest[4] == 1
		copy(one.sum[:], rest[5:])
		rest = rest[5+sha256.Size:]
		m.known[path] = one
	}
}
