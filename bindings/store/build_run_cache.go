package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"dockless/bindings/dockerfile"

	"github.com/containers/buildah/pkg/parse"
	"github.com/containers/storage/pkg/unshare"
	securejoin "github.com/cyphar/filepath-securejoin"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// cacheMounts is the directory of RUN --mount=type=cache, as buildah and Podman
// name it.
func cacheMounts() string {
	return filepath.Join(parse.GetTempDir(), "buildah-cache-"+strconv.Itoa(unshare.GetRootlessUID()))
}

// cacheLocks holds the files that say who uses a cache.
const cacheLocks = ".dockless-locks"

// cache shows a directory that stays from build to build. It begins with what is
// at root, "" for nothing.
func (r *run) cache(ctx context.Context, mount *dockerfile.Mount, root string) (*specs.Mount, error) {
	name := cacheName(mount)
	dir, taken := r.caches[name] // a process has one of a name, however often it mounts it
	if !taken {
		var err error
		if dir, err = r.takeCache(ctx, mount); err == nil {
			err = beginCache(dir, mount, root)
		}
		if err != nil {
			return nil, fmt.Errorf("mounting the cache %s: %w", cmp.Or(mount.ID, mount.Target), err)
		}
		r.caches[name] = dir
	}
	shown := &specs.Mount{Type: "bind", Source: dir, Options: []string{"rbind"}}
	if mount.ReadOnly {
		shown.Options = append(shown.Options, "ro")
	}
	return shown, nil
}

// cacheName tells caches apart: by their IDs, and as docker does by what they
// began with.
func cacheName(mount *dockerfile.Mount) string {
	name := cmp.Or(mount.ID, path.Clean(mount.Target))
	switch {
	case !mount.From.None():
		name += " from " + mount.From.Key() + path.Join("/", mount.Source)
	case mount.UID != 0 || mount.GID != 0 || mount.Mode != nil:
		name += fmt.Sprintf(" %d:%d:%o", mount.UID, mount.GID, modeOr(mount, 0o755))
	}
	name = url.PathEscape(name)
	if strings.HasPrefix(name, ".") { // which are names of ours, and of directories above
		name = "%2E" + name[1:]
	}
	if len(name) > longestName {
		name = name[:longestName] + "~" + keyOf(name).Encoded()[:16]
	}
	return name
}

// longestName is how much of a cache's name, in bytes, is part of the name of its
// directory.
const longestName = 200

// takeCache chooses the directory of a cache, and keeps it as the mount says:
// "locked" waits until nobody else has it, "private" takes another then.
func (r *run) takeCache(ctx context.Context, mount *dockerfile.Mount) (string, error) {
	locks := filepath.Join(cacheMounts(), cacheLocks)
	if err := os.MkdirAll(locks, 0o700); err != nil {
		return "", err
	}
	var stat unix.Stat_t // everybody may make directories beside it
	if err := unix.Lstat(cacheMounts(), &stat); err != nil {
		return "", err
	} else if stat.Mode&unix.S_IFMT != unix.S_IFDIR || int(stat.Uid) != os.Getuid() {
		return "", fmt.Errorf("%s is not yours: set TMPDIR to another directory than %s", cacheMounts(), filepath.Dir(cacheMounts()))
	}
	name := cacheName(mount)
	for number := 1; ; number++ {
		lock, err := os.OpenFile(filepath.Join(locks, name), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return "", err
		}
		how := unix.LOCK_SH
		if mount.Sharing == "locked" || mount.Sharing == "private" {
			how = unix.LOCK_EX
		}
		if mount.Sharing == "private" {
			err = unix.Flock(int(lock.Fd()), how|unix.LOCK_NB)
		} else {
			err = waitLock(ctx, lock, how)
		}
		if err == nil {
			r.undo = append(r.undo, lock.Close)
			now := time.Now()
			_ = os.Chtimes(lock.Name(), now, now) // only prune asks when it was
			return filepath.Join(cacheMounts(), name), nil
		}
		lock.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return "", err
		}
		name = fmt.Sprintf("%s#%d", cacheName(mount), number) // no name has a #
	}
}

// beginCache makes the directory of a cache if it is new.
func beginCache(dir string, mount *dockerfile.Mount, root string) error {
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	made, err := os.MkdirTemp(filepath.Join(filepath.Dir(dir), cacheLocks), "new-")
	if err != nil {
		return err
	}
	if root == "" {
		err = errors.Join(os.Chown(made, mount.UID, mount.GID), os.Chmod(made, modeOr(mount, 0o755)))
	} else {
		var source string
		if source, err = securejoin.SecureJoin(root, mount.Source); err == nil {
			err = errors.Join(copyTree(source+"/.", made))
		}
	}
	if err == nil {
		err = os.Rename(made, dir)
	}
	if err != nil {
		err = errors.Join(err, RemoveTree(made))
		if _, there := os.Lstat(dir); there == nil {
			return nil // somebody else was faster
		}
	}
	return err
}
