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
	"github.com/moby/sys/mountinfo"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// tidyRuntime is what buildah starts as the runtime: this program, which starts
// the real one, its first argument, after it has made of the mounts what they are
// with docker. What RUN writes to a VOLUME stays in the image. What it writes to a
// --mount=type=bind,rw vanishes, where buildah would write to the user's own
// files. And the places where something is mounted, /etc/hosts among them, are not
// in the image if they were not there before; runtimes make and leave them.
const tidyRuntime = "/proc/self/exe"

// placesFile, in the bundle, lists what was made.
const placesFile = "dockless-places"

func init() {
	reexec.Register(tidyRuntime, func() {
		if err := runTidily(os.Args[1], os.Args[2:]); err != nil {
			fmt.Fprintf(os.Stderr, "dockless: running a container: %v\n", err) //nolint:forbidigo // a program of its own
			os.Exit(1)                                                         //nolint:forbidigo // the same
		}
	})
}

// runTidily runs the runtime. buildah starts it in the bundle.
func runTidily(runtime string, args []string) error {
	if slices.Contains(args, "create") {
		if err := prepare(); err != nil {
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

// prepare changes the container's configuration to what docker would have, makes
// what is mounted on, and notes what was not there.
func prepare() error {
	config, err := os.ReadFile("config.json")
	if err != nil {
		return fmt.Errorf("reading the container's configuration: %w", err)
	}
	var spec specs.Spec
	if err := json.Unmarshal(config, &spec); err != nil {
		return fmt.Errorf("reading the container's configuration: %w", err)
	}
	origins, err := origins(spec.Mounts)
	if err != nil {
		return err
	}
	spec.Mounts = slices.DeleteFunc(spec.Mounts, func(m specs.Mount) bool { return isVolume(m, origins[m.Source], spec.Root.Path) })
	var made []string
	for i := range spec.Mounts {
		mount := &spec.Mounts[i]
		isFile := false
		if info, err := os.Stat(mount.Source); err == nil && mount.Type == "bind" {
			isFile = !info.IsDir()
			if isForeign(mount, origins[mount.Source]) && (info.IsDir() || info.Mode().IsRegular()) {
				if err := keepAsIs(mount, i, isFile); err != nil {
					return fmt.Errorf("mounting %s: %w", mount.Destination, err)
				}
			}
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
	if err := os.WriteFile(placesFile, []byte(strings.Join(made, "\x00")), 0o600); err != nil {
		return err
	}
	if config, err = json.Marshal(spec); err != nil {
		return err
	}
	return os.WriteFile("config.json", config, 0o600)
}

// origins tells where in their file systems the sources of mounts are, which are
// mounts themselves.
func origins(mounts []specs.Mount) (map[string]string, error) {
	all, err := mountinfo.GetMounts(nil)
	if err != nil {
		return nil, fmt.Errorf("reading what is mounted: %w", err)
	}
	found := map[string]string{}
	for _, mount := range mounts {
		found[mount.Source] = mount.Source
		for _, info := range all {
			if info.Mountpoint == mount.Source {
				found[mount.Source] = info.Root
			}
		}
	}
	return found, nil
}

// isVolume tells the mounts that make what RUN writes to a VOLUME vanish, which
// it does not with docker.
func isVolume(mount specs.Mount, origin, root string) bool {
	return strings.Contains(origin, "/buildah-volumes/") ||
		mount.Type == "overlay" && slices.Contains(mount.Options, "lowerdir="+filepath.Join(root, mount.Destination))
}

// isForeign tells whether RUN could change by a mount what is not its own: the
// user's files, or those of another stage or image. Only a cache is for writing.
func isForeign(mount *specs.Mount, origin string) bool {
	return slices.Contains(mount.Options, "rw") && !strings.Contains(origin, "/buildah-cache")
}

// keepAsIs makes what is written by a mount vanish when RUN has ended.
func keepAsIs(mount *specs.Mount, number int, isFile bool) error {
	dir, err := filepath.Abs(fmt.Sprint("dockless-mount-", number))
	if err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	if isFile {
		copied := filepath.Join(dir, "file")
		if err := exec.Command("cp", "-p", mount.Source, copied).Run(); err != nil {
			return fmt.Errorf("copying %s: %w", mount.Source, err)
		}
		mount.Source = copied
		return nil
	}
	options := []string{"userxattr"}
	for name, path := range map[string]string{"lowerdir": mount.Source, "upperdir": filepath.Join(dir, "upper"), "workdir": filepath.Join(dir, "work")} {
		if name != "lowerdir" {
			if err := os.Mkdir(path, 0o755); err != nil {
				return err
			}
		}
		options = append(options, name+"="+strings.NewReplacer(`\`, `\\`, ",", `\,`, ":", `\:`).Replace(path))
	}
	mount.Type, mount.Source, mount.Options = "overlay", "overlay", options
	return nil
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
