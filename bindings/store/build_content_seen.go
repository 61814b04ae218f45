package store

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"
)

// memory knows the digests of a context's files from the builds before: a file
// that looks as it did then is not read again. A nil one knows nothing.
type memory struct {
	name  string // of its file
	begun time.Time
	text  string // of the file
	known map[string]entryAt
	noted []notedFile
}

// entryAt is where in the text there is something about a file.
type entryAt struct {
	at   uint32
	used bool
}

// look is what shows that a file is the same: no program can set the time of
// the last change of any of it.
type look struct {
	device, inode  uint64
	size           int64
	mode           uint32
	mtime, changed int64 // in nanoseconds since 1970
}

type notedFile struct {
	file *found
	name string
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
	m := &memory{name: name, begun: time.Now(), known: map[string]entryAt{}}
	file, err := os.Open(name)
	if err != nil {
		return m
	}
	defer file.Close()
	var text strings.Builder
	if about, err := file.Stat(); err == nil && about.Size() < math.MaxUint32 {
		text.Grow(int(about.Size()))
	}
	if _, err := io.Copy(&text, file); err == nil {
		m.read(text.String())
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

// find tells what is known of a file that looks like this now.
func (m *memory) find(path string, now look) (sum [sha256.Size]byte, bare, known bool) {
	if m == nil {
		return sum, false, false
	}
	entry, known := m.known[path]
	if !known {
		return sum, false, false
	}
	text := m.text[entry.at : entry.at+entrySize]
	number := func(i int) uint64 { return binary.LittleEndian.Uint64([]byte(text[8*i : 8*i+8])) }
	before := look{device: number(0), inode: number(1), size: int64(number(2)), mtime: int64(number(3)), changed: int64(number(4)), mode: uint32(number(5))}
	if before != now {
		return sum, false, false
	}
	m.known[path] = entryAt{entry.at, true}
	copy(sum[:], text[6*8+1:])
	return sum, text[6*8] == 1, true
}

// settled is how long a file has to have been left alone to be remembered: the
// clock of a file system may stand still for a while.
const settled = 2 * time.Second

// note remembers a file as it looked before it was read.
func (m *memory) note(file *found, name string, now look) {
	if m == nil || len(name) > math.MaxUint16 || len(m.noted) >= maxMemory || max(now.mtime, now.changed) > m.begun.Add(-settled).UnixNano() {
		return
	}
	delete(m.known, name)
	m.noted = append(m.noted, notedFile{file, name, now})
}

// maxMemory is how many files are remembered of one context.
const maxMemory = 200_000

// keep writes down what is new, what is still so, and some of what other steps
// have used.
func (m *memory) keep() error {
	if m == nil || len(m.noted) == 0 {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(m.name), 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(m.name), ".new-")
	if err != nil {
		return err
	}
	err = m.write(file)
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

const (
	memoryBegin = "dockless contents 1\n"
	entrySize   = 6*8 + 1 + sha256.Size // without the path
)

// write writes the file's text: what is remembered of each file, and the digest
// of all.
func (m *memory) write(file io.Writer) error {
	hash := sha256.New()
	w := bufio.NewWriterSize(io.MultiWriter(file, hash), chunkSize)
	_, _ = w.WriteString(memoryBegin)
	little := binary.LittleEndian
	entry := make([]byte, 0, entrySize)
	for _, noted := range m.noted {
		entry = little.AppendUint16(entry[:0], uint16(len(noted.name)))
		entry = append(entry, noted.name...)
		for _, number := range []uint64{noted.look.device, noted.look.inode, uint64(noted.look.size), uint64(noted.look.mtime), uint64(noted.look.changed), uint64(noted.look.mode)} {
			entry = little.AppendUint64(entry, number)
		}
		bare := byte(0)
		if len(noted.file.xattrs) == 0 {
			bare = 1
		}
		sum := noted.file.whole()
		_, _ = w.Write(append(append(entry, bare), sum[:]...))
	}
	left := maxMemory - len(m.noted)
	for _, used := range []bool{true, false} {
		for path, entry := range m.known {
			if entry.used != used || left <= 0 {
				continue
			}
			left--
			_, _ = w.WriteString(m.text[int(entry.at)-2-len(path) : entry.at+entrySize])
		}
	}
	if err := w.Flush(); err != nil { // the first of all
		return err
	}
	_, err := file.Write(hash.Sum(nil))
	return err
}

func (m *memory) read(text string) {
	body := max(len(text)-sha256.Size, 0)
	hash := sha256.New()
	_, _ = io.Copy(hash, io.LimitReader(strings.NewReader(text), int64(body)))
	if !strings.HasPrefix(text[:body], memoryBegin) || string(hash.Sum(nil)) != text[body:] || len(text) > math.MaxUint32 {
		return
	}
	m.text = text
	for at := len(memoryBegin); at+2 <= body; {
		length := int(text[at]) | int(text[at+1])<<8
		path := at + 2
		at = path + length + entrySize
		if at > body {
			return
		}
		m.known[text[path:path+length]] = entryAt{at: uint32(path + length)}
	}
}
