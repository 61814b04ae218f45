// Package corpus holds Dockerfiles with their contexts, and reads what a docker, the real one or dockless, makes of each.
// README.md says how to write a case.
package corpus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"golang.org/x/sys/unix"
)

// fixedTime is the modification time of all files of all contexts.
const fixedTime = 1700000000

// buildLimit ends a build that hangs.
const buildLimit = 2 * time.Minute

// Case is one file of cases/.
type Case struct {
	Name string
	// The files of the context, by their names.
	context []txtar.File
	// Sections that are not files of the context, by their names: see README.md.
	sections map[string][]byte
	expected string
	differs  map[string]string
}

// Tool is a docker: the path of its binary, and the environment to run it in.
type Tool struct {
	Path string
	Env  []string
}

// Result is what came of building a case: the image in words, or the error that the tool wrote.
type Result struct {
	Image  string
	Failed bool
	Stderr string
}

// sections are the names of a case's parts that are no files of its context.
var sections = []string{"flags", "before", "prepare", "words", "stdin", "path"}

// Cases reads all cases of a folder.
func Cases(dir string) ([]Case, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil {
		return nil, err
	}
	known, err := os.ReadFile(filepath.Join(dir, "../differences"))
	if err != nil {
		return nil, fmt.Errorf("reading the known differences: %w", err)
	}
	differs := map[string]string{}
	for _, line := range lines(known) {
		if name, reason, ok := strings.Cut(line, ": "); ok {
			differs[name] = reason
		}
	}
	var cases []Case
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading a case: %w", err)
		}
		base := strings.TrimSuffix(file, ".txtar")
		c := Case{Name: filepath.Base(base), sections: map[string][]byte{}, expected: base + ".expected", differs: differs}
	next:
		for _, f := range archive.Files {
			for _, name := range sections {
				if f.Name == name {
					c.sections[name] = f.Data
					continue next
				}
			}
			c.context = append(c.context, f)
		}
		cases = append(cases, c)
	}
	return cases, nil
}

// Expected is the text that Write has stored.
func (c Case) Expected() (string, error) {
	b, err := os.ReadFile(c.expected)
	return string(b), err
}

// Write stores what is expected from now on.
func (c Case) Write(text string) error {
	return os.WriteFile(c.expected, []byte(text), 0o644)
}

// Difference is why dockless does not come to what is expected, if it does not.
func (c Case) Difference() (reason string, known bool) {
	reason, known = c.differs[c.Name]
	return reason, known
}

// Words are what Docker says when this build fails, which scripts may look for.
func (c Case) Words() []string {
	return lines(c.sections["words"])
}

// Build builds the case in a folder that it makes below dir. url is what Serve has returned, base the image busybox.
func (c Case) Build(ctx context.Context, tool Tool, dir, url string, base Base) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, buildLimit)
	defer cancel()
	where := filepath.Join(dir, c.Name, "context")
	if err := c.prepare(ctx, where); err != nil {
		return Result{}, fmt.Errorf("preparing the context of %s: %w", c.Name, err)
	}
	expand := func(words []string) []string {
		for i, w := range words {
			words[i] = strings.NewReplacer("$URL", url, "$DIR", filepath.Dir(where)).Replace(w)
		}
		return words
	}
	for _, line := range lines(c.sections["before"]) {
		if _, stderr, err := tool.run(ctx, where, nil, expand(strings.Fields(line))...); err != nil {
			return Result{}, fmt.Errorf("%s: %s: %w: %s", c.Name, line, err, stderr)
		}
	}
	tag := "corpus-" + c.Name
	args := append([]string{"build", "-q", "-t", tag}, expand(lines(c.sections["flags"]))...)
	path := "."
	if p, ok := c.sections["path"]; ok {
		path = expand(lines(p))[0]
	}
	if _, stderr, err := tool.run(ctx, where, c.sections["stdin"], append(args, path)...); err != nil {
		if ctx.Err() != nil {
			return Result{}, fmt.Errorf("%s takes more than %v: %s", c.Name, buildLimit, stderr)
		}
		return Result{Failed: true, Stderr: stderr}, nil
	}
	archive, stderr, err := tool.run(ctx, where, nil, "save", tag)
	if err != nil {
		return Result{}, fmt.Errorf("saving %s: %w: %s", tag, err, stderr)
	}
	text, err := describe(archive, base)
	if err != nil {
		return Result{}, fmt.Errorf("reading the archive of %s: %w", tag, err)
	}
	return Result{Image: text}, nil
}

// prepare writes the context, runs the section "prepare" in it, and sets all times.
func (c Case) prepare(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range c.context {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			return err
		}
	}
	if script := c.sections["prepare"]; script != nil {
		cmd := exec.CommandContext(ctx, "sh", "-euc", "umask 022\n"+string(script))
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
	}
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
		t := unix.Timeval{Sec: fixedTime}
		return unix.Lutimes(path, []unix.Timeval{t, t})
	})
}

func (t Tool) run(ctx context.Context, dir string, stdin []byte, args ...string) (stdout []byte, stderr string, err error) {
	cmd := exec.CommandContext(ctx, t.Path, args...)
	cmd.Dir, cmd.Env = dir, t.Env
	cmd.WaitDelay = time.Second
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &errs
	err = cmd.Run()
	return out.Bytes(), strings.TrimSpace(errs.String()), err
}

// lines are the lines of a section that are not empty.
func lines(section []byte) []string {
	var all []string
	for _, line := range strings.Split(string(section), "\n") {
		if line != "" {
			all = append(all, line)
		}
	}
	return all
}
