// Package store moves image data between archives, registries and the store
// that the person's Podman uses, in this process: Enter first.
package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containers/image/v5/signature"
	"github.com/containers/image/v5/types"
	"github.com/containers/storage"
	"github.com/containers/storage/pkg/unshare"
	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// Store is the person's image store, open.
type Store struct {
	storage.Store
	// Stall is how long a connection to a registry may bring nothing.
	Stall time.Duration
	// Killed is how many processes of RUN killed builds have left. They have ended
	// with their build; what else they have left, files and mounts, Open has removed.
	Killed int
	system *types.SystemContext
	policy *signature.PolicyContext
	temp   string   // ours alone, on the store's file system
	lock   *os.File // held as long as temp is in use

	notes sync.Mutex // of noted
	noted []string   // files in temp that name the layers made here; "" where an image uses one

	runtimes runtimes
}

// Umask is the person's. As soon as anybody asks, and that is Open, this process
// has another one, as Podman has: everybody may look into the root directory of an
// image, which has the mode with which the store's driver makes it.
var Umask = sync.OnceValue(func() os.FileMode { return os.FileMode(unix.Umask(0o022)) })

// Open opens the store that the person's storage.conf names. It must be closed.
func Open() (*Store, error) {
	Umask()
	options, err := storage.DefaultStoreOptions(unshare.IsRootless(), unshare.GetRootlessUID())
	if err != nil {
		return nil, fmt.Errorf("reading storage.conf: %w", err)
	}
	if options.GraphDriverName == "overlay" {
		// Of a directory that is a mount point of its own, nothing could be moved out
		// or in; nothing here mounts a layer for long.
		options.GraphDriverOptions = append(options.GraphDriverOptions, "overlay.skip_mount_home=true")
	}
	opened, err := storage.GetStore(options)
	if err != nil {
		return nil, fmt.Errorf("opening the image store %s: %w", options.GraphRoot, err)
	}
	s := &Store{Store: opened, Stall: time.Minute, system: newSystem()}
	policy, err := signature.DefaultPolicy(s.system)
	if err != nil {
		return nil, fmt.Errorf("reading the policy of trusted images: %w", err)
	}
	if s.policy, err = signature.NewPolicyContext(policy); err != nil {
		return nil, fmt.Errorf("reading the policy of trusted images: %w", err)
	}
	if err := s.makeTemp(filepath.Join(opened.GraphRoot(), "tmp")); err != nil {
		return nil, fmt.Errorf("making a temporary directory: %w", err)
	}
	s.system.BigFilesTemporaryDir = s.temp
	s.runtimes.temp = s.temp
	return s, nil
}

// Close removes the temporary files, and the layers that no image has come to
// use.
func (s *Store) Close() error {
	defer s.lock.Close()
	s.runtimes.close()
	return errors.Join(s.policy.Destroy(), s.dropNoted(s.temp), removeTemp(s.temp))
}

// removeTemp removes a temporary directory, but never what somebody has mounted
// in it: a build binds the person's own directories there.
func removeTemp(dir string) error {
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(dir))
	if err != nil {
		return fmt.Errorf("looking for mounts below %s: %w", dir, err)
	}
	for _, mount := range slices.Backward(mounts) {
		if err := unix.Unmount(mount.Mountpoint, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
			return fmt.Errorf("unmounting %s: %w", mount.Mountpoint, err)
		}
	}
	return RemoveTree(dir)
}

// tempPrefix begins the names of temporary directories; a number follows.
const tempPrefix = "dockless-"

// makeTemp makes a directory for temporary files below parent, and removes
// those that a killed process left, with the layers that it left: theirs is the
// lock that nobody holds.
func (s *Store) makeTemp(parent string) error {
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return err
	}
	turn, err := lockDirectory(parent, unix.LOCK_EX) // ours has no lock yet when it appears
	if err != nil {
		return err
	}
	defer turn.Close()
	old, err := filepath.Glob(filepath.Join(parent, tempPrefix+"*"))
	if err != nil {
		return err
	}
	for _, dir := range old {
		_ = s.clear(dir) // what cannot be removed today is no reason to do nothing: the next one tries again
	}
	if s.temp, err = os.MkdirTemp(parent, tempPrefix); err != nil {
		return err
	}
	s.lock, err = lockDirectory(s.temp, unix.LOCK_EX)
	return err
}

// clear removes what a killed process has left in its temporary directory.
func (s *Store) clear(dir string) error {
	lock, err := lockDirectory(dir, unix.LOCK_EX|unix.LOCK_NB)
	if err != nil {
		return err // in use, or just gone
	}
	defer lock.Close()
	left, err := filepath.Glob(filepath.Join(dir, runPrefix+"*"))
	if err != nil {
		return err
	}
	for _, bundle := range left {
		if err := removeCgroup(bundle); err != nil {
			return err
		}
	}
	if err := s.dropNoted(dir); err != nil {
		return err
	}
	s.Killed += len(left)
	return removeTemp(dir)
}

func lockDirectory(path string, how int) (*os.File, error) {
	dir, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(dir.Fd()), how); err != nil {
		dir.Close()
		return nil, err
	}
	return dir, nil
}

// roomy puts an error that comes of a full disk into words that say so; the
// unpacking process only sends it as text.
func (s *Store) roomy(err error) error {
	if err == nil || !strings.Contains(err.Error(), unix.ENOSPC.Error()) {
		return err
	}
	var disk unix.Statfs_t
	if unix.Statfs(s.RunRoot(), &disk) == nil && disk.Bavail == 0 {
		return fmt.Errorf("no space left on the disk of %s: remove something and try again", s.RunRoot())
	}
	return fmt.Errorf("no space left on the disk of the image store %s: remove something and try again", s.GraphRoot())
}

// inUse tells whether the store refused to delete a layer because something
// needs it, or because it is gone already.
func inUse(err error) bool {
	return errors.Is(err, storage.ErrLayerUsedByImage) || errors.Is(err, storage.ErrLayerUsedByContainer) ||
		errors.Is(err, storage.ErrLayerHasChildren) || errors.Is(err, storage.ErrNotALayer)
}
