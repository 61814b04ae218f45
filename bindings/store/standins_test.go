package store_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/distribution/reference"
)

// The stand-in of docker's package of image names reads them as docker does: the
// answers are those of github.com/distribution/reference v0.5.0.
func TestImageNames(t *testing.T) {
	hex := strings.Repeat("ab", 32)
	for typed, want := range map[string]string{
		"busybox":                     "docker.io/library/busybox",
		"me/app:1.0":                  "docker.io/me/app:1.0",
		"index.docker.io/library/app": "docker.io/library/app",
		"localhost/app":               "localhost/app",
		"localhost:5000/app":          "localhost:5000/app",
		"Foo/app":                     "Foo/app",
		"a@sha256:" + hex:             "docker.io/library/a@sha256:" + hex,
		"App":                         "invalid reference format: repository name (library/App) must be lowercase",
		"x.y/App:1":                   "invalid reference format: repository name (App) must be lowercase",
		hex:                           "invalid repository name (" + hex + "), cannot specify 64-byte hexadecimal strings",
		"":                            "invalid reference format",
		"a b":                         "invalid reference format",
		"a:":                          "invalid reference format",
	} {
		got := ""
		if named, err := reference.ParseNormalizedNamed(typed); err != nil {
			got = err.Error()
		} else {
			got = named.String()
		}
		if got != want {
			t.Errorf("%q is %s, not %s", typed, got, want)
		}
	}
	names := []string{"bad name", hex, "c", "b:1", "a@sha256:" + hex}
	want := []string{"docker.io/library/b:1", "docker.io/library/a@sha256:" + hex, "docker.io/library/c", "sha256:" + hex, "bad name"}
	if got := reference.Sort(names); !slices.Equal(got, want) {
		t.Errorf("sorted: %q", got)
	}
}
