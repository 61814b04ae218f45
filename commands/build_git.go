package commands

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dockless/bindings/store"

	"github.com/moby/buildkit/frontend/dockerfile/dfgitutil"
	"github.com/moby/buildkit/util/urlutil"
	"golang.org/x/sys/unix"
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
// without its history, with the person's own git. commit is what the reference
// has to mean, "" for anything.
func (f *fetched) clone(ctx context.Context, where, name string, keepGitDir bool, commit string) error {
	of, is, err := dfgitutil.ParseGitRef(where)
	if err != nil || !is {
		return errors.Join(fmt.Errorf("invalid git address %s", urlutil.RedactCredentials(where)), err)
	}
	if of.IndistinguishableFromLocal {
		of.Remote = "https://" + of.Remote
	}
	of.Checksum = cmp.Or(of.Checksum, commit)
	if of.KeepGitDir != nil {
		keepGitDir = *of.KeepGitDir
	}
	repository := f.dir(name + ".git")
	if err := os.Mkdir(repository, 0o755); err != nil {
		return err
	}
	if err := checkOut(ctx, repository, of); err != nil {
		return err
	}
	done := os.RemoveAll
	if keepGitDir {
		done = func(directory string) error { return withoutCredentials(directory, of.Remote) }
	}
	if err := done(filepath.Join(repository, ".git")); err != nil {
		return err
	}
	root, err := os.OpenRoot(repository)
	if err != nil {
		return err
	}
	defer root.Close()
	chosen := filepath.Join(".", strings.TrimLeft(of.SubDir, "/"))
	if found, err := root.Stat(chosen); err != nil || !found.IsDir() {
		return fmt.Errorf("%s: the repository has no directory %s", urlutil.RedactCredentials(where), of.SubDir)
	}
	real, err := filepath.EvalSymlinks(filepath.Join(repository, chosen))
	if err != nil {
		return err
	}
	return os.Symlink(real, f.dir(name))
}

// withoutCredentials takes those of an address out of what git keeps below a
// directory: also submodules may have been found by them.
func withoutCredentials(directory, address string) error {
	user := func(address string) string {
		_, rest, _ := strings.Cut(address, "://")
		authority, _, _ := strings.Cut(rest, "/")
		return authority[:max(strings.LastIndex(authority, "@"), 0)]
	}
	typed, shown := user(address), user(urlutil.RedactCredentials(address))
	if typed == shown {
		return nil
	}
	return filepath.WalkDir(directory, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Name() != "config" || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(name, bytes.ReplaceAll(text, []byte("://"+typed+"@"), []byte("://"+shown+"@")), 0o644)
	})
}

// checkOut makes a repository's files of a commit.
func checkOut(ctx context.Context, repository string, of *dfgitutil.GitRef) error {
	git := func(args ...string) error {
		_, err := runGit(ctx, repository, args...)
		return err
	}
	ref := cmp.Or(of.Ref, "HEAD")
	if strings.HasPrefix(ref, "-") || strings.HasPrefix(of.Remote, "-") {
		return fmt.Errorf("invalid refspec: %s", ref)
	}
	if err := errors.Join(git("init", "--quiet"), git("remote", "add", "origin", of.Remote)); err != nil {
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
	head, err := runGit(ctx, repository, "rev-parse", "HEAD")
	if err != nil {
		return err
	}
	if head = strings.TrimSpace(head); !strings.HasPrefix(head, of.Checksum) {
		return fmt.Errorf("expected checksum to match %s, got %s", of.Checksum, head)
	}
	if of.Submodules != nil && !*of.Submodules {
		return nil
	}
	return git("submodule", "--quiet", "update", "--init", "--recursive", "--depth", "1")
}

// runGit runs git in a directory. Nothing of what is there, a stranger's, is run.
func runGit(ctx context.Context, directory string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "git", append([]string{"-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"}, args...)...)
	command.Dir = directory
	command.Cancel = func() error { return command.Process.Signal(unix.SIGTERM) } // it ends its helpers
	command.WaitDelay = 5 * time.Second
	command.Env = append(slices.DeleteFunc(os.Environ(), isLocalToGit), "GIT_TERMINAL_PROMPT=0")
	if args[0] == "submodule" && os.Getenv("GIT_ALLOW_PROTOCOL") == "" { // which may name what is on this machine
		command.Env = append(command.Env, "GIT_ALLOW_PROTOCOL=http:https:git:ssh")
	}
	if store.Entered() && os.Getenv("GIT_SSH_COMMAND") == "" {
		command.Env = append(command.Env, "GIT_SSH_COMMAND="+sshCommand())
	}
	output, err := command.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return "", errors.New("what comes from git needs git: install it")
	}
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(string(output)))
	}
	return string(output), nil
}

// isLocalToGit tells of a variable whether it says which repository git works on:
// a hook of git's, which may start a build, has them.
// Source: https://git-scm.com/docs/git-rev-parse#Documentation/git-rev-parse.txt---local-env-vars
func isLocalToGit(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	switch name {
	case "GIT_DIR", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_OBJECT_DIRECTORY",
		"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_GRAFT_FILE", "GIT_SHALLOW_FILE", "GIT_NO_REPLACE_OBJECTS", "GIT_REPLACE_REF_BASE", "GIT_QUARANTINE_PATH":
		return true
	}
	return false
}

// sshCommand makes ssh, which in the user namespace takes root's home for the
// person's, find her files.
func sshCommand() string {
	home, err := os.UserHomeDir()
	if err != nil || strings.ContainsAny(home, " '\"\\$") {
		return "ssh"
	}
	directory := filepath.Join(home, ".ssh")
	command := "ssh -o UserKnownHostsFile=" + filepath.Join(directory, "known_hosts")
	if config := filepath.Join(directory, "config"); exists(config) {
		command += " -F " + config
	}
	for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
		if key := filepath.Join(directory, name); exists(key) {
			command += " -i " + key
		}
	}
	return command
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
