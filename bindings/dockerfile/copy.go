package dockerfile

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/dfgitutil"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/opencontainers/go-digest"
	mode "github.com/tonistiigi/dchapes-mode"
)

// copy is COPY.
func (b *building) copy(i *instructions.CopyCommand, from Source) error {
	c := &Copy{
		From: from, Chown: i.Chown, Chmod: i.Chmod, Exclude: i.ExcludePatterns,
		Parents: i.Parents, Link: i.Link && i.Chmod == "",
	}
	for _, source := range i.SourcePaths {
		git, err := gitSource(source)
		switch {
		case err != nil:
			return err
		case git != nil:
			return errors.New("source can't be a git ref for COPY")
		case isURL(source):
			return errors.New("source can't be a URL for COPY")
		}
		c.Items = append(c.Items, Item{Path: pattern(source, i.Parents)})
	}
	return b.put(c, i, i.SourcesAndDest, "COPY")
}

// add is ADD.
func (b *building) add(i *instructions.AddCommand) error {
	c := &Copy{
		From: Source{Context: Main}, Chown: i.Chown, Chmod: i.Chmod, Exclude: i.ExcludePatterns,
		Link: i.Link && i.Chmod == "", Add: true,
		Unpack: i.Unpack == nil || *i.Unpack,
		URLs:   i.Unpack != nil && *i.Unpack,
	}
	if err := checksum(i); err != nil {
		return err
	}
	for _, source := range i.SourcePaths {
		item, err := added(i, source)
		if err != nil {
			return err
		}
		c.Items = append(c.Items, item)
	}
	return b.put(c, i, i.SourcesAndDest, "ADD")
}

// put completes a Copy and makes a step of it.
func (b *building) put(c *Copy, i instructions.Command, what instructions.SourcesAndDest, entry string) error {
	if err := checkMode(c.Chmod); err != nil {
		return err
	}
	c.Dest = b.destination(what.DestPath)
	if c.Parents {
		entry += " --parents"
	}
	if c.Chown != "" {
		entry += " --chown=" + c.Chown
	}
	if c.Chmod != "" {
		entry += " --chmod=" + c.Chmod
	}
	for _, source := range what.SourcePaths {
		entry += " " + source
	}
	for _, script := range what.SourceContents {
		entry += " <<" + script.Path
		c.Items = append(c.Items, Item{Script: &Script{Path: script.Path, Data: []byte(script.Data), Mode: 0o644}})
	}
	name := b.title(b.shown(fmt.Sprint(i), b.words, b.values))
	b.addStep(name, i.Location(), &Step{Copy: c}, entry+" "+what.DestPath+committed)
	return nil
}

// destination is where files go to: with / at the end if that says that it is a
// directory.
func (b *building) destination(typed string) string {
	dest := path.Join(b.dir(), typed)
	if path.IsAbs(typed) {
		dest = path.Clean(typed)
	}
	last := typed[strings.LastIndex(typed, "/")+1:]
	if directory := last == "" || last == "."; directory && dest != "/" {
		dest += "/"
	}
	return dest
}

// pattern is the path of a source below the root that it is relative to.
func pattern(source string, parents bool) string {
	before, after, pivoted := strings.Cut(source, "/./")
	if !parents || !pivoted {
		return below(source)
	}
	if before = below(before); before == "." {
		return below(after)
	}
	return before + "/./" + below(after)
}

func below(source string) string {
	if source = path.Join("/", source)[1:]; source == "" {
		return "."
	}
	return source
}

// added is one of ADD's sources.
func added(i *instructions.AddCommand, source string) (Item, error) {
	git, err := gitSource(source)
	if err != nil {
		return Item{}, err
	}
	item := Item{Checksum: digest.Digest(i.Checksum)}
	switch {
	case git != nil:
		item.Git = source
		keep := i.KeepGitDir
		if keep != nil && git.KeepGitDir != nil && *keep != *git.KeepGitDir {
			return item, errors.New("inconsistent keep-git-dir configuration")
		}
		if git.KeepGitDir != nil {
			keep = git.KeepGitDir
		}
		item.KeepGitDir = keep != nil && *keep
		if git.Checksum != "" {
			if i.Checksum != "" && i.Checksum != git.Checksum {
				return item, fmt.Errorf("checksum mismatch %q != %q", i.Checksum, git.Checksum)
			}
			item.Checksum = digest.Digest(git.Checksum)
		}
	case isURL(source):
		item.URL = source
		if i.Checksum != "" {
			_, err = digest.Parse(i.Checksum)
		}
	default:
		item.Path = pattern(source, false)
	}
	return item, err
}

func checksum(i *instructions.AddCommand) error {
	if i.Checksum == "" {
		return nil
	}
	if len(i.SourcePaths) != 1 {
		return errors.New("checksum can't be specified for multiple sources")
	}
	if git, _ := gitSource(i.SourcePaths[0]); git == nil && !isURL(i.SourcePaths[0]) {
		return errors.New("checksum requires HTTP(S) or Git sources")
	}
	return nil
}

// gitSource reads the URL of a git repository; it is nil for all that is none.
func gitSource(source string) (*dfgitutil.GitRef, error) {
	ref, is, err := dfgitutil.ParseGitRef(source)
	switch {
	case is && err != nil:
		return nil, err
	case err != nil || ref.IndistinguishableFromLocal:
		return nil, nil
	}
	return ref, nil
}

func isURL(source string) bool {
	return strings.HasPrefix(source, "http://") || strings.HasPrefix(source, "https://")
}

// checkMode finds a --chmod that is none: neither octal nor letters.
func checkMode(chmod string) error {
	if chmod == "" {
		return nil
	}
	wrong := fmt.Errorf("invalid chmod parameter: '%v'. it should be octal string and between 0 and 07777", chmod)
	if bits, err := strconv.ParseUint(chmod, 8, 32); err == nil {
		if bits > 0o7777 {
			return wrong
		}
		return nil
	}
	_, err := mode.Parse(chmod)
	var numeric *strconv.NumError
	if errors.As(err, &numeric) {
		return wrong
	}
	return err
}
