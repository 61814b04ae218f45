package commands

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestUnpackHostile unpacks archives that a container could have made up: none
// may reach out of the directory, and none may leave a file of its own half
// written.
func TestUnpackHostile(t *testing.T) {
	file := func(name string) *tar.Header {
		return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: 4, Mode: 0o4755}
	}
	link := func(name, to string) *tar.Header {
		return &tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to}
	}
	top := &tar.Header{Typeflag: tar.TypeDir, Name: "d/", Mode: 0o755}
	cases := map[string]struct {
		entries []*tar.Header
		fails   bool
	}{
		"parent":               {[]*tar.Header{top, file("d/../../secret")}, true}, // is the top itself
		"absolute":             {[]*tar.Header{top, file("/etc/secret")}, false},
		"through a link":       {[]*tar.Header{top, link("d/l", "../.."), file("d/l/secret")}, true},
		"through a root link":  {[]*tar.Header{top, link("d/l", "/"), file("d/l/secret")}, true},
		"hard link":            {[]*tar.Header{top, {Typeflag: tar.TypeLink, Name: "d/h", Linkname: "d/../../../outside"}}, true},
		"link then its target": {[]*tar.Header{top, link("d/l", "../../outside"), file("d/l")}, false},
		"device":               {[]*tar.Header{top, {Typeflag: tar.TypeChar, Name: "d/null", Devmajor: 1, Devminor: 3}}, false},
		"truncated":            {[]*tar.Header{top, {Typeflag: tar.TypeReg, Name: "d/f", Size: 100}}, true},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			base := t.TempDir()
			inside := filepath.Join(base, "in", "side")
			if err := os.MkdirAll(inside, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(base, "outside"), []byte("kept"), 0o600); err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			w := tar.NewWriter(&b)
			for _, header := range test.entries {
				if err := w.WriteHeader(header); err != nil {
					t.Fatal(err)
				}
				if header.Size > 0 {
					if _, err := io.WriteString(w, "evil"); err != nil {
						t.Fatal(err)
					}
				}
			}
			var said strings.Builder
			env := &Env{Err: &said, Program: "dockless"}
			err := unpack(env, &b, placement{inside, "copy"}, &source{path: "/d", base: "d", isDir: true})
			if (err != nil) != test.fails {
				t.Errorf("error is %v", err)
			}
			found, _ := filepath.Glob(filepath.Join(base, "*"))
			above, _ := filepath.Glob(filepath.Join(base, "in", "*"))
			left, _ := filepath.Glob(filepath.Join(inside, "copy", ".dockless*"))
			if len(found) != 2 || len(above) != 1 || len(left) != 0 {
				t.Errorf("left behind: %v %v %v", found, above, left)
			}
			if text, _ := os.ReadFile(filepath.Join(base, "outside")); string(text) != "kept" {
				t.Errorf("wrote outside: %q", text)
			}
			_ = filepath.Walk(inside, func(path string, info os.FileInfo, err error) error {
				if err == nil && info.Mode()&os.ModeSetuid != 0 {
					t.Errorf("%s is setuid", path)
				}
				return nil
			})
		})
	}
}
