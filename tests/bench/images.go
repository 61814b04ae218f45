package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// images are the rows about moving image data: an image of one layer and one of
// twelve, with the same files. The second result removes what they need.
func images(ctx context.Context, dockless, docker, root string) (rows []work, remove func(), err error) {
	dir, err := os.MkdirTemp("", "images")
	if err != nil {
		return nil, nil, err
	}
	server, err := startRegistry(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	remove = func() {
		_ = server.stop()
		_ = os.RemoveAll(dir)
	}
	tree := filepath.Join(dir, "tree")
	if err := os.Mkdir(tree, 0o755); err != nil {
		return nil, remove, err
	}
	if err := quietly(ctx, "tar", "-C", tree, "--no-same-owner", "-xf", root); err != nil {
		return nil, remove, err
	}
	programs := []program{{"dockless", dockless, "podman"}, {"podman", "podman", "podman"}}
	if docker != "" {
		programs = append(programs, program{"docker", docker, docker})
	}
	var names []string
	remove = func() {
		for _, p := range programs[1:] {
			_ = quietly(ctx, append([]string{p.cleaner, "rmi", "-f"}, names...)...)
		}
		_ = server.stop()
		_ = os.RemoveAll(dir)
	}
	for _, layers := range []int{1, 12} {
		s := &subject{programs: programs, server: server, dir: dir, tree: tree, root: root}
		s.image = fmt.Sprintf("%s/bench:%d", server.address, layers)
		names = append(names, s.image)
		s.archive = filepath.Join(dir, fmt.Sprintf("%d.tar", layers))
		s.title = map[int]string{1: "1 layer", 12: "12 layers"}[layers]
		if err := splitRoot(root, s.archive, s.image, layers); err != nil {
			return nil, remove, err
		}
		if err := quietly(ctx, "sh", "-c", fmt.Sprintf("gzip -1 -c %s >%s.gz", s.archive, s.archive)); err != nil {
			return nil, remove, err
		}
		rows = append(rows, s.rows()...)
	}
	return rows, remove, nil
}

// program is a command line of docker's, and the one that removes its images.
type program struct{ name, path, cleaner string }

// subject is an image, under the same name in every store.
type subject struct {
	programs              []program
	server                *registry
	dir, tree, root       string
	title, image, archive string
	pushed                bool // the registry holds the image as podman pushes it
}

func (s *subject) rows() []work {
	out := filepath.Join(s.dir, "out.tar")
	here := func(ctx context.Context, p program) error {
		if err := quietly(ctx, p.cleaner, "image", "inspect", s.image); err != nil {
			if err := quietly(ctx, p.cleaner, "load", "-q", "-i", s.archive); err != nil {
				return err
			}
		}
		if err := os.RemoveAll(out); err != nil {
			return err
		}
		return quietly(ctx, "sync")
	}
	absent := func(ctx context.Context, p program) error {
		if err := quietly(ctx, p.cleaner, "image", "inspect", s.image); err == nil {
			if err := quietly(ctx, p.cleaner, "rmi", "-f", s.image); err != nil {
				return err
			}
		}
		return quietly(ctx, "sync")
	}
	unpushed := func(ctx context.Context, p program) error {
		s.pushed = false
		if err := s.server.empty(ctx); err != nil {
			return err
		}
		return here(ctx, p)
	}
	pushed := func(ctx context.Context, p program) error {
		podman := s.programs[1]
		if !s.pushed {
			if err := unpushed(ctx, podman); err != nil {
				return err
			}
			if err := quietly(ctx, podman.command("push", "-q", s.image)...); err != nil {
				return err
			}
			s.pushed = true
		}
		return absent(ctx, p)
	}
	pulled := func(ctx context.Context, p program) error {
		if err := pushed(ctx, p); err != nil {
			return err
		}
		return quietly(ctx, p.command("pull", "-q", s.image)...)
	}

	save := s.row("save", 0.35, here, func(p program) []string { return []string{p.path, "save", "-o", out, s.image} })
	save.contenders = append(save.contenders, contender{name: "tar c", command: []string{"tar", "-C", s.tree, "-cf", out, "."}})
	saveGzip := s.row("save .tar.gz", 0.25, here, func(p program) []string {
		if p.name == "dockless" {
			return []string{p.path, "save", "-o", out + ".gz", s.image}
		}
		return []string{"sh", "-c", fmt.Sprintf("%s save %s | gzip >%s.gz", p.path, s.image, out)}
	})
	load := s.row("load", 0.6, absent, func(p program) []string { return []string{p.path, "load", "-i", s.archive} })
	unpacked := filepath.Join(s.dir, "unpacked")
	load.contenders = append(load.contenders, contender{name: "tar x", command: []string{"tar", "-C", unpacked, "--no-same-owner", "-xf", s.root}, first: func(ctx context.Context) error {
		if err := os.RemoveAll(unpacked); err != nil {
			return err
		}
		return os.Mkdir(unpacked, 0o755)
	}})
	return []work{
		save,
		saveGzip,
		load,
		s.row("load .tar.gz", 0.5, absent, func(p program) []string {
			if p.name == "podman" { // 4.3.1 takes some compressed archives for damaged
				return []string{"sh", "-c", fmt.Sprintf("gzip -dc %s.gz | %s load", s.archive, p.path)}
			}
			return []string{p.path, "load", "-i", s.archive + ".gz"}
		}),
		s.row("push", 0.8, unpushed, func(p program) []string { return p.command("push", s.image) }),
		s.row("pull", 0.8, pushed, func(p program) []string { return p.command("pull", s.image) }),
		s.row("pull again", 0.8, pulled, func(p program) []string { return p.command("pull", s.image) }),
	}
}

// row is what each program does with the image, after its own preparation.
func (s *subject) row(name string, goal float64, first func(context.Context, program) error, command func(program) []string) work {
	w := work{name: name + ", " + s.title, goal: goal, few: true}
	for _, p := range s.programs {
		if p.name == "docker" && (name == "push" || strings.HasPrefix(name, "pull")) {
			continue // a rootless engine has a loopback of its own
		}
		w.contenders = append(w.contenders, contender{
			name:    p.name,
			command: command(p),
			first:   func(ctx context.Context) error { return first(ctx, p) },
		})
	}
	return w
}

// command lets podman, too, speak plain HTTP to a registry on loopback.
func (p program) command(verb string, args ...string) []string {
	line := []string{p.path, verb}
	if p.name == "podman" {
		line = append(line, "--tls-verify=false")
	}
	return append(line, args...)
}
