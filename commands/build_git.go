package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// isGit tells whether a context is a git repository.
// Source: https://docs.docker.com/build/concepts/context/#git-repositories
func isGit(where string) bool {
	address, _, _ := strings.Cut(where, "#")
	for _, prefix := range []string{"git://", "git@", "ssh://", "github.com/"} {
		if strings.HasPrefix(where, prefix) {
			return true
		}
	}
	return isURL(where) && strings.HasSuffix(address, ".git")
}

// clone fetches what REPOSITORY#REF:DIRECTORY means, with its submodules and
// without its history, with the person's own git.
func (f *fetched) clone(ctx context.Context, where, name string) error {
	address, fragment, _ := strings.Cut(where, "#")
	ref, subdirectory, _ := strings.Cut(fragment, ":")
	if strings.HasPrefix(address, "github.com/") {
		address = "https://" + address
	}
	if ref == "" {
		ref = "HEAD"
	}
	if strings.HasPrefix(ref, "-") || strings.HasPrefix(address, "-") {
		return fmt.Errorf("invalid refspec: %s", ref)
	}
	repository := f.dir(name + ".git")
	git := func(args ...string) error { return runGit(ctx, repository, args...) }
	if err := os.Mkdir(repository, 0o755); err != nil {
		return err
	}
	if err := errors.Join(git("init", "--quiet"), git("remote", "add", "origin", address)); err != nil {
		return err
	}
	at := "FETCH_HEAD"
	if err := git("fetch", "--quiet", "--depth", "1", "origin", ref); err != nil {
		// A server that has no shallow copies, or that gives no single commits.
		if all := git("fetch", "--quiet", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*"); all != nil {
			return err
		}
		at = ref
		if ref == "HEAD" || git("rev-parse", "--quiet", "--verify", ref+"^{commit}") != nil {
			return err
		}
	}
	if err := git("checkout", "--quiet", "--detach", at); err != nil {
		return err
	}
	if err := git("submodule", "--quiet", "update", "--init", "--recursive", "--depth", "1"); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(repository, ".git")); err != nil {
		return err
	}
	root, err := os.OpenRoot(repository)
	if err != nil {
		return err
	}
	defer root.Close()
	chosen := filepath.Join(".", strings.TrimLeft(subdirectory, "/"))
	if found, err := root.Stat(chosen); err != nil || !found.IsDir() {
		return fmt.Errorf("%s: the repository has no directory %s", where, subdirectory)
	}
	real, err := filepath.EvalSymlinks(filepath.Join(repository, chosen))
	if err != nil {
		return err
	}
	return os.Symlink(real, f.dir(name))
}

func runGit(ctx context.Context, directory string, args ...string) error {
	command := exec.CommandContext(ctx, "git", args...)
	command.Dir = directory
	command.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0")
	output, err := command.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return errors.New("a context from git needs git: install it")
	}
	if err != nil {
		return fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(string(output)))
	}
	return nil
}
