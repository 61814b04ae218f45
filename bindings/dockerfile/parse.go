package dockerfile

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// File is a Dockerfile whose every instruction and flag is known.
type File struct {
	text []byte
	tree *parser.Result
}

// Parse reads a Dockerfile. Errors that are about some of its lines are an
// *Error; all are in docker's words.
func Parse(text []byte) (*File, error) {
	f := &File{text: bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))}
	if len(f.text) == 0 {
		return nil, errors.New("the Dockerfile cannot be empty")
	}
	var err error
	if f.tree, err = parser.Parse(bytes.NewReader(f.text)); err != nil {
		return nil, f.located(err)
	}
	stages, _, err := instructions.Parse(f.tree.AST, nil)
	if err != nil {
		return nil, f.located(err)
	}
	if len(stages) == 0 {
		return nil, errors.New("dockerfile contains no stages to build")
	}
	for _, node := range f.tree.AST.Children {
		if !isText(node) {
			return nil, f.At(node.Location(), errors.New("the instruction contains invalid UTF-8: save the Dockerfile as UTF-8"))
		}
	}
	return f, nil
}

// isText tells whether an instruction is UTF-8. What COPY and ADD write into a
// file may be anything.
func isText(node *parser.Node) bool {
	if !utf8.ValidString(node.Original) {
		return false
	}
	return !strings.EqualFold(node.Value, "run") || !slices.ContainsFunc(node.Heredocs, func(h parser.Heredoc) bool { return !utf8.ValidString(h.Content) })
}

// Size is the file's, in bytes.
func (f *File) Size() int { return len(f.text) }

// insecure says why there is no --security.
const insecure = "--security is not supported: RUN has the rights of any container; leave the flag out, or start a container with the rights and commit it"

// located takes the lines over that an error of BuildKit's packages is about.
func (f *File) located(err error) error {
	var at *parser.LocationError
	if !errors.As(err, &at) || len(at.Locations) == 0 {
		return err
	}
	if before, found := strings.CutSuffix(err.Error(), "unknown flag: --security"); found {
		err = errors.New(before + insecure)
	}
	return f.At(at.Locations[0], err)
}
