package store

import (
	"errors"
	"fmt"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// DockerfileError is an error about some lines of a Dockerfile.
type DockerfileError struct {
	First, Last int // from 1
	Err         error
	text        string
}

func (e *DockerfileError) Error() string { return e.Err.Error() }
func (e *DockerfileError) Unwrap() error { return e.Err }

// Excerpt shows the lines, marked, and those around them, as BuildKit does. name
// is the file's.
func (e *DockerfileError) Excerpt(name string) string {
	lines := strings.Split(e.text, "\n")
	if e.First < 1 || e.First > len(lines) {
		return ""
	}
	first, last := e.First, min(max(e.First, e.Last), len(lines))
	around := 2
	if first == last {
		around = 4
	}
	for shown := 0; shown < around; shown++ {
		if first > 1 {
			first--
			shown++
		}
		if last < len(lines) {
			last++
			shown++
		}
	}
	rule := strings.Repeat("-", 20) + "\n"
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d\n%s", name, e.First, rule)
	for n := first; n <= last; n++ {
		mark := "   "
		if n >= e.First && n <= max(e.First, e.Last) {
			mark = ">>>"
		}
		fmt.Fprintf(&b, " %3d | %s %s\n", n, mark, strings.TrimSuffix(lines[n-1], "\r"))
	}
	return b.String() + rule
}

func (d *Dockerfile) at(at []parser.Range, err error) error {
	first, last := span(at)
	return &DockerfileError{First: first, Last: last, Err: err, text: string(d.text)}
}

func (d *Dockerfile) atLine(at []parser.Range, err error) error {
	first, _ := span(at)
	return d.at(at, fmt.Errorf("dockerfile parse error on line %d: %w", first, err))
}

// parseError says the line, which not all of the parser's errors do.
func (d *Dockerfile) parseError(err error) error {
	var located *parser.ErrorLocation
	said := strings.HasPrefix(err.Error(), "dockerfile parse error on line ")
	switch {
	case errors.As(err, &located) && said:
		if better := supported(err); !errors.Is(better, err) {
			return d.atLine(located.Location, better)
		}
		return d.at(located.Location, err)
	case located != nil:
		return d.atLine(located.Location, err)
	case said:
		return err
	}
	return fmt.Errorf("dockerfile parse error: %w", err)
}

// naming places an error about an image where the file names it first.
func (d *Dockerfile) naming(name string, err error) error {
	for index := range d.stages {
		for _, from := range d.froms(index) {
			if d.needed[index] && from.name == name {
				return d.at(from.at, err)
			}
		}
	}
	return err
}

// Size is the file's, in bytes.
func (d *Dockerfile) Size() int { return len(d.text) }
