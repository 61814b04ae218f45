package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containers/storage/pkg/reexec"
	securejoin "github.com/cyphar/filepath-securejoin"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// tidyRuntime is what buildah starts as the runtime: this program, which starts
// the real one, its first argument, and sees to it that the places where RUN has
// mounted something are not in the image if they were not there before. They
// would be: runtimes make them, /etc/hosts among them, and leave them, and docker
// takes them away.
const tidyRuntime = "/proc/self/exe"

// placesFile, in the bundle, lists what was made.
const placesFile = "dockless-places"

func init() {
	reexec.Register(tidyRuntime, func() {
		if err := runTidily(os.Args[1], os.Args[2:]); err != nil {
			fmt.Fprintf(os.Stderr, "dockless: running a container: %v\n", err) //nolint:forbidigo // a program of its own
			os.Exit(1)                                                         //nolint:revive,forbidigo // the same
		}
	})
}

// runTidily runs the runtime. buildah starts it in the bundle.
func runTidily(runtime string, args []string) error {
	if slices.Contains(args, "create") {
		if err := makePlaces(); err != nil {
			return err
		}
	}
	if !slices.Contains(args, "delete") {
		return unix.Exec(runtime, append([]string{runtime}, args...), os.Environ())
	}
	cmd := exec.Command(runtime, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr //nolint:forbidigo // a program of its own
	return errors.Join(cmd.Run(), removePlaces())
}

// makePlaces makes what is mounted on, and notes what was not there.
func makePlaces() error {
	config, err := os.ReadFile("config.json")
	if err != nil {
		return fmt.Errorf("reading the container's configuration: %w", err)
	}
	var spec specs.Spec
	if err := json.Unmarshal(config, &spec); err != nil {
		return fmt.Errorf("reading the container's configuration: %w", err)
	}
	var made []string
	for _, mount := range spec.Mounts {
		isFile := false
		if info, err := os.Stat(mount.Source); err == nil && mount.Type == "bind" {
			isFile = !info.IsDir()
		}
		places, err := makePlace(spec.Root.Path, mount.Destination, isFile)
		made = append(made, places...)
		if err != nil {
			return fmt.Errorf("making the place of the mount %s: %w", mount.Destination, err)
		}
	}
	// Runtimes have these two made for all time: docker's images have them too.
	made = slices.DeleteFunc(made, func(path string) bool {
		return path == filepath.Join(spec.Root.Path, "dev") || path == filepath.Join(spec.Root.Path, "proc")
	})
	return os.WriteFile(placesFile, []byte(strings.Join(made, "\x00")), 0o600)
}

// makePlace makes a file or directory below root, no link leading out of it, and
// returns what of its path was made, from the top down.
func makePlace(root, name string, isFile bool) (made []string, err error) {
	path, err := securejoin.SecureJoin(root, name)
	if err != nil {
		return nil, err
	}
	var missing []string
	for at := path; at != root && len(at) > len(root); at = filepath.Dir(at) {
		if _, err := os.Lstat(at); err == nil {
			break
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		missing = append(missing, at)
	}
	slices.Reverse(missing)
	for i, at := range missing {
		if isFile && i == len(missing)-1 {
			err = os.WriteFile(at, nil, 0o644)
		} else {
			err = os.Mkdir(at, 0o755)
		}
		if err != nil {
			return missing[:i], err
		}
	}
	return missing, nil
}

// removePlaces removes what makePlaces has made, unless something is in it now.
func removePlaces() error {
	list, err := os.ReadFile(placesFile)
	if err != nil || len(list) == 0 {
		return err
	}
	places := strings.Split(string(list), "\x00")
	slices.Reverse(places)
	for _, place := range places {
		info, err := os.Lstat(place)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return err
		case info.IsDir():
			err = unix.Rmdir(place)
		case info.Mode().IsRegular() && info.Size() == 0:
			err = os.Remove(place)
		}
		if err != nil && !errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
