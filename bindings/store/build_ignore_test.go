package store

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	"golang.org/x/sys/unix"
)

// FuzzIgnore copies a tree with any .dockerignore and --exclude, which leaves
// out exactly the files that their patterns match, wherever exceptions are.
func FuzzIgnore(f *testing.F) {
	for _, text := range []string{
		"*\n!a/b/f.md\n", "**\n!**/*.md\na/b/c", "a\n!a/b\na/b/c\n", "# a\n/a/\n./.d\n!\n! .e", "**/b/**\n!a/*/c/d\n!z*/[b", "a/../x y\n\\*\n[[]z]\n!?e",
		"\xef\xbb\xbfa/**/d\n!a/b/../b/c/d\r\n", "!**\n*", ".*\n!.e/..\n**/.d", "a/b/\n!a/b/c/", "a**b\n!a/**d", "a\n!z|c/d*",
	} {
		f.Add(text, "")
		f.Add("", text)
		f.Add(text, "!*.md\n*/b")
	}
	root, err := os.MkdirTemp("", "ignore-")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { os.RemoveAll(root) })
	var files []string
	for _, name := range []string{"a/b/c/d", "a/b/f.md", "a/.d", ".e", ".d/e/f", "x y", "[z]/b", "*", "a*b", "b", "b.md", "deep/er/est.md", "deep/er/b", "!n", "é/b"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o700); err != nil {
			f.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), nil, 0o600); err != nil {
			f.Fatal(err)
		}
		files = append(files, name)
	}
	f.Fuzz(func(t *testing.T, ignore, exclude string) {
		ignored, err := ignorefile.ReadAll(strings.NewReader(ignore))
		excluded, excludeErr := ignorefile.ReadAll(strings.NewReader(exclude))
		if err != nil || excludeErr != nil {
			return
		}
		want, err := kept(files, ignored, excluded)
		c := copyOf("/", ".")
		c.Exclude = excluded
		p, pickErr := (&Store{}).pick(t.Context(), &c, []source{{root: root, ignore: ignored}})
		if err != nil || pickErr != nil { // of a wrong pattern; not all are asked for in the same order
			return
		}
		var got []string
		var walk func(dir *found)
		walk = func(dir *found) {
			for _, file := range dir.files {
				if walk(file); file.kind() != unix.S_IFDIR {
					got = append(got, file.path())
				}
			}
		}
		walk(p.matches[0].top)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("ignoring %q and excluding %q copies %q, not %q", ignored, excluded, got, want)
		}
	})
}

// kept are the files that no pattern matches, each asked for on its own, with
// what is said of the directories that it is in.
func kept(files []string, lists ...[]string) (kept []string, err error) {
	kept = files
	for _, list := range lists {
		all, err := patternmatcher.New(list)
		if err != nil {
			return nil, err
		}
		var matched func(name string) (bool, patternmatcher.MatchInfo, error)
		matched = func(name string) (bool, patternmatcher.MatchInfo, error) {
			if name == "." {
				return false, patternmatcher.MatchInfo{}, nil
			}
			_, above, err := matched(path.Dir(name))
			if err != nil {
				return false, above, err
			}
			return all.MatchesUsingParentResults(name, above)
		}
		var left []string
		for _, name := range kept {
			is, _, err := matched(name)
			if err != nil {
				return nil, err
			}
			if !is {
				left = append(left, name)
			}
		}
		kept = left
	}
	return kept, nil
}
