package tests

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// person is the user that one script plays: a home, a runtime directory, and so a Podman of its own.
type person struct {
	home    string
	runtime string // short: the path of a unix socket below it has 108 bytes at most
}

func (h *host) newPerson(name string) (person, error) {
	if inMachine {
		return person{home: os.Getenv("HOME"), runtime: os.Getenv("XDG_RUNTIME_DIR")}, nil
	}
	p := person{
		home:    filepath.Join(h.dir, "home", name),
		runtime: filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), fmt.Sprintf("dl%d-%s", os.Getpid(), name)),
	}
	// Debian 12's Podman would choose vfs without this file.
	containers := filepath.Join(p.home, ".config/containers")
	if err := os.MkdirAll(containers, 0o755); err != nil {
		return p, err
	}
	conf := []byte("[storage]\ndriver = \"overlay\"\n")
	if err := os.WriteFile(filepath.Join(containers, "storage.conf"), conf, 0o644); err != nil {
		return p, err
	}
	return p, os.Mkdir(p.runtime, 0o700)
}

// newPersonWithBase makes a person whose store holds busybox.
func (h *host) newPersonWithBase(name string) (person, error) {
	p, err := h.newPerson(name)
	if err != nil || inMachine {
		return p, err
	}
	if err := os.MkdirAll(p.graphRoot(), 0o700); err != nil {
		return p, err
	}
	return p, p.run("cp", "-a", h.template+"/.", p.graphRoot())
}

func (p person) graphRoot() string {
	return filepath.Join(p.home, ".local/share/containers/storage")
}

func (p person) env() []string {
	return []string{
		"PATH=" + here.path,
		"HOME=" + p.home,
		"XDG_RUNTIME_DIR=" + p.runtime,
		"USER=" + os.Getenv("USER"),
		"LANG=C.UTF-8",
		"TERM=xterm",
		"TZ=UTC",
	}
}

// run runs a command of this person's outside of the script, for a minute at most.
func (p person) run(name string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = time.Second
	cmd.Dir = "/"
	cmd.Env = p.env()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", cmd, err, bytes.TrimSpace(out))
	}
	return nil
}

// remove ends everything that this person has started and deletes what is left.
func (p person) remove() error {
	var errs []error
	if containers, _ := os.ReadDir(filepath.Join(p.graphRoot(), "overlay-containers")); len(containers) > 0 {
		// What is left of a container after this is only processes and files, both of which go below.
		_ = p.run("podman", "rm", "--all", "--force", "--time=0", "--volumes")
	}
	if inMachine {
		return nil // the machine goes as a whole
	}
	errs = append(errs, p.endProcesses(), removeTree(p.home), removeTree(p.runtime))
	return errors.Join(errs...)
}

// endProcesses kills whatever has this person's runtime directory in its environment: the service, Podman's pause
// process, conmon, the network's helpers.
func (p person) endProcesses() error {
	mark := []byte("XDG_RUNTIME_DIR=" + p.runtime + "\x00")
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		left := 0
		environments, err := filepath.Glob("/proc/[0-9]*/environ")
		if err != nil {
			return err
		}
		for _, file := range environments {
			environment, err := os.ReadFile(file)
			if err != nil || !bytes.Contains(environment, mark) {
				continue
			}
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if err != nil {
				return err
			}
			left++
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if left == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d processes of %s survive SIGKILL", left, p.runtime)
		}
	}
}

// removeTree deletes a folder, also where it holds files of subordinate users.
func removeTree(dir string) error {
	if os.RemoveAll(dir) == nil {
		return nil
	}
	out, err := exec.Command("unshare", "--map-root-user", "--map-auto", "rm", "-rf", dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("removing %s: %w: %s", dir, err, bytes.TrimSpace(out))
	}
	return nil
}
