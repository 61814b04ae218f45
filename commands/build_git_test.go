package commands

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWithoutCredentials(t *testing.T) {
	for address, want := range map[string]string{
		"https://me:secret@git.example/a.git":  "https://xxxxx:xxxxx@git.example/a.git",
		"https://me:s@cret@git.example/a.git":  "https://xxxxx:xxxxx@git.example/a.git",
		"https://token@git.example/a.git":      "https://xxxxx@git.example/a.git",
		"https://git.example/a@b.git":          "https://git.example/a@b.git",
		"git@git.example:a.git":                "git@git.example:a.git",
		"ssh://git.example:22/~me@home/a.git/": "ssh://git.example:22/~me@home/a.git/",
	} {
		name := filepath.Join(t.TempDir(), "modules", "config")
		if err := os.Mkdir(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("url = "+address+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := withoutCredentials(filepath.Dir(filepath.Dir(name)), address); err != nil {
			t.Error(address, err)
		}
		if text, err := os.ReadFile(name); err != nil || string(text) != "url = "+want+"\n" {
			t.Errorf("of %s stays %s (%v)", address, text, err)
		}
	}
}
