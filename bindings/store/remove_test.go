package store

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestRemoveTree removes directories that may not be entered, and more levels of
// them than there may be descriptors.
func TestRemoveTree(t *testing.T) {
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	top := filepath.Join(t.TempDir(), "top")
	if err := os.MkdirAll(filepath.Join(top, ".0/closed/below"), 0o700); err != nil {
		t.Fatal(err)
	}
	at, err := unix.Open(top, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range 3000 {
		err := unix.Mkdirat(at, "d", 0o700)
		if err == nil {
			err = unix.Symlinkat(top, at, "link")
		}
		next, opened := unix.Openat(at, "d", unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil || opened != nil {
			t.Fatal(err, opened)
		}
		descriptor(at).Close()
		at = next
	}
	descriptor(at).Close()
	if err := os.Chmod(filepath.Join(top, ".0/closed"), 0); err != nil {
		t.Fatal(err)
	}
	few := before
	few.Cur = 500
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &before) }()
	if err := RemoveTree(top); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(top); !os.IsNotExist(err) {
		t.Error(err)
	}
	if err := RemoveTree(top); err != nil {
		t.Error("what is not there:", err)
	}
}
