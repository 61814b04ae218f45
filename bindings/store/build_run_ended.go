package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	securejoin "github.com/cyphar/filepath-securejoin"
)

// output holds back what comes before the process itself runs: what the runtime
// has to say, which writes to the same place and has a log for it.
type output struct {
	mutex   sync.Mutex
	running func() bool
	open    bool
	held    []heldOutput
}

type heldOutput struct {
	to   io.Writer
	text []byte
}

// to returns a writer that passes everything on to another.
func (o *output) to(w io.Writer) io.Writer { return &outputTo{o, w} }

type outputTo struct {
	output *output
	to     io.Writer
}

// Write passes on, or holds back.
func (w *outputTo) Write(text []byte) (int, error) {
	o := w.output
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if !o.open && !o.running() {
		o.held = append(o.held, heldOutput{w.to, bytes.Clone(text)})
		return len(text), nil
	}
	if err := o.release(); err != nil {
		return 0, err
	}
	return w.to.Write(text)
}

func (o *output) release() error {
	o.open = true
	for _, held := range o.held {
		if _, err := held.to.Write(held.text); err != nil {
			return err
		}
	}
	o.held = nil
	return nil
}

// started tells whether the runtime in the box has become more than itself: its
// child runs another program. Of a child that has ended that is not known.
func (b *box) started() bool {
	pid := b.cmd.Process.Pid
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		_, unable := os.Stat("/proc/thread-self/children")
		return unable != nil // or else the runtime has ended already
	}
	own, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	for _, child := range strings.Fields(string(children)) {
		program, childErr := os.Readlink("/proc/" + child + "/exe")
		if err == nil && childErr == nil && program != own {
			return true
		}
	}
	return false
}

// ended puts the end of the runtime into docker's words.
func (r *run) ended(ctx context.Context, b *box, err error) error {
	if ctx.Err() != nil {
		return err
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err
	}
	if complaint := r.complaint(&b.output); err != nil && complaint != "" {
		return r.notStarted(complaint)
	}
	if err := errors.Join(b.output.release()); err != nil {
		return err
	}
	switch {
	case err == nil:
		return nil
	case exit.ExitCode() < 0:
		return &ExitError{Process: r.Process, Code: 128 + int(exit.Sys().(syscall.WaitStatus).Signal())}
	}
	return &ExitError{Process: r.Process, Code: exit.ExitCode()}
}

// unexecuted begins what crun prints about a program that the kernel does not
// execute: it has no log any more by then. Other entries in the form of its log are
// the process's own.
const unexecuted = "exec "

// complaint is the last error that the runtime has logged, or printed.
func (r *run) complaint(o *output) string {
	logged, _ := os.ReadFile(filepath.Join(r.dir, runtimeLog)) // without one there is no error in it
	var printed []byte
	for _, held := range o.held {
		printed = append(printed, held.text...)
	}
	return cmp.Or(lastError(printed, unexecuted), lastError(logged, ""))
}

// lastError finds the last of the errors in JSON that a runtime has written, each
// on a line or, as newer ones do, on several, among other text.
func lastError(text []byte, begins string) (last string) {
	for len(text) > 0 {
		var entry struct{ Level, Msg string }
		decoder := json.NewDecoder(bytes.NewReader(text))
		if decoder.Decode(&entry) != nil {
			_, text, _ = bytes.Cut(text, []byte("\n"))
			continue
		}
		if entry.Level == "error" && strings.HasPrefix(entry.Msg, begins) {
			last = entry.Msg
		}
		text = text[decoder.InputOffset():]
	}
	return last
}

// notStarted is the error of a process that the runtime could not start: if that
// is the fault of its program, docker shows it among the output.
func (r *run) notStarted(complaint string) error {
	program := r.Args[0]
	why := ""
	if strings.Contains(complaint, "setresuid") || strings.Contains(complaint, "setup user") {
		why = fmt.Sprintf("unable to setup user: cannot setuid to unmapped uid %d in user namespace", r.spec.Process.User.UID)
	} else if why = r.lookUp(program); why != "" {
		why = fmt.Sprintf("exec: %q: %s", program, why)
	}
	if why != "" {
		fmt.Fprintf(r.stderr, "runc run failed: unable to start container process: error during container init: %s\n", why)
		return &ExitError{Process: r.Process, Code: 1}
	}
	// It is there, and what it is made for is not: the interpreter that a script names, another machine.
	for _, fault := range []string{"exec format error", "no such file or directory", "permission denied"} {
		if strings.Contains(complaint, "exec") && strings.HasSuffix(strings.ToLower(complaint), fault) {
			fmt.Fprintf(r.stderr, "exec %s: %s\n", program, fault)
			return &ExitError{Process: r.Process, Code: 255}
		}
	}
	if r.build.Limits.limited() && (strings.Contains(complaint, "memory.") || strings.Contains(complaint, "cpu") || strings.Contains(complaint, "cgroup")) {
		return fmt.Errorf("setting the limits of memory and CPU: %s; build without them", complaint)
	}
	if what, full := strings.CutSuffix(complaint, "No space left on device"); full {
		return fmt.Errorf("starting a container: %s%w", what, syscall.ENOSPC)
	}
	return fmt.Errorf("starting a container: %s", complaint)
}

// lookUp says in Docker's words why a program cannot be run, if it cannot.
func (r *run) lookUp(program string) (why string) {
	if strings.Contains(program, "/") {
		path := program
		if !filepath.IsAbs(path) {
			path = filepath.Join(r.Dir, program)
		}
		switch mode, err := r.mode(path); {
		case err != nil:
			return "stat " + program + ": no such file or directory"
		case mode.IsDir():
			return "is a directory"
		case mode&0o111 == 0:
			return "permission denied"
		}
		return ""
	}
	for _, variable := range r.spec.Process.Env {
		dirs, is := strings.CutPrefix(variable, "PATH=")
		if !is {
			continue
		}
		for _, dir := range filepath.SplitList(dirs) {
			if mode, err := r.mode(filepath.Join(dir, program)); err == nil && mode.IsRegular() && mode&0o111 != 0 {
				return ""
			}
		}
	}
	return "executable file not found in $PATH"
}

func (r *run) mode(path string) (fs.FileMode, error) {
	path, err := securejoin.SecureJoin(r.files.root, path)
	if err != nil {
		return 0, err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return 0, err
	}
	return info.Mode(), nil
}
