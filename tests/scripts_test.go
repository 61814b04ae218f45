// Package tests runs the scripts of testdata on the built binary against a real Podman. README.md says how to write one.
package tests

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptLimit ends a script that hangs, long before the whole run's time is up.
var scriptLimit = patiently(3 * time.Minute)

// host is what all scripts of a run share.
type host struct {
	dir           string // everything this run writes, but for the runtime directories
	path          string // PATH: the real dockless, the system's folders, then testscript's own
	podmanVersion string
	template      string // a graph root that holds busybox and nothing else
	scripts       atomic.Int32
}

var here host

func TestMain(m *testing.M) {
	testscript.Main(hostRun{m}, map[string]func(){
		"pty": ptyMain,
		// Registered so that scripts can leave out "exec": PATH has the real ones first.
		"dockless": notReached,
		"podman":   notReached,
	})
}

func notReached() {
	fmt.Fprintln(os.Stderr, "tests: the real command is not first in PATH")
	os.Exit(1)
}

// hostRun prepares the host before the tests and clears it afterwards.
type hostRun struct{ m *testing.M }

func (r hostRun) Run() int {
	if err := here.prepare(); err != nil {
		fmt.Fprintf(os.Stderr, "tests: cannot run here: %v\nFAIL\n", err)
		return 1
	}
	code := r.m.Run()
	if err := here.clear(); err != nil {
		fmt.Fprintf(os.Stderr, "tests: %v\nFAIL\n", err)
		return 1
	}
	return code
}

func (h *host) prepare() error {
	if os.Getuid() == 0 {
		return errors.New("these tests run as an ordinary user: type make test")
	}
	if os.Getenv("XDG_RUNTIME_DIR") == "" {
		return errors.New("XDG_RUNTIME_DIR is not set: log in as this user, or type make test")
	}
	// testscript has put its own folder, with stand-ins for the commands registered above, in front.
	own, system, _ := strings.Cut(os.Getenv("PATH"), ":")
	if err := os.Setenv("PATH", system); err != nil {
		return err
	}
	version, err := exec.Command("podman", "--version").Output()
	if err != nil {
		return fmt.Errorf("asking Podman for its version: %w: type make test", err)
	}
	h.podmanVersion = strings.TrimPrefix(strings.TrimSpace(string(version)), "podman version ")
	dockless, err := filepath.Abs("../dockless")
	if err != nil {
		return err
	}
	if _, err := os.Stat(dockless); err != nil {
		return fmt.Errorf("finding the built binary: %w: type make build", err)
	}
	// Not below /tmp, which may be a tmpfs: rootless overlay does not work there on every kernel.
	if h.dir, err = os.MkdirTemp("/var/tmp", "dockless-tests"); err != nil {
		return err
	}
	if err := os.Setenv("GOTMPDIR", h.dir); err != nil {
		return err
	}
	bin := filepath.Join(h.dir, "bin")
	h.path = strings.Join([]string{bin, system, own}, ":")
	if err := os.Mkdir(bin, 0o755); err != nil {
		return err
	}
	if err := os.Symlink(dockless, filepath.Join(bin, "dockless")); err != nil {
		return err
	}
	if inMachine {
		return h.importBase()
	}
	return h.makeTemplate()
}

// makeTemplate imports the base image once: copying its storage into a new home takes a tenth of the time.
func (h *host) makeTemplate() error {
	p, err := h.newPerson("template")
	if err != nil {
		return err
	}
	h.template = p.graphRoot()
	tar := filepath.Join(h.dir, "busybox.tar")
	image, err := exec.Command("hosts/baseimage").Output()
	if err != nil {
		return fmt.Errorf("making the base image: %w", err)
	}
	if err := os.WriteFile(tar, image, 0o644); err != nil {
		return err
	}
	if err := p.run("podman", "import", "--quiet", "--change", `CMD ["sh"]`, tar, "docker.io/library/busybox:latest"); err != nil {
		return err
	}
	// Podman's own state holds the paths of this home.
	for _, state := range []string{"libpod", "db.sql"} {
		if err := os.RemoveAll(filepath.Join(h.template, state)); err != nil {
			return err
		}
	}
	return errors.Join(p.endProcesses(), removeTree(p.runtime))
}

func (h *host) clear() error {
	return removeTree(h.dir)
}

func TestScripts(t *testing.T) {
	dir := "testdata"
	if inMachine {
		dir = "machine/testdata"
	}
	testscript.RunT(script{t}, testscript.Params{
		Dir:                 dir,
		Setup:               setUp,
		Condition:           condition,
		Cmds:                scriptCommands,
		RequireUniqueNames:  true,
		RequireExplicitExec: false,
	})
}

// script is testscript's view of a test, in which a script that cannot run on this host fails in CI.
type script struct{ *testing.T }

func (s script) Run(name string, f func(testscript.T)) {
	s.T.Run(name, func(t *testing.T) { f(script{t}) })
}

func (s script) Verbose() bool { return false }

// Log prints the log of a script that fails, and only that.
func (s script) Log(text ...any) {
	if log := fmt.Sprint(text...); !strings.HasSuffix(strings.TrimSpace(log), "PASS") {
		s.T.Log(log)
	}
}

func (s script) Skip(reason ...any) {
	if os.Getenv("CI") == "true" {
		s.Fatal(append([]any{"cannot run here, and CI runs everything: "}, reason...)...)
	}
	fmt.Fprintf(os.Stderr, "NOT RUN: %s: %s\n", s.Name(), fmt.Sprint(reason...))
	s.T.Skip(reason...) //nolint:forbidigo // the one place, which is loud and which CI fails in
}

// setUp gives a script a person of its own, with busybox in the store, and sees to it that nothing is left of both.
func setUp(env *testscript.Env) error {
	number := here.scripts.Add(1)
	p, err := here.newPersonWithBase(fmt.Sprint(number))
	if err != nil {
		return err
	}
	t := env.T().(script)
	tooLong := time.AfterFunc(scriptLimit, func() {
		fmt.Fprintf(os.Stderr, "%s: took more than %v: killing its commands\n", t.Name(), scriptLimit)
		_ = p.endProcesses()
	})
	env.Defer(func() {
		tooLong.Stop()
		if err := p.remove(); err != nil {
			t.Errorf("clearing up: %v", err)
		}
	})
	env.Values["registries"] = &registries{fronts: map[string]*front{}}
	env.Vars = append(env.Vars, p.env()...)
	env.Setenv("PODMAN_VERSION", here.podmanVersion)
	archives, err := filepath.Abs("testdata/archives")
	if err != nil {
		return err
	}
	env.Setenv("ARCHIVES", archives)
	// Below the ephemeral ports, so that nothing else takes them by chance.
	port := 21000 + 10*int(number)
	env.Setenv("PORT", fmt.Sprint(port))
	env.Setenv("PORT2", fmt.Sprint(port+1))
	env.Setenv("PORT3", fmt.Sprint(port+2))
	return nil
}

// condition knows [podman:4] and the like, for Podman's major version, and [controller:memory] and the like, for a
// cgroup controller that this user may use.
func condition(name string) (bool, error) {
	kind, value, _ := strings.Cut(name, ":")
	switch kind {
	case "podman":
		return strings.HasPrefix(here.podmanVersion, value+"."), nil
	case "controller":
		controllers, err := os.ReadFile("/sys/fs/cgroup/cgroup.controllers")
		if err != nil {
			return false, err
		}
		for _, c := range strings.Fields(string(controllers)) {
			if c == value {
				return true, nil
			}
		}
		return false, nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}
