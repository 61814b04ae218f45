package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// megabyte is as large as a file of the small contexts.
const megabyte = 1 << 20

// builds are the rows about making images. The second result removes what they
// need.
func builds(ctx context.Context, dockless, docker string) (rows []work, remove func(), err error) {
	dir, err := os.MkdirTemp("", "builds")
	if err != nil {
		return nil, nil, err
	}
	b := &builder{dir: dir, programs: []program{{"dockless", dockless, dockless}, {"podman", "podman", "podman"}}}
	if docker != "" {
		b.programs = append(b.programs, program{"docker", docker, docker})
	}
	remove = func() {
		for _, p := range b.programs {
			_ = b.forget(ctx, p)
		}
		_ = os.RemoveAll(dir)
	}
	one, many, large := tree{"one", 1, megabyte}, tree{"many", 20000, 25000}, tree{"large", 500, megabyte}
	for _, t := range []tree{one, many, large} {
		if err := t.write(dir); err != nil {
			return nil, remove, err
		}
	}
	steps := []string{"FROM " + image, "COPY f0 /", "ENV A=1"}
	for i := range 8 {
		steps = append(steps, fmt.Sprintf("RUN echo %d >/%[1]d", i))
	}
	stages := []string{}
	for i := range 4 {
		stages = append(stages, fmt.Sprintf("FROM %s AS s%d", image, i), fmt.Sprintf("RUN sleep 2; echo %d >/%[1]d", i))
	}
	stages = append(stages, "FROM "+image)
	for i := range 4 {
		stages = append(stages, fmt.Sprintf("COPY --from=s%d /%[1]d /", i))
	}
	for _, c := range []struct {
		name       string
		goal       float64
		source     tree
		dockerfile []string
		flags      []string
		changes    bool // a line, before each run
		anew       bool // nothing is in a cache
	}{
		{name: "build, 10 steps cached", goal: 0.6, source: one, dockerfile: steps},
		{name: "build, 500 MB unused", goal: 0.6, source: many, dockerfile: []string{"FROM " + image, "COPY f0 /"}},
		{name: "build, a line changed", goal: 0.5, source: many, dockerfile: []string{"FROM " + image, "COPY . /data/"}, changes: true},
		{name: "build, COPY of 500 MB", goal: 0.5, source: large, dockerfile: []string{"FROM " + image, "COPY . /data/"}, changes: true, anew: true},
		{name: "build, 4 x sleep 2", goal: 0.5, source: one, dockerfile: stages, flags: []string{"--no-cache"}},
	} {
		source := filepath.Join(dir, c.source.name)
		dockerfile := filepath.Join(dir, strings.NewReplacer(" ", "-", ",", "").Replace(c.name))
		if err := os.WriteFile(dockerfile, []byte(strings.Join(c.dockerfile, "\n")+"\n"), 0o600); err != nil {
			return nil, remove, err
		}
		var first func(context.Context, program) error
		if c.changes {
			first = func(ctx context.Context, p program) error {
				if c.anew {
					if err := b.forget(ctx, p); err != nil {
						return err
					}
				}
				return changeLine(filepath.Join(source, "f0"))
			}
		}
		rows = append(rows, b.row(c.name, c.goal, first, func(p program) []string {
			return append(append([]string{p.path, "build", "-q", "-t", p.built(), "-f", dockerfile}, c.flags...), source)
		}))
	}
	if err := b.write(ctx); err != nil {
		return nil, remove, err
	}
	return append(rows, b.row("commit, 300 MB", 0.5, b.forget, func(p program) []string {
		return []string{p.path, "commit", writer, p.built()}
	})), remove, nil
}

// writer is the container that has written something.
const writer = "bench-writer"

// built is the image that a program makes.
func (p program) built() string { return "localhost/bench-by-" + p.name }

type builder struct {
	dir      string
	programs []program
}

// row is what each program does, after its own preparation.
func (b *builder) row(name string, goal float64, first func(context.Context, program) error, command func(program) []string) work {
	w := work{name: name, goal: goal, few: true}
	for _, p := range b.programs {
		c := contender{name: p.name, command: command(p)}
		if first != nil {
			c.first = func(ctx context.Context) error { return first(ctx, p) }
		}
		w.contenders = append(w.contenders, c)
	}
	return w
}

// forget removes what a program has made, so that the disk holds it once at most.
func (b *builder) forget(ctx context.Context, p program) error {
	if quietly(ctx, p.cleaner, "image", "inspect", p.built()) == nil {
		if err := quietly(ctx, p.cleaner, "rmi", "-f", p.built()); err != nil {
			return err
		}
	}
	if p.name != "podman" {
		if err := quietly(ctx, p.path, "builder", "prune", "-af"); err != nil {
			return err
		}
	}
	return quietly(ctx, "sync")
}

// write has a container of each engine write 300 MB.
func (b *builder) write(ctx context.Context) error {
	for _, p := range b.programs[1:] {
		script := "mkdir /d; i=0; while [ $i -lt 3000 ]; do head -c 100000 /dev/urandom >/d/$i; i=$((i+1)); done"
		if err := quietly(ctx, p.path, "run", "--name", writer, image, "sh", "-c", script); err != nil {
			return err
		}
	}
	return nil
}

// tree is a build context of so many files of so many bytes.
type tree struct {
	name         string
	files, bytes int
}

func (t tree) write(dir string) error {
	noise := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same bytes each time, which do not compress
	content := make([]byte, t.bytes)
	for i := range t.files {
		for at := 0; at+8 <= len(content); at += 8 {
			binary.NativeEndian.PutUint64(content[at:], noise.Uint64())
		}
		name := filepath.Join(dir, t.name, fmt.Sprintf("f%d", i))
		if i > 0 {
			name = filepath.Join(dir, t.name, fmt.Sprintf("d%d/f%d", i%100, i))
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, content, 0o644); err != nil { //nolint:gosec // as in any source tree
			return err
		}
	}
	return nil
}

// changeLine makes a file another one.
func changeLine(name string) error {
	content, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(content[:len(content)-1], content[len(content)-1]+1), 0o600)
}
