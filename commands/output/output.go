// Package output prints lists in docker's ways: tables, templates and JSON, by
// docker/cli's own formatter.
//
// Source: https://docs.docker.com/engine/cli/formatting/
package output

import (
	"bufio"
	"errors"
	"io"
	"slices"
	"strings"
	"text/template"

	"github.com/docker/cli/cli/command/formatter"
)

// Row is what every type that is printed embeds. The other fields and methods
// are what templates can name; with the fields in alphabetical order, JSON has
// docker's order too.
type Row struct{}

// FullHeader is for the formatter: a row has no headings, the table has.
func (Row) FullHeader() any { return nil }

// Headings maps the names that a template can use to their columns' headings.
type Headings = formatter.SubHeaderContext

// Print writes the rows by format: a template, "table TEMPLATE" or "json".
func Print[R formatter.SubContext](w io.Writer, format formatter.Format, headings Headings, rows []R) error {
	buffered := bufio.NewWriter(w) // the formatter writes each cell by itself
	context := formatter.Context{Output: buffered, Format: format}
	err := context.Write(&formatter.HeaderContext{Header: headings}, func(write func(formatter.SubContext) error) error {
		for _, row := range rows {
			if err := write(row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return buffered.Flush()
}

// Check tries format on an empty row: a template that does not parse, or names
// what a row does not have, is worth an error before any work is done for it.
// What else goes wrong with it may be the row's emptiness.
func Check[R formatter.SubContext](format formatter.Format, row R) error {
	err := Print(io.Discard, format, Headings{}, []R{row})
	var failed template.ExecError
	if errors.As(err, &failed) && !strings.Contains(failed.Error(), "can't evaluate field") {
		return nil
	}
	return err
}

// Labelled is embedded in rows that have labels; it is what {{.Label "key"}}
// calls.
type Labelled struct {
	labels map[string]string
}

// WithLabels returns labels for a row to embed.
func WithLabels(labels map[string]string) Labelled { return Labelled{labels} }

// Label is one label's value, "" if there is none of that name.
func (l Labelled) Label(key string) string { return l.labels[key] }

// JoinLabels is all labels as key=value, sorted, with commas between.
func JoinLabels(labels map[string]string) string {
	pairs := make([]string, 0, len(labels))
	for key, value := range labels {
		pairs = append(pairs, key+"="+value)
	}
	slices.Sort(pairs)
	return strings.Join(pairs, ",")
}
