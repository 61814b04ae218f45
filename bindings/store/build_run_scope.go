package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containers/storage/pkg/unshare"
	systemd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

// cgroups is where the kernel shows its control groups.
const cgroups = "/sys/fs/cgroup"

// ControllersError is about limits that need cgroup controllers which the person
// has not been given.
type ControllersError struct {
	Controllers []string // sorted
}

// Error names them.
func (e *ControllersError) Error() string {
	return fmt.Sprintf("the limits of memory and CPU cannot be set: the cgroup controllers %s are not delegated to you", strings.Join(e.Controllers, ", "))
}

// confine finds the control group in which the runtime can make one for a process
// with limits: a scope of the person's systemd, or, where there is none, the
// whole tree if that is the person's, as in a container.
func (r *run) confine(ctx context.Context, box int) error {
	var tree unix.Statfs_t
	if err := unix.Statfs(cgroups, &tree); err != nil || tree.Type != unix.CGROUP2_SUPER_MAGIC {
		return errors.New("the limits of memory and CPU cannot be set: this machine has control groups of version 1, which are root's alone; have it booted with systemd.unified_cgroup_hierarchy=1, or build without these limits")
	}
	socket := systemdSocket()
	err := answering(ctx, socket)
	if err == nil {
		if r.group, err = r.startScope(ctx, socket, box); err != nil {
			return err
		}
		r.scoped = true
		return r.controlled(r.group)
	}
	r.group = path.Join("/", r.build.Limits.CgroupParent)
	above := r.group // what there is of it
	for unix.Access(filepath.Join(cgroups, above), unix.F_OK) != nil && above != "/" {
		above = path.Dir(above)
	}
	if unix.Access(filepath.Join(cgroups, above), unix.W_OK) != nil {
		return fmt.Errorf("the limits of memory and CPU cannot be set: no systemd of yours answers (%w), and %s is not yours; log in anew after: sudo loginctl enable-linger USER; or build without these limits", err, filepath.Join(cgroups, above))
	}
	return r.controlled(above)
}

// controlled checks that a control group has the controllers for the limits.
func (r *run) controlled(group string) error {
	text, err := os.ReadFile(filepath.Join(cgroups, group, "cgroup.controllers"))
	if err != nil {
		return fmt.Errorf("looking for cgroup controllers: %w", err)
	}
	missing := slices.DeleteFunc(r.build.Limits.controllers(), func(name string) bool {
		return slices.Contains(strings.Fields(string(text)), name)
	})
	if len(missing) > 0 {
		return &ControllersError{missing}
	}
	return nil
}

// systemdSocket is where the systemd that makes the person's control groups
// listens. On its own socket, and not on the session's bus: that may be another's,
// or not there.
func systemdSocket() string {
	if !unshare.IsRootless() {
		return "/run/systemd/private"
	}
	runtime := os.Getenv("XDG_RUNTIME_DIR")
	if !filepath.IsAbs(runtime) {
		runtime = filepath.Join("/run/user", strconv.Itoa(unshare.GetRootlessUID()))
	}
	return filepath.Join(runtime, "systemd/private")
}

// answering tells whether a systemd answers that knows processes by our numbers.
func answering(ctx context.Context, socket string) error {
	connection, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return err
	}
	defer connection.Close()
	raw, err := connection.(*net.UnixConn).SyscallConn()
	if err != nil {
		return err
	}
	var peer *unix.Ucred
	controlErr := raw.Control(func(fd uintptr) { peer, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err := errors.Join(err, controlErr); err != nil {
		return err
	}
	if peer.Pid == 0 {
		return fmt.Errorf("%s: it is in another process namespace", socket)
	}
	return nil
}

// startScope has systemd move the box to a control group of its own, which it
// leaves to us (Delegate=): the box goes to a group in there, so that the runtime
// can make another one beside it. When the last process of both has ended, however
// it has, systemd removes everything.
// Source: https://systemd.io/CGROUP_DELEGATION/
func (r *run) startScope(ctx context.Context, socket string, box int) (group string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	slice, err := r.slice()
	if err != nil {
		return "", err
	}
	manager, err := systemd.NewConnection(func() (*dbus.Conn, error) { return authenticate(ctx, socket) })
	if err != nil {
		return "", fmt.Errorf("connecting to systemd: %w", err)
	}
	defer manager.Close()
	name := r.containerID() + ".scope"
	result := make(chan string, 1)
	_, err = manager.StartTransientUnitContext(ctx, name, "fail", []systemd.Property{
		systemd.PropDescription("A process of " + program() + " build"),
		systemd.PropSlice(slice),
		systemd.PropPids(uint32(box)),
		{Name: "Delegate", Value: dbus.MakeVariant(true)},
		{Name: "CollectMode", Value: dbus.MakeVariant("inactive-or-failed")},
		{Name: "TasksMax", Value: dbus.MakeVariant(uint64(math.MaxUint64))},
	}, result)
	if err != nil {
		return "", fmt.Errorf("asking systemd for a control group in %s: %w", slice, err)
	}
	select {
	case how := <-result:
		if how != "done" {
			return "", fmt.Errorf("systemd has not made a control group in %s: %s (journalctl --user -u %s tells why)", slice, how, name)
		}
	case <-ctx.Done():
		return "", fmt.Errorf("waiting for systemd to make a control group: %w", ctx.Err())
	}
	if group, err = cgroupOf(box); err != nil {
		return "", err
	}
	if path.Base(group) != name {
		return "", fmt.Errorf("systemd has left a process in the control group %s that belongs to %s", group, name)
	}
	inside := filepath.Join(cgroups, group, "runtime")
	if err := os.Mkdir(inside, 0o755); err != nil {
		return "", fmt.Errorf("making a control group: %w", err)
	}
	if err := os.WriteFile(filepath.Join(inside, "cgroup.procs"), []byte(strconv.Itoa(box)), 0); err != nil {
		return "", fmt.Errorf("moving a process to its control group: %w", err)
	}
	return group, nil
}

// slice is where the scope belongs.
func (r *run) slice() (string, error) {
	slice := r.build.Limits.CgroupParent
	switch {
	case slice == "" && unshare.IsRootless():
		return "user.slice", nil
	case slice == "":
		return "system.slice", nil
	}
	name, is := strings.CutSuffix(slice, ".slice")
	if !is || name == "" || name != "-" && strings.Contains("-"+name+"-", "--") || strings.Contains(name, "/") {
		return "", fmt.Errorf("cgroup-parent for systemd cgroup should be a valid slice named as %q", "xxx.slice")
	}
	return slice, nil
}

// authenticate opens a connection to systemd until ctx ends. It knows the person
// by the number outside of the user namespace.
func authenticate(ctx context.Context, socket string) (*dbus.Conn, error) {
	// Not NewConn: when such a connection is closed in the middle of a message the library panics.
	bus, err := dbus.Dial("unix:path="+dbus.EscapeBusAddressValue(socket), dbus.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	if err := bus.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(unshare.GetRootlessUID()))}); err != nil {
		return nil, errors.Join(err, bus.Close())
	}
	return bus, nil
}

// cgroupOf is the control group of a process, of version 2.
// Source: https://man7.org/linux/man-pages/man7/cgroups.7.html
func cgroupOf(pid int) (string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if group, is := strings.CutPrefix(line, "0::"); is {
			return strings.TrimSuffix(group, "\n"), nil
		}
	}
	return "", fmt.Errorf("the control group of process %d: %w", pid, fs.ErrNotExist)
}
