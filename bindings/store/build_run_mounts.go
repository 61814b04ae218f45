package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"dockless/bindings/dockerfile"

	securejoin "github.com/cyphar/filepath-securejoin"
	"github.com/moby/sys/mountinfo"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// addMounts adds what RUN --mount says, and heredocs, to the configuration.
func (r *run) addMounts(ctx context.Context) error {
	var all []specs.Mount
	for i := range r.Mounts {
		mount := &r.Mounts[i]
		var added *specs.Mount
		var err error
		switch mount.Type {
		case "bind":
			added, err = r.bind(i)
		case "cache":
			added, err = r.cache(ctx, mount, r.roots[i])
		case "tmpfs":
			added, err = r.memory(mount)
		case "secret":
			added, err = r.secret(i)
		case "ssh":
			added, err = r.agent(i)
		}
		if err != nil {
			return err
		}
		if added != nil {
			added.Destination = mount.Target
			all = append(all, *added)
		}
	}
	for i, script := range r.Scripts {
		file := filepath.Join(r.dir, fmt.Sprint("script-", i))
		if err := writeAs(file, script.Data, 0, 0, script.Mode); err != nil {
			return err
		}
		all = append(all, specs.Mount{Destination: script.Path, Type: "bind", Source: file, Options: []string{"rbind", "ro"}})
	}
	slices.SortStableFunc(all, func(a, b specs.Mount) int { return strings.Compare(a.Destination, b.Destination) })
	for _, mount := range all {
		r.spec.Mounts = slices.DeleteFunc(r.spec.Mounts, func(m specs.Mount) bool { return m.Destination == mount.Destination })
		r.spec.Mounts = append(r.spec.Mounts, mount)
	}
	return nil
}

// memory shows an empty directory that has the mode of the one in its place, if
// there is one.
func (r *run) memory(mount *dockerfile.Mount) (*specs.Mount, error) {
	place, err := securejoin.SecureJoin(r.files.root, mount.Target)
	if err != nil {
		return nil, err
	}
	mode := uint32(unix.S_ISVTX | 0o777)
	var there unix.Stat_t
	if err := unix.Lstat(place, &there); err == nil {
		mode = there.Mode & 0o7777
	}
	shown := &specs.Mount{Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", fmt.Sprintf("mode=%o", mode)}}
	if mount.Size > 0 {
		shown.Options = append(shown.Options, fmt.Sprintf("size=%d", mount.Size))
	}
	return shown, nil
}

// bind shows files from elsewhere; what is written to them vanishes.
func (r *run) bind(i int) (*specs.Mount, error) {
	mount := &r.Mounts[i]
	source, err := securejoin.SecureJoin(r.roots[i], mount.Source)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(source)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("mounting %s: %q: not found", mount.Target, mount.Source)
	}
	if err != nil {
		return nil, err
	}
	bound := &specs.Mount{Type: "bind", Source: source, Options: []string{"rbind", "ro"}}
	switch {
	case !mount.ReadOnly:
		bound.Options = []string{"rbind"}
		bound.Source, err = r.forgetful(i, source, info.IsDir())
	case mount.From.Context != "" && !info.Mode().IsRegular():
		bound.Source, err = r.lifeless(i, source, info.IsDir())
	}
	if err != nil {
		return nil, fmt.Errorf("mounting %s: %w", mount.Target, err)
	}
	return bound, nil
}

// lifeless shows files of this machine as those of a context, which are only
// data: who listens at a socket among them is not to be reached, nor who reads
// a pipe, nor what is mounted below to be written to.
func (r *run) lifeless(i int, source string, isDir bool) (string, error) {
	dir := filepath.Join(r.dir, fmt.Sprint("mount-", i))
	root, empty := filepath.Join(dir, "root"), filepath.Join(dir, "empty")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	if !isDir || r.hasMounts(source) {
		return root, copyAll(source, root, isDir)
	}
	// On a file system of its own, as the source may be a directory around this one.
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0700"); err != nil {
		return "", err
	}
	r.undo = append(r.undo, func() error { return unix.Unmount(dir, unix.MNT_DETACH) })
	if err := errors.Join(os.Mkdir(root, 0o700), os.Mkdir(empty, 0o700)); err != nil {
		return "", err
	}
	if err := mountOverlay(dir, []string{source, empty}, unix.MS_RDONLY|unix.MS_NODEV, ""); err != nil {
		copied := filepath.Join(r.dir, fmt.Sprint("copy-", i)) // which is not to be in memory
		return copied, copyAll(source, copied, isDir)
	}
	r.undo = append(r.undo, func() error { return unix.Unmount(root, unix.MNT_DETACH) })
	return root, nil
}

// hasMounts tells whether something is mounted below a directory, which overlay
// does not show.
func (r *run) hasMounts(dir string) bool {
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(dir))
	return err != nil || slices.ContainsFunc(mounts, func(m *mountinfo.Info) bool {
		return m.Mountpoint != dir && !strings.HasPrefix(m.Mountpoint, r.GraphRoot()+"/")
	})
}

// forgetful makes files writable without being changed.
func (r *run) forgetful(i int, source string, isDir bool) (string, error) {
	dir := filepath.Join(r.dir, fmt.Sprint("mount-", i))
	root, changes := filepath.Join(dir, "root"), filepath.Join(dir, "changes")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.Mkdir(changes, 0o700), os.Mkdir(filepath.Join(dir, "work"), 0o700)); err != nil {
		return "", err
	}
	if !isDir || r.hasMounts(source) {
		return root, copyAll(source, root, isDir)
	}
	if err := errors.Join(likeRoot(changes, source), os.Mkdir(root, 0o700)); err != nil {
		return "", err
	}
	if err := mountOverlay(dir, []string{source}, 0, "upperdir=changes,workdir=work"); err != nil {
		return root, copyTree(source+"/.", root) // an old kernel, or files that overlay cannot be above of
	}
	r.undo = append(r.undo, func() error { return unix.Unmount(root, unix.MNT_DETACH) })
	return root, nil
}

// copyAll copies a file, or a directory with what is in it.
func copyAll(from, to string, isDir bool) error {
	if !isDir {
		return copyTree(from, to)
	}
	return cmp.Or(os.Mkdir(to, 0o755), copyTree(from+"/.", to))
}

func copyTree(from, to string) error {
	if output, err := exec.Command("cp", "-a", "--", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("copying %s: %w: %s", from, err, strings.TrimSpace(string(output)))
	}
	return nil
}

// private is a directory for what must not come to the disk.
func (r *run) private() (string, error) {
	dir := filepath.Join(r.dir, "private")
	if err := os.Mkdir(dir, 0o700); errors.Is(err, fs.ErrExist) {
		return dir, nil
	} else if err != nil {
		return "", err
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=0700"); err != nil {
		return "", fmt.Errorf("making a place for secrets: %w", err)
	}
	r.undo = append(r.undo, func() error { return unix.Unmount(dir, unix.MNT_DETACH) })
	return dir, nil
}

// secret shows a secret as a file, a variable or both.
func (r *run) secret(i int) (*specs.Mount, error) {
	mount := &r.Mounts[i]
	secret, given := r.build.Secrets[mount.ID]
	if !given {
		if mount.Required {
			return nil, fmt.Errorf("secret %s: not found", mount.ID)
		}
		if mount.Env != "" {
			r.setVariable(mount.Env, "")
		}
		return nil, nil
	}
	value := secret.Value
	if secret.File != "" {
		var err error
		if value, err = readSecret(secret.File); err != nil {
			return nil, fmt.Errorf("reading the secret %s: %w", mount.ID, err)
		}
	}
	if mount.Env != "" {
		r.setVariable(mount.Env, string(value))
	}
	if mount.Target == "" {
		return nil, nil
	}
	dir, err := r.private()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, fmt.Sprint("secret-", i))
	if err := writeAs(file, value, mount.UID, mount.GID, modeOr(mount, 0o400)); err != nil {
		return nil, err
	}
	return &specs.Mount{Type: "bind", Source: file, Options: []string{"rbind", "ro", "nosuid", "nodev", "noexec"}}, nil
}

// MaxSecret is how long a secret can be, in bytes; BuildKit's number.
const MaxSecret = 500 << 10

func readSecret(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	value, err := io.ReadAll(io.LimitReader(file, MaxSecret+1))
	if len(value) > MaxSecret {
		err = errors.New("it is larger than 500 KB")
	}
	return value, err
}

func (r *run) setVariable(name, value string) {
	kept := slices.DeleteFunc(r.spec.Process.Env, func(v string) bool { return strings.HasPrefix(v, name+"=") })
	r.spec.Process.Env = append(kept, name+"="+value)
}

func modeOr(mount *dockerfile.Mount, otherwise os.FileMode) os.FileMode {
	if mount.Mode != nil {
		return *mount.Mode
	}
	return otherwise
}

// writeAs makes a file with an owner, whatever the umask.
func writeAs(name string, content []byte, uid, gid int, mode os.FileMode) error {
	if err := os.WriteFile(name, content, 0o600); err != nil {
		return err
	}
	return errors.Join(os.Chown(name, uid, gid), os.Chmod(name, mode))
}
