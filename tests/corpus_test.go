package tests

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"dockless/tests/corpus"
)

// TestCorpus builds every case of the corpus with dockless, all in one store, and compares with what the real Docker
// Engine has made of it.
func TestCorpus(t *testing.T) {
	if inMachine {
		return
	}
	cases, err := corpus.Cases("corpus/cases")
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := corpus.Serve()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stop() })
	p, err := here.newPersonWithBase("corpus")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.remove(); err != nil {
			t.Errorf("clearing up: %v", err)
		}
	})
	tool := corpus.Tool{Path: filepath.Join(here.dir, "bin/dockless"), Env: p.env()}
	base, err := corpus.ReadBase(context.Background(), tool)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Run("cases", func(t *testing.T) {
		for _, c := range cases {
			t.Run(c.Name, func(t *testing.T) {
				t.Parallel()
				result, err := c.Build(context.Background(), tool, dir, url, base)
				if err != nil {
					t.Fatal(err)
				}
				compare(t, c, result)
			})
		}
	})
}

// compare reports what is not as with Docker, unless corpus/differences says why: then it reports when that is over.
func compare(t *testing.T, c corpus.Case, result corpus.Result) {
	want, err := c.Expected()
	if err != nil {
		t.Fatal(err)
	}
	difference := difference(c, want, result)
	reason, known := c.Difference()
	switch {
	case difference == "" && known:
		t.Logf("is as with Docker: corpus/differences says %q", reason)
	case difference != "" && !known:
		t.Error(difference)
	}
}

// difference is empty if there is none.
func difference(c corpus.Case, want string, result corpus.Result) string {
	fails := strings.HasPrefix(want, "fails: ")
	switch {
	case fails && !result.Failed:
		return fmt.Sprintf("must fail (%s), and makes:\n%s", want, result.Image)
	case fails:
		for _, words := range c.Words() {
			if !strings.Contains(result.Stderr, words) {
				return fmt.Sprintf("the error does not say %q:\n%s", words, result.Stderr)
			}
		}
	case result.Failed:
		return fmt.Sprintf("fails:\n%s\nand should make:\n%s", result.Stderr, want)
	case result.Image != want:
		return fmt.Sprintf("not Docker's (-), but (+):\n%s", changes(want, result.Image))
	}
	return ""
}

// changes are the lines that only one of two texts has.
func changes(want, got string) string {
	var b strings.Builder
	for _, side := range []struct{ mark, one, other string }{{"-", want, got}, {"+", got, want}} {
		for _, line := range strings.Split(side.one, "\n") {
			if line != "" && !strings.Contains("\n"+side.other, "\n"+line+"\n") {
				b.WriteString(side.mark + line + "\n")
			}
		}
	}
	return b.String()
}
