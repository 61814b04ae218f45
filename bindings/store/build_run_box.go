package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/containers/storage/pkg/reexec"
	"golang.org/x/sys/unix"
)

// boxed is the name under which this program becomes the runtime of a process:
// in a process namespace of its own, of which it is the first process. When it
// is killed the kernel kills all that is in there, at whatever moment; and it is
// killed when the thread that started it ends.
const boxed = "dockless-box"

func init() {
	reexec.Register(boxed, func() {
		if err := becomeRuntime(); err != nil {
			fmt.Fprintf(os.Stderr, "dockless: starting a container: %v\n", err) //nolint:forbidigo // a program of its own
		}
		os.Exit(1) //nolint:forbidigo // the same
	})
}

// order is what the program in the box becomes.
type order struct {
	Dir  string // the bundle
	Args []string
	Lo   bool // the network is new: the loopback device has to be brought up
}

// The descriptors of the program in the box.
const (
	orderFile = 3 // where it reads its order; nothing if there is nothing to do any more
	netFile   = 4 // the network namespace to be in, if there is one already
)

func becomeRuntime() error {
	runtime.LockOSThread() // the mounts and the network are this thread's, and then the runtime's
	// So is the wish to be killed, and this need not be the thread that has it.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return err
	}
	orders := os.NewFile(orderFile, "order")
	var o order
	if err := json.NewDecoder(orders).Decode(&o); err != nil {
		return nil //nolint:nilerr // nobody wants it any more
	}
	orders.Close()
	if o.Lo {
		if err := raiseLoopback(); err != nil {
			return fmt.Errorf("the loopback device: %w", err)
		}
	} else if err := unix.Setns(netFile, unix.CLONE_NEWNET); err == nil {
		unix.CloseOnExec(netFile)
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("making a mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making the mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	unix.Umask(0o022)
	if err := unix.Chdir(o.Dir); err != nil {
		return err
	}
	return fmt.Errorf("%s: %w", o.Args[0], unix.Exec(o.Args[0], o.Args, os.Environ()))
}

func raiseLoopback() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer os.NewFile(uintptr(socket), "lo").Close()
	flags, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	flags.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, flags)
}

// box is that program while it waits for its order, and then the runtime.
type box struct {
	cmd    *exec.Cmd
	orders *os.File
	output output
	waited bool
}

// startBox starts the program, and in it a network for the process.
func (r *run) startBox(ctx context.Context, mode string) (*box, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	b := &box{cmd: reexec.CommandContext(ctx, boxed), orders: writer}
	b.cmd.SysProcAttr = &unix.SysProcAttr{Cloneflags: unix.CLONE_NEWPID, Pdeathsig: unix.SIGKILL, Setsid: true}
	b.cmd.ExtraFiles = []*os.File{reader}
	b.cmd.Env = slices.DeleteFunc(os.Environ(), isActivation)
	b.output.running = b.started
	b.cmd.Stdout, b.cmd.Stderr = b.output.to(r.stdout), b.output.to(r.stderr)
	stdin, nothing, err := os.Pipe() // as docker has it: empty, and not a device
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	defer stdin.Close()
	nothing.Close()
	b.cmd.Stdin = stdin
	r.network = r.runtimes.network(mode)
	r.undo = append(r.undo, r.network.release)
	if r.network.namespace != nil {
		b.cmd.ExtraFiles = append(b.cmd.ExtraFiles, r.network.namespace)
	} else if mode != hostNetwork {
		b.cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWNET
		r.network.fresh = true
	}
	if err := b.cmd.Start(); err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	if r.network.fresh {
		if err := r.network.open(b.cmd.Process.Pid); err != nil {
			b.end()
			return nil, err
		}
	}
	return b, nil
}

// isActivation tells of a variable whether systemd says something to this program
// by it: the runtime would take it for the process's.
// Source: https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html
func isActivation(variable string) bool {
	return strings.HasPrefix(variable, "LISTEN_") || strings.HasPrefix(variable, "NOTIFY_SOCKET=")
}

// run has the program become the runtime, and waits for its end.
func (b *box) run(o order) error {
	text, err := json.Marshal(o)
	if err == nil {
		_, err = b.orders.Write(text)
	}
	b.orders.Close()
	b.waited = true
	return errors.Join(err, b.cmd.Wait())
}

// end ends a program that is not needed.
func (b *box) end() {
	if b.waited {
		return
	}
	b.waited = true
	b.orders.Close()
	_ = b.cmd.Process.Kill()
	_ = b.cmd.Wait()
}

// order is to become the runtime.
func (r *run) order(conf *runtimeConfig) order {
	args := []string{conf.path, "--root", filepath.Join(r.dir, "state"), "--log", filepath.Join(r.dir, runtimeLog), "--log-format", "json"}
	args = append(args, r.cgroupArgs(conf)...)
	args = append(args, "run", "--no-new-keyring", "--bundle", r.dir, r.containerID())
	return order{Dir: r.dir, Args: args, Lo: r.network.fresh}
}

// runtimeLog is where the runtime writes its errors, in the bundle.
const runtimeLog = "log"

// containerID is unique among the user's containers.
func (r *run) containerID() string {
	return filepath.Base(r.temp) + "-" + filepath.Base(r.dir)
}
