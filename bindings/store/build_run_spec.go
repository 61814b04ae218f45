package store

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/containers/common/pkg/config"
	securejoin "github.com/cyphar/filepath-securejoin"
	"github.com/docker/docker/profiles/seccomp"
	"github.com/docker/go-units"
	"github.com/moby/sys/user"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// capabilities are those of docker's containers.
var capabilities = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID",
	"CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
}

// configuration is the runtime's, without the mounts of the RUN itself.
// Source: https://github.com/opencontainers/runtime-spec/blob/v1.2.1/config.md
func (r *run) configuration(conf *runtimeConfig, mode string) (*specs.Spec, error) {
	who, home, err := r.user()
	if err != nil {
		return nil, fmt.Errorf("process %q did not complete successfully: %w", r.Process, err)
	}
	limits, err := r.rlimits()
	if err != nil {
		return nil, err
	}
	resolv, err := r.resolvConf(conf, mode)
	if err != nil {
		return nil, err
	}
	hosts, err := r.hosts(conf, mode)
	if err != nil {
		return nil, err
	}
	environment := append(slices.Clone(r.Env), r.Proxy...)
	if !slices.ContainsFunc(environment, func(v string) bool { return strings.HasPrefix(v, "HOME=") }) {
		environment = append(environment, "HOME="+home)
	}
	shm := r.build.Limits.ShmSize
	if shm == "" {
		shm = "65536k"
	}
	spec := &specs.Spec{
		Version:  "1.0.0", // which runtimes of any age know
		Hostname: r.Host,
		Root:     &specs.Root{Path: r.files.root},
		Process: &specs.Process{
			User: who, Args: r.Args, Env: environment, Cwd: r.Dir, Rlimits: limits,
			Capabilities: &specs.LinuxCapabilities{Bounding: capabilities, Effective: capabilities, Permitted: capabilities},
		},
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
			{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
			{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: ptsOptions()},
			{Destination: "/dev/shm", Type: "tmpfs", Source: "shm", Options: []string{"nosuid", "noexec", "nodev", "mode=1777", "size=" + shm}},
			{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: []string{"nosuid", "noexec", "nodev"}},
			{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}},
			{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"ro", "nosuid", "noexec", "nodev"}},
			{Destination: "/etc/resolv.conf", Type: "bind", Source: resolv, Options: []string{"nosuid", "noexec", "nodev", "rbind", "ro"}},
			{Destination: "/etc/hosts", Type: "bind", Source: hosts, Options: []string{"nosuid", "noexec", "nodev", "rbind", "ro"}},
		},
		Linux: &specs.Linux{
			Namespaces: []specs.LinuxNamespace{
				{Type: specs.PIDNamespace},
				{Type: specs.IPCNamespace},
				{Type: specs.UTSNamespace},
				{Type: specs.MountNamespace},
				{Type: specs.CgroupNamespace},
			},
			MaskedPaths:   config.DefaultMaskedPaths,
			ReadonlyPaths: config.DefaultReadOnlyPaths,
			Resources:     r.resources(),
			CgroupsPath:   r.cgroupsPath(),
		},
	}
	if mode == hostNetwork { // whose /sys may not be mounted anew
		spec.Mounts = slices.DeleteFunc(spec.Mounts, func(m specs.Mount) bool { return strings.HasPrefix(m.Destination, "/sys") })
		spec.Mounts = append(spec.Mounts, specs.Mount{Destination: "/sys", Type: "bind", Source: "/sys", Options: []string{"rbind", "rprivate", "nosuid", "noexec", "nodev", "ro"}})
	}
	if spec.Linux.Seccomp, err = seccomp.GetDefaultProfile(spec); err != nil {
		return nil, fmt.Errorf("choosing system calls: %w", err)
	}
	return spec, nil
}

// ptsOptions are those of /dev/pts: the group of terminals, if there is one.
func ptsOptions() []string {
	options := []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}
	groups, err := user.CurrentProcessGIDMap()
	if err == nil && slices.ContainsFunc(groups, func(m user.IDMap) bool { return m.ID <= 5 && 5 < m.ID+m.Count }) {
		options = append(options, "gid=5")
	}
	return options
}

// user finds out who the process is, with the image's own files, and his home.
func (r *run) user() (who specs.User, home string, err error) {
	open := func(name string) io.ReadCloser {
		path, err := securejoin.SecureJoin(r.files.root, name)
		if err != nil {
			return nil
		}
		file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
		if err != nil {
			return nil
		}
		return file
	}
	reader := func(file io.ReadCloser) io.Reader {
		if file == nil {
			return nil
		}
		return file
	}
	passwd, group := open("/etc/passwd"), open("/etc/group")
	defer closeAll(passwd, group)
	name := r.User
	if name == "" {
		name = "0"
	}
	found, err := user.GetExecUser(name, &user.ExecUser{Home: "/"}, reader(passwd), reader(group))
	if err != nil {
		return who, "", err
	}
	who.UID, who.GID = uint32(found.Uid), uint32(found.Gid)
	// With both in numbers BuildKit looks for nothing else.
	if id, of, both := strings.Cut(name, ":"); !both || !isNumber(id) || !isNumber(of) {
		for _, id := range found.Sgids {
			who.AdditionalGids = append(who.AdditionalGids, uint32(id))
		}
	}
	if !slices.Contains(who.AdditionalGids, who.GID) {
		who.AdditionalGids = slices.Insert(who.AdditionalGids, 0, who.GID)
	}
	return who, found.Home, nil
}

func isNumber(text string) bool {
	return text == "root" || text != "" && strings.Trim(text, "0123456789") == ""
}

func closeAll(files ...io.Closer) {
	for _, file := range files {
		if file != nil {
			file.Close()
		}
	}
}

// rlimits are the user's own, of files the most, and what --ulimit says.
func (r *run) rlimits() (limits []specs.POSIXRlimit, err error) {
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return nil, fmt.Errorf("reading the limit of open files: %w", err)
	}
	limits = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: files.Max, Hard: files.Max}}
	for _, text := range r.build.Limits.Ulimits {
		limit, err := units.ParseUlimit(text)
		if err != nil {
			return nil, err
		}
		kind := "RLIMIT_" + strings.ToUpper(limit.Name)
		limits = slices.DeleteFunc(limits, func(l specs.POSIXRlimit) bool { return l.Type == kind })
		limits = append(limits, specs.POSIXRlimit{Type: kind, Soft: uint64(limit.Soft), Hard: uint64(limit.Hard)})
	}
	return limits, nil
}
