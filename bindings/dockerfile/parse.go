package dockerfile

import "github.com/moby/buildkit/frontend/dockerfile/parser"

// File is a Dockerfile whose every instruction and flag is known.
type File struct {
	text []byte
}

// Parse reads a Dockerfile. Errors are a *Error, in docker's words.
func Parse(text []byte) (*File, error) { return nil, nil }

// Size is the file's, in bytes.
func (f *File) Size() int { return len(f.text) }

// Images are the images that are needed to build the target, bases and those
// that files are taken from, each once.
func (f *File) Images(o Options) ([]Source, error) { return nil, nil }

// Plan says what is to be done. bases has the configuration of each image of
// Images, "Image|platform" → its configuration.
func (f *File) Plan(o Options, bases map[string]Image) (*Plan, error) { return nil, nil }

// At places an error in the file.
func (f *File) At(at []parser.Range, err error) error { return err }

// Naming places an error about an image where the file names it first.
func (f *File) Naming(image Source, err error) error { return err }

// Error is an error about some lines of a Dockerfile.
type Error struct {
	First, Last int // from 1
	Err         error
	text        string
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Excerpt shows the lines, marked, and those around them, as BuildKit does. name
// is the file's.
func (e *Error) Excerpt(name string) string { return "" }
