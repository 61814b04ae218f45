package store

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/moby/patternmatcher"
	"golang.org/x/sys/unix"
)

// matcher holds paths against patterns like those of .dockerignore.
type matcher struct{ *patternmatcher.PatternMatcher }

// newMatcher returns nil for no patterns: they match nothing.
func newMatcher(patterns []string) (*matcher, error) {
	if len(patterns) == 0 {
		return nil, nil
	}
	all, err := patternmatcher.New(patterns)
	return &matcher{all}, err
}

// match tells whether a path is matched; above is the result of its directory.
func (m *matcher) match(name string, above patternmatcher.MatchInfo) (bool, patternmatcher.MatchInfo, error) {
	if m == nil {
		return false, patternmatcher.MatchInfo{}, nil
	}
	return m.MatchesUsingParentResults(name, above)
}

// exceptBelow tells whether an exception may be below a directory.
func (m *matcher) exceptBelow(dir string) bool { return m.reaches(dir, true) }

// matchBelow tells whether a match may be below a directory.
func (m *matcher) matchBelow(dir string) bool { return m.reaches(dir, false) }

func (m *matcher) reaches(dir string, exceptions bool) bool {
	if m == nil || exceptions && !m.Exclusions() {
		return false
	}
	parts := strings.Split(dir, "/")
	for _, pattern := range m.Patterns() {
		if pattern.Exclusion() != exceptions {
			continue
		}
		// The matcher makes a regular expression of a pattern, in which these mean more than themselves.
		if strings.ContainsAny(pattern.String(), "+()|{}^") || reaches(strings.Split(pattern.String(), "/"), parts) {
			return true
		}
	}
	return false
}

func reaches(pattern, dir []string) bool {
	for i, part := range dir {
		if i >= len(pattern) {
			return false
		}
		if strings.Contains(pattern[i], "**") {
			return true
		}
		if matched, err := filepath.Match(pattern[i], part); err == nil && !matched {
			return false
		}
	}
	return true
}

// filter chooses files below a directory that is copied.
type filter struct {
	include *matcher // nil: all
	exclude *matcher
}

func newFilter(include, exclude []string) (*filter, error) {
	in, err := newMatcher(include)
	if err != nil {
		return nil, fmt.Errorf("invalid includepatterns: %s: %w", include, err)
	}
	out, err := newMatcher(exclude)
	if err != nil {
		return nil, fmt.Errorf("invalid excludepatterns: %s: %w", exclude, err)
	}
	return &filter{in, out}, nil
}

// chosen is what a filter says of a file.
type chosen struct {
	taken, below bool // itself; of a directory, maybe what is in it
	in, out      patternmatcher.MatchInfo
}

func (f *filter) choose(name string, above chosen) (c chosen, err error) {
	c.taken = true
	if f.include != nil {
		if c.taken, c.in, err = f.include.match(name, above.in); err != nil {
			return c, err
		}
	}
	c.below = c.taken || f.include.matchBelow(name)
	excluded, out, err := f.exclude.match(name, above.out)
	c.out = out
	if excluded {
		c.taken, c.below = false, c.below && f.exclude.exceptBelow(name)
	}
	return c, err
}

// take takes a file, or a directory with what the filter chooses of it.
func (p *picking) take(at *position, filter *filter) (*found, error) {
	if at.kind() != unix.S_IFDIR {
		return p.file(at, nil)
	}
	top, present, err := p.directory(at, nil, filter, "", chosen{})
	if err == nil && at.ignored && !present {
		err = fs.ErrNotExist
	}
	return top, err
}

// directory takes what the filter chooses of a directory's files. It is not
// there if .dockerignore names it and all that it holds.
func (p *picking) directory(at *position, parent *found, filter *filter, name string, above chosen) (dir *found, present bool, err error) {
	names, err := p.names(at)
	if err != nil {
		return nil, false, err
	}
	if dir, err = p.file(at, parent); err != nil {
		return nil, false, err
	}
	for _, base := range names {
		next, err := p.below(at, base)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, false, err
		}
		relative := path.Join(name, base)
		choice, err := filter.choose(relative, above)
		if err != nil {
			return nil, false, err
		}
		if next.kind() != unix.S_IFDIR {
			present = true
			if !choice.taken {
				continue
			}
			file, err := p.file(next, dir)
			if err != nil {
				return nil, false, err
			}
			dir.rarely().files = append(dir.files, file)
			continue
		}
		if !choice.taken && !choice.below && !next.ignored {
			present = true
			continue
		}
		sub, there, err := p.directory(next, dir, filter, relative, choice)
		if err != nil {
			return nil, false, err
		}
		if next.ignored && !there {
			continue
		}
		present = true
		if sub.passed = !choice.taken; choice.taken || len(sub.files) > 0 {
			dir.rarely().files = append(dir.files, sub)
		}
	}
	return dir, present, nil
}

// file takes one file, which is in dir if that is not nil, and has its content
// read.
func (p *picking) file(at *position, dir *found) (*found, error) {
	s := &at.stat
	f := &found{name: path.Base(at.path), dir: dir, mode: s.Mode, uid: s.Uid, gid: s.Gid, size: s.Size, mtime: s.Mtim, rare: &ordinary}
	if dir == nil {
		f.rarely().place = at.path
	}
	if !p.source.own {
		f.uid, f.gid = 0, 0
	}
	var err error
	switch f.kind() {
	case unix.S_IFSOCK: // becomes an empty file, as with docker
		f.mode, f.size = unix.S_IFREG|f.mode&0o7777, 0
		return f, nil
	case unix.S_IFCHR, unix.S_IFBLK:
		return nil, fmt.Errorf("%s is a device, which nobody but root can make: leave it out", path.Join(p.source.root, at.path))
	case unix.S_IFLNK:
		if f.rarely().link, err = linkTarget(int(p.root.Fd()), at.path); err != nil {
			return nil, err
		}
	case unix.S_IFREG:
		if !p.source.own { // of a file that somebody writes the kernel takes them, too
			f.mode &^= unix.S_ISUID
			if f.mode&0o010 != 0 {
				f.mode &^= unix.S_ISGID
			}
		}
		if s.Nlink > 1 {
			f.rarely().inode = [2]uint64{s.Dev, s.Ino}
		}
	}
	return f, p.content.add(f, at.path, s)
}
