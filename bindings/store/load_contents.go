package store

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/containers/image/v5/pkg/compression"
	"github.com/opencontainers/go-digest"
)

// What an archive may make us remember of it.
const (
	maxText    = 4 << 20 // bytes of one JSON file; containers/image's limit
	maxTexts   = 32 << 20
	maxEntries = 100_000
	maxLayers  = 10_000
)

// contents is what an archive holds of images, by clean name. What comes by in
// a stream is kept, as its meaning is told last: JSON in memory, layers
// unpacked. Of a plain file only the places are kept.
type contents struct {
	file          plainFile // nil: a stream
	entries       map[string]*entry
	texts, layers int // bytes and number that are kept
}

type plainFile interface {
	io.ReadSeeker
	io.ReaderAt
}

// entry is a file of an archive, or a link there.
type entry struct {
	link       string // the clean name that it leads to; "": a file
	at, size   int64  // in a plain file
	text       []byte // JSON that came by
	layer      *unpacked
	compressed bool
	diffID     digest.Digest // of a layer that is known
}

// clean is a name in an archive as its manifest may write it: no name leads out
// of the archive.
func clean(name string) string {
	return path.Clean("/" + name)[1:]
}

// lookUp follows links to a file.
func (c *contents) lookUp(name string) (*entry, error) {
	at := clean(name)
	for range 40 { // as many as the kernel follows
		e, found := c.entries[at]
		switch {
		case !found && at == clean(name):
			return nil, missing(name)
		case !found:
			return nil, fmt.Errorf("the archive's link %s leads to %s, which it does not hold", name, at)
		case e.link == "":
			return e, nil
		}
		at = e.link
	}
	return nil, fmt.Errorf("the archive's link %s leads to itself", name)
}

// missing is the name of something that an archive does not hold.
type missing string

func (m missing) Error() string {
	return fmt.Sprintf("the archive does not hold %s, which it names", string(m))
}

// has tells whether there is a file or a link with the name.
func (c *contents) has(name string) bool {
	return c.entries[name] != nil
}

// json returns the text of a small file.
func (c *contents) json(name string) ([]byte, error) {
	e, err := c.lookUp(name)
	switch {
	case err != nil:
		return nil, err
	case e.text != nil:
		return e.text, nil
	case e.size > maxText:
		return nil, fmt.Errorf("%s has %d bytes, which is too large for what it describes", name, e.size)
	case c.file == nil:
		return nil, fmt.Errorf("%s is not JSON, or comes after %d MB of it", name, maxTexts>>20)
	}
	text := make([]byte, e.size)
	_, err = c.file.ReadAt(text, e.at)
	return text, err
}

// blob returns the text of a blob of an OCI layout, which is what its digest
// says.
func (c *contents) blob(d digest.Digest) ([]byte, error) {
	if err := d.Validate(); err != nil {
		return nil, fmt.Errorf("the digest %q: %w", d, err)
	}
	text, err := c.json(blobName(d))
	if err != nil {
		return nil, err
	}
	if is := d.Algorithm().FromBytes(text); is != d {
		return nil, fmt.Errorf("the blob %s has the digest %s: the archive is damaged", d, is)
	}
	return text, nil
}

// promised is the digest that an entry's name promises; "": none.
func promised(name string) (d digest.Digest, ofBlob bool) {
	if rest, ok := strings.CutPrefix(name, "blobs/"); ok {
		algorithm, hex, _ := strings.Cut(rest, "/")
		d, ofBlob = digest.NewDigestFromEncoded(digest.Algorithm(algorithm), hex), true
	} else {
		d = digest.NewDigestFromEncoded(digest.SHA256, strings.TrimSuffix(name, ".tar")) // podman's: of the tar archive
	}
	if d.Validate() != nil {
		return "", false
	}
	return d, ofBlob
}

// consider takes note of a header, and returns an entry if that is a file which
// may matter. A name that comes again stands for its last file, as if the
// archive were unpacked.
func (c *contents) consider(header *tar.Header) (name string, e *entry, err error) {
	name, e = clean(header.Name), &entry{size: header.Size}
	switch {
	case header.Typeflag == tar.TypeLink:
		e.link = clean(header.Linkname)
	case header.Typeflag == tar.TypeSymlink && path.IsAbs(header.Linkname):
		e.link = clean(header.Linkname)
	case header.Typeflag == tar.TypeSymlink:
		e.link = clean(path.Join(path.Dir(name), header.Linkname))
	case header.Typeflag != tar.TypeReg || header.Size == 0 || sparse(header):
		return "", nil, nil
	}
	if e.link == "" {
		return name, e, nil
	}
	return name, nil, c.record(name, e)
}

func (c *contents) record(name string, e *entry) error {
	if len(c.entries) == maxEntries {
		return errors.New("it has more than " + strconv.Itoa(maxEntries) + " files: this is no archive of images")
	}
	c.entries[name] = e
	return nil
}

// kind is what a file of an archive can be, by its first bytes.
type kind int

const (
	other kind = iota
	jsonText
	plainLayer
	packedLayer
)

const sniffed = 512 // bytes; a tar header's

func sniff(first []byte) kind {
	if tarHeader(first) {
		return plainLayer
	}
	if decompressor, _, err := compression.DetectCompression(bytes.NewReader(first)); err == nil && decompressor != nil {
		return packedLayer
	}
	if text := bytes.TrimLeft(first, " \t\r\n"); len(text) > 0 && (text[0] == '{' || text[0] == '[') {
		return jsonText
	}
	return other
}

// tarHeader tells whether a tar archive begins so: with a header, whose sum is
// in it, or with the block of zeros at the end of an empty one. Old archives
// have no other mark.
// Source: https://www.gnu.org/software/tar/manual/html_node/Standard.html
func tarHeader(block []byte) bool {
	if len(block) < sniffed {
		return false
	}
	field := strings.Trim(string(block[148:156]), " \x00")
	sum, signed := int64(8*' '), int64(8*' ')
	for i, b := range block {
		if i < 148 || i >= 156 {
			sum += int64(b)
			signed += int64(int8(b))
		}
	}
	if field == "" {
		return sum == 8*' '
	}
	want, err := strconv.ParseInt(field, 8, 64)
	return err == nil && (want == sum || want == signed)
}

// index finds the files of a plain archive, without reading them.
func (c *contents) index(ctx context.Context) error {
	for archive := tar.NewReader(c.file); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err = errors.Join(err, context.Cause(ctx)); err != nil {
			return err
		}
		name, e, err := c.consider(header)
		if err == nil && e != nil {
			if e.at, err = c.file.Seek(0, io.SeekCurrent); err == nil {
				err = c.record(name, e)
			}
		}
		if err != nil {
			return err
		}
	}
}
