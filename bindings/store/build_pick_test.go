package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
)

// TestPickDigest changes files one by one: what counts for the layer changes the
// digest, with what is remembered and without.
func TestPickDigest(t *testing.T) {
	root := madeOf(t, "d/a=A;d/b=B;d/l->a;other=1")
	seen := filepath.Join(t.TempDir(), "seen", "files")
	c := copyOf("/x", "d")
	pick := func(seen string) digest.Digest {
		t.Helper()
		p, err := (&Store{}).pick(t.Context(), &c, []source{{root: root, seen: seen}})
		if err != nil {
			t.Fatal(err)
		}
		return p.digest()
	}
	name := func(name string) string { return filepath.Join(root, name) }
	last := pick("")
	for _, step := range []struct {
		what   string
		counts bool
		do     func() error
	}{
		{"nothing", false, func() error { return nil }},
		{"time", false, func() error { return os.Chtimes(name("d/a"), time.Now(), time.Now().Add(-time.Hour)) }},
		{"another file", false, func() error { return os.WriteFile(name("other"), []byte("2"), 0o600) }},
		{"content", true, func() error { return os.WriteFile(name("d/a"), []byte("a"), 0o600) }},
		{"mode", true, func() error { return os.Chmod(name("d/a"), 0o711) }},
		{"link", true, func() error { return os.Rename(name("d/l"), name("d/m")) }},
		{"directory", true, func() error { return os.Mkdir(name("d/e"), 0o700) }},
		{"gone", true, func() error { return os.Remove(name("d/b")) }},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		now := pick(seen)
		if again := pick(""); again != now {
			t.Errorf("%s: remembered %s, read %s", step.what, now, again)
		}
		if (now != last) != step.counts {
			t.Errorf("%s: changed: %t", step.what, now != last)
		}
		last = now
	}
}

// TestMemory remembers only what has been left alone for a while, and nothing
// from a file that is not whole.
func TestMemory(t *testing.T) {
	name := filepath.Join(t.TempDir(), "memory")
	one := look{device: 1, inode: 2, size: 3, mode: 4, mtime: 5, changed: 6}
	m := remember(name)
	m.note(&found{sum: [32]byte{7}, rare: &ordinary}, "a/b", one)
	m.note(&found{rare: &ordinary}, "new", look{mtime: time.Now().UnixNano()})
	if err := m.keep(); err != nil {
		t.Fatal(err)
	}
	if sum, bare, known := remember(name).find("a/b", one); !known || !bare || sum != [32]byte{7} {
		t.Errorf("known %t, bare %t, sum %x", known, bare, sum)
	}
	if _, _, known := remember(name).find("new", look{}); known {
		t.Error("what was just written is known")
	}
	other := one
	other.changed++
	if _, _, known := remember(name).find("a/b", other); known {
		t.Error("what has changed is known")
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "x", string(text[:len(text)-1]), strings.Replace(string(text), "a/b", "a/c", 1)} {
		if err := os.WriteFile(name, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if known := len(remember(name).known); known != 0 {
			t.Errorf("%d files are known from %q", known, bad)
		}
	}
}

// TestChanged copies a file that has grown since it was picked.
func TestChanged(t *testing.T) {
	root := madeOf(t, "a=A")
	c := copyOf("/x", "a")
	p, err := (&Store{}).pick(t.Context(), &c, []source{{root: root}})
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"AB", ""} {
		if err := os.WriteFile(filepath.Join(root, "a"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := stream(t, &c, p, "", false); err == nil || !strings.Contains(err.Error(), "has changed while it was copied: build again") {
			t.Errorf("%q: %v", content, err)
		}
	}
}
