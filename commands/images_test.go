package commands

import (
	"reflect"
	"testing"
)

func TestImageNames(t *testing.T) {
	const one, two = "sha256:1111", "sha256:2222"
	for _, c := range []struct {
		tags, digests []string
		withDigests   bool
		want          []imageName
	}{
		{nil, nil, false, []imageName{{none, none, none}}},
		{[]string{"x:1", "x:2", "host:5000/y"}, []string{"x@" + one}, false, []imageName{{"x", "1", none}, {"x", "2", none}, {"host:5000/y", none, none}}},
		{[]string{"x:1", "y:2"}, []string{"x@" + one, "x@" + two}, true, []imageName{{"x", "1", one}, {"x", "1", two}, {"y", "2", none}}},
		{[]string{"x:1"}, []string{"z@" + one, "z@" + two}, false, []imageName{{"x", "1", none}, {"z", none, one}}},
		{nil, []string{"z@" + one, "z@" + two}, true, []imageName{{"z", none, one}, {"z", none, two}}},
	} {
		if got := imageNames(c.tags, c.digests, c.withDigests); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v %v %v:\n got %v\nwant %v", c.tags, c.digests, c.withDigests, got, c.want)
		}
	}
}

func TestShortName(t *testing.T) {
	for full, want := range map[string]string{
		"docker.io/library/busybox:latest": "busybox",
		"docker.io/library/busybox:1":      "busybox:1",
		"localhost/mine:latest":            "mine",
		"localhost:5000/mine:latest":       "localhost:5000/mine",
		"quay.io/a/b":                      "quay.io/a/b",
		"busybox":                          "busybox",
		"No Name":                          "No Name",
		"":                                 "",
	} {
		if got := shortName(full); got != want {
			t.Errorf("%q: got %q, want %q", full, got, want)
		}
	}
}
