package commands

import (
	"path"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/mount"
)

func TestParseVolume(t *testing.T) {
	for spec, want := range map[string]string{
		"/data":            "volume  /data false",
		"/d":               "volume  /d false",
		"named:/data":      "volume named /data false",
		"/src:/dst":        "bind /src /dst false",
		"/src:/dst:ro":     "bind /src /dst true",
		"/src:/dst:rw,z":   "bind /src /dst false",
		"/src:/d:cached":   "bind /src /d false",
		"n1:/dst:ro,Z":     "volume n1 /dst true",
		"n1:/dst:nocopy":   "volume n1 /dst false",
		"~/x:/dst":         "volume ~/x /dst false", // as docker: the shell's business
		"":                 "invalid empty volume spec",
		":":                "invalid volume specification: ':'",
		"a:":               "invalid volume specification: 'a:'",
		"/a:":              "invalid spec: /a:: empty section between colons",
		"/a::ro":           "invalid spec: /a::ro: empty section between colons",
		"/a:/b:ro:x":       "invalid spec: /a:/b:ro:x: too many colons",
		"/a:/b:rx":         "invalid mode: rx",
		"/a:/b:ro,rw":      "invalid mode: ro,rw",
		"/a:ro":            "invalid volume specification: '/a:ro'",
		"/a:/":             `invalid volume specification: '/a:/': invalid mount config for type "bind": invalid specification: destination can't be '/'`,
		"/a:b":             `invalid volume specification: '/a:b': invalid mount config for type "bind": invalid mount path: 'b' mount path must be absolute`,
		"n1:/../..:rslave": `invalid volume specification: 'n1:/../..:rslave': invalid mount config for type "volume": invalid specification: destination can't be '/'`,
	} {
		v, err := parseVolume(spec)
		got := strings.Join([]string{string(v.Type), v.Source, v.Target, map[bool]string{true: "true", false: "false"}[v.ReadOnly]}, " ")
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("-v %s: got %s, want %s", spec, got, want)
		}
	}
}

func FuzzParseVolume(f *testing.F) {
	for _, seed := range []string{"/data", "n:/d:ro,z", "./rel:/x", ":", "a:b:c:d", "\xff:/\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		v, err := parseVolume(spec)
		if err != nil {
			return
		}
		if !path.IsAbs(v.Target) || path.Clean(v.Target) == "/" {
			t.Errorf("%q: target %q", spec, v.Target)
		}
		if (v.Type == mount.TypeBind) != path.IsAbs(v.Source) {
			t.Errorf("%q: type %s, source %q", spec, v.Type, v.Source)
		}
	})
}

func FuzzMountFlag(f *testing.F) {
	for _, seed := range []string{
		"type=bind,src=/a,dst=/b,readonly", "type=volume,dst=/b,volume-subpath=x", `type=tmpfs,"dst=/b,c",tmpfs-size=1m`,
		"type=bind,src=.,dst=/b,bind-recursive=writable,ro", "type=image,src=x,dst=/y,image-subpath=z", "dst", `"`, "volume-subpath=x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		var m mountFlag
		if m.Set(spec) == nil && (len(m.parsed.Value()) != 1 || len(m.subpaths) != 1) {
			t.Errorf("%q: %d mounts, %d subpaths", spec, len(m.parsed.Value()), len(m.subpaths))
		}
	})
}

func FuzzParseNetwork(f *testing.F) {
	for _, seed := range []string{"host", "container:x", "name=n,alias=a,alias=b,ip=1.2.3.4,ip6=::1,mac-address=02:42:ac:11:00:02", "name=", "a=b", `name="`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		a, err := parseNetwork(spec)
		if err == nil && a.network == "" {
			t.Errorf("%q: no network and no error", spec)
		}
		if addresses, err := a.addresses(); err == nil {
			for _, ip := range addresses {
				if ip == nil {
					t.Errorf("%q: an empty address", spec)
				}
			}
		}
	})
}

func TestParsePublish(t *testing.T) {
	for spec, want := range map[string]string{
		"foo":                        "invalid containerPort: foo",
		"70000:80":                   "invalid hostPort: 70000",
		"80:99999":                   "invalid containerPort: 99999",
		"8080:80/icmp":               "invalid proto: icmp",
		"1.2.3:80:80":                "invalid IP address: 1.2.3",
		"80-90:80-85":                "invalid ranges specified for container and host Ports: 80-85 and 80-90",
		":":                          "no port specified: :<empty>",
		"1:2:3:4":                    "invalid IP address: 1:2",
		"published=80,target=90,foo": "invalid publish opts format (should be name=value but got 'foo')",
		"0":                          "invalid containerPort: 0",
		"published=8080,target=80":   "",
		"127.0.0.1::80":              "",
		"[::1]:8080:80/udp":          "",
		"8000-8002:9000-9002/sctp":   "",
	} {
		_, err := parsePublish(spec)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("-p %s: got %q, docker says %q", spec, got, want)
		}
	}
}

func FuzzParsePublish(f *testing.F) {
	for _, seed := range []string{"80", "8080:80/udp", "[::1]::80", "1-3:4-6", "published=1,target=2", "::", "0:0", "-1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		mappings, err := parsePublish(spec)
		if err == nil && len(mappings) == 0 {
			t.Errorf("%q: neither ports nor an error", spec)
		}
		for _, m := range mappings {
			if m.ContainerPort == 0 || m.Range != 1 {
				t.Errorf("%q: %+v", spec, m)
			}
		}
		if first, last, _, err := parseExpose(spec); err == nil && (first == 0 || last < first) {
			t.Errorf("--expose %q: %d to %d", spec, first, last)
		}
	})
}

func FuzzParseDevice(f *testing.F) {
	for _, seed := range []string{"/dev/null", "/dev/a:/dev/b:rw", "/dev/a:r", "a:b:c:d", ":", "vendor.com/class=x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		source, target, access, err := parseDevice(spec)
		if err == nil && (source == "" || !path.IsAbs(target) || !validAccess(access)) {
			t.Errorf("%q: %q %q %q", spec, source, target, access)
		}
		qualifiedDevice(spec)
	})
}

func FuzzParseCPUSet(f *testing.F) {
	for _, seed := range []string{"0-3,5", "", "-", "1-", "3-1", "0-99999999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if set, err := parseCPUSet(text); err == nil && len(set) == 0 {
			t.Errorf("%q: an empty set", text)
		}
	})
}

func FuzzExtraHost(f *testing.F) {
	for _, seed := range []string{"a:1.2.3.4", "a=::1", "a:[::1]", "a:host-gateway", ":", "="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if entry, err := validExtraHost(text); err == nil {
			if name, ip, ok := strings.Cut(entry, ":"); !ok || name == "" || ip == "" {
				t.Errorf("%q became %q", text, entry)
			}
		}
	})
}
