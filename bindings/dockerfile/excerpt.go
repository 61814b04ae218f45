package dockerfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

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
func (e *Error) Excerpt(name string) string {
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

// CommentBehind tells whether something stands behind an instruction that is
// meant as a comment, but is none: # begins one at the start of a line only.
func (e *Error) CommentBehind() bool {
	lines := strings.Split(e.text, "\n")
	if e.First < 1 || e.First > len(lines) {
		return false
	}
	said := lines[e.First-1 : min(max(e.First, e.Last), len(lines))]
	if words := strings.Fields(said[0]); len(words) > 0 && strings.EqualFold(words[0], "RUN") || strings.Contains(said[0], "<<") {
		return false // a shell's comments, or a text's
	}
	return slices.ContainsFunc(said, func(line string) bool {
		before, _, found := strings.Cut(strings.ReplaceAll(line, "\t", " "), " #")
		return found && strings.TrimSpace(before) != "" && strings.Count(before, `"`)%2 == 0 && strings.Count(before, "'")%2 == 0
	})
}

// At makes an *Error of an error about these lines, unless it is one already.
func (f *File) At(at []parser.Range, err error) error {
	var placed *Error
	first, last := span(at)
	if err == nil || first == 0 || errors.As(err, &placed) { // an error about "# escape=" has a line 0
		return err
	}
	return &Error{First: first, Last: last, Err: err, text: string(f.text)}
}

func span(at []parser.Range) (first, last int) {
	for _, r := range at {
		if first == 0 || r.Start.Line < first {
			first = r.Start.Line
		}
		last = max(last, r.Start.Line, r.End.Line)
	}
	return first, last
}
