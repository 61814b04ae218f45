package dockerapi

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	nettypes "github.com/containers/common/libnetwork/types"
	"github.com/containers/podman/v4/libpod/define"
	"github.com/containers/podman/v4/pkg/domain/entities"
	"github.com/containers/podman/v4/pkg/inspect"
	"github.com/docker/docker/api/types"
)

// testdata holds what Docker 28.5.2 and Podman 4.3.1 and 5.4.2 say of objects
// that were made with the same options: docker inspect's JSON, and that of
// Podman's API.

// read decodes an object of Podman's.
func read[T any](t *testing.T, file string) *T {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	object := new(T)
	if err := json.Unmarshal(text, object); err != nil {
		t.Fatal(err)
	}
	return object
}

// TestKeys compares our keys, their order and the types of their values with
// Docker's.
func TestKeys(t *testing.T) {
	// What is in lists that may be empty, and what Podman does not know.
	varying := []string{
		".State.Health.Log[]", ".HostConfig.Devices[]", ".HostConfig.Mounts", ".IPAM.Config[].AuxiliaryAddresses",
		".Config.Healthcheck",
	}
	for _, podman := range []string{"podman4", "podman5"} {
		for kind, object := range map[string]any{
			"container": NewContainer(read[define.InspectContainerData](t, podman+"-container.json")),
			"image":     NewImage(read[inspect.ImageData](t, podman+"-image.json"), nil, ""),
			"network":   NewNetwork(*read[nettypes.Network](t, podman+"-network.json"), map[string]types.EndpointResource{}),
			"volume":    NewVolume(&entities.VolumeConfigResponse{InspectVolumeData: *read[define.InspectVolumeData](t, podman+"-volume.json")}),
		} {
			t.Run(podman+"-"+kind, func(t *testing.T) {
				ours, err := json.Marshal(object)
				if err != nil {
					t.Fatal(err)
				}
				docker, err := os.ReadFile("testdata/docker28-" + kind + ".json")
				if err != nil {
					t.Fatal(err)
				}
				fixed := func(list []key) []key {
					return slices.DeleteFunc(list, func(k key) bool {
						return strings.HasSuffix(k.path, "[]") ||
							slices.ContainsFunc(varying, func(prefix string) bool { return strings.HasPrefix(k.path, prefix) })
					})
				}
				compare(t, fixed(keys(t, docker)), fixed(keys(t, ours)))
			})
		}
	}
}

func compare(t *testing.T, want, got []key) {
	t.Helper()
	for i := 0; i < max(len(want), len(got)); i++ {
		var w, g key
		if i < len(want) {
			w = want[i]
		}
		if i < len(got) {
			g = got[i]
		}
		if w.path != g.path {
			t.Fatalf("key %d: Docker has %q, we have %q", i, w.path, g.path)
		}
		if w.kind != g.kind && w.kind != "null" && g.kind != "null" {
			t.Errorf("%s: Docker has a %s, we have a %s", w.path, w.kind, g.kind)
		}
	}
}

type key struct{ path, kind string }

// keys lists the keys of a JSON text, each once, in order. Keys that are names
// (of networks, labels, ports, …) count as one.
func keys(t *testing.T, text []byte) []key {
	t.Helper()
	var list []key
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	var walk func(path string) error
	walk = func(path string) error {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		kind := "null"
		if token != nil {
			kind = fmt.Sprintf("%T", token)
		}
		if token == json.Delim('[') {
			kind = "list"
		}
		if known := slices.IndexFunc(list, func(k key) bool { return k.path == path }); path != "" && known < 0 {
			list = append(list, key{path, kind})
		}
		switch token {
		case json.Delim('['):
			for decoder.More() {
				if err := walk(path + "[]"); err != nil {
					return err
				}
			}
			_, err = decoder.Token()
		case json.Delim('{'):
			for decoder.More() {
				name, err := decoder.Token()
				if err != nil {
					return err
				}
				if err := walk(path + "." + keyName(path, name.(string))); err != nil {
					return err
				}
			}
			_, err = decoder.Token()
		}
		return err
	}
	if err := walk(""); err != nil {
		t.Fatal(err)
	}
	return list
}

func keyName(path, name string) string {
	for _, names := range []string{".Networks", ".Labels", ".Options", ".Ports", ".PortBindings", ".ExposedPorts", ".Volumes", ".Tmpfs", ".Data"} {
		if strings.HasSuffix(path, names) {
			return "*"
		}
	}
	return name
}

func TestContainerValues(t *testing.T) {
	for _, podman := range []string{"podman4", "podman5"} {
		c := NewContainer(read[define.InspectContainerData](t, podman+"-container.json"))
		for what, pair := range map[string][2]any{
			"Path":         {c.Path, "/bin/sh"},
			"Args":         {c.Args, []string{"-c", "sleep 1000"}},
			"Entrypoint":   {c.Config.Entrypoint, []string{"/bin/sh"}},
			"Cmd":          {c.Config.Cmd, []string{"-c", "sleep 1000"}},
			"Image":        {c.Config.Image, "busybox"},
			"Env":          {c.Config.Env, []string{"A=1", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}},
			"StopSignal":   {c.Config.StopSignal, "SIGUSR1"},
			"Volumes":      {c.Config.Volumes, map[string]any{"/anon": struct{}{}}},
			"Binds":        {c.HostConfig.Binds, []string{"/tmp:/b2", "/tmp:/host:ro", "v1:/v1", "v2:/v2:ro"}},
			"Tmpfs":        {c.HostConfig.Tmpfs, map[string]string{"/tm": "size=1m"}},
			"NetworkMode":  {c.HostConfig.NetworkMode, "n1"},
			"PidMode":      {c.HostConfig.PidMode, ""},
			"IpcMode":      {c.HostConfig.IpcMode, "private"},
			"CapAdd":       {c.HostConfig.CapAdd, []string{"CAP_SYS_TIME"}},
			"CapDrop":      {c.HostConfig.CapDrop, []string{"CAP_CHOWN"}},
			"LogConfig":    {c.HostConfig.LogConfig, map[string]any{"Type": "json-file", "Config": map[string]string{"max-size": "1m"}}},
			"Restart":      {c.HostConfig.RestartPolicy, map[string]any{"Name": "on-failure", "MaximumRetryCount": 3}},
			"PortBindings": {c.HostConfig.PortBindings["80/tcp"], []map[string]string{{"HostIp": "", "HostPort": "8080"}}},
			"Ports":        {c.NetworkSettings.Ports["80/tcp"], []map[string]string{{"HostIp": "0.0.0.0", "HostPort": "8080"}}},
			"Aliases":      {c.NetworkSettings.Networks["n1"].Aliases, []string{"al"}},
		} {
			got, want := compact(t, pair[0]), compact(t, pair[1])
			if got != want {
				t.Errorf("%s: %s is %s, want %s", podman, what, got, want)
			}
		}
	}
}

// compact is a value as JSON with its keys sorted.
func compact(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := json.Unmarshal(text, &plain); err != nil {
		t.Fatal(err)
	}
	text, err = json.Marshal(plain)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestCommandOf(t *testing.T) {
	for _, test := range []struct {
		path       string
		args       []string
		entrypoint string
		cmd        []string
		init       bool
		want       string
	}{
		{"sh", []string{"-c", "a b"}, "", []string{"sh", "-c", "a b"}, false, `[null,["sh","-c","a b"]]`},
		{"sh", []string{"-c", "a b"}, "sh -c", []string{"a b"}, false, `[["sh","-c"],["a b"]]`},
		{"sh", []string{"-c", "a b"}, "sh -c a b", nil, false, `[["sh","-c","a b"],null]`},
		{"true", []string{"true"}, "true", nil, false, `[["true"],null]`},
		{"/run/podman-init", []string{"--", "sh", "x"}, "sh", []string{"x"}, true, `[["sh"],["x"]]`},
		{"/dev/init", []string{"--", "x"}, "", []string{"x"}, true, `[null,["x"]]`},
	} {
		c := commandOf(&define.InspectContainerData{
			Path: test.path, Args: test.args,
			Config:     &define.InspectContainerConfig{Entrypoint: test.entrypoint, Cmd: test.cmd},
			HostConfig: &define.InspectContainerHostConfig{Init: test.init},
		})
		if got := compact(t, []any{c.entrypoint, c.cmd}); got != test.want {
			t.Errorf("%v: %s, want %s", test, got, test.want)
		}
	}
}

func TestSpan(t *testing.T) {
	for _, test := range [][2]string{
		{"10.9.0.129-10.9.0.255", "10.9.0.128/25"},
		{"10.9.0.5-10.9.0.5", "10.9.0.5/32"},
		{"fd00::1-fd00::ff", "fd00::/120"},
	} {
		first, last, _ := strings.Cut(test[0], "-")
		var r nettypes.LeaseRange
		if err := json.Unmarshal([]byte(`{"start_ip":"`+first+`","end_ip":"`+last+`"}`), &r); err != nil {
			t.Fatal(err)
		}
		if got := span(r.StartIP, r.EndIP); got != test[1] {
			t.Errorf("span(%s) is %s, want %s", test[0], got, test[1])
		}
	}
}

func TestCapabilities(t *testing.T) {
	most := dockerCapabilities[1:]
	for _, test := range []struct {
		bounding []string
		want     string
	}{
		{dockerCapabilities, `[null,null]`},
		{slices.DeleteFunc(slices.Clone(dockerCapabilities), func(c string) bool { return slices.Contains(podmanLacks, c) }), `[null,null]`},
		{most, `[null,["CAP_AUDIT_WRITE"]]`},
		{append([]string{"CAP_SYS_TIME"}, most...), `[["CAP_SYS_TIME"],["CAP_AUDIT_WRITE"]]`},
		{[]string{"CAP_NET_BIND_SERVICE"}, `[["CAP_NET_BIND_SERVICE"],["ALL"]]`},
		{nil, `[null,["ALL"]]`},
	} {
		add, drop := capabilities(&define.InspectContainerData{BoundingCaps: test.bounding, HostConfig: &define.InspectContainerHostConfig{}})
		if got := compact(t, []any{add, drop}); got != test.want {
			t.Errorf("%v: %s, want %s", test.bounding, got, test.want)
		}
	}
}

func TestTypedSize(t *testing.T) {
	for human, want := range map[string]string{"1MB": "1m", "1.049MB": "1m", "10.49MB": "10m", "1.074GB": "1g", "10.24kB": "10k", "512B": "512"} {
		if got := typedSize(human); got != want {
			t.Errorf("typedSize(%s) is %s, want %s", human, got, want)
		}
	}
}
