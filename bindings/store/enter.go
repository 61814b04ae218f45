package store

import (
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/containers/storage/pkg/unshare"
	"golang.org/x/sys/unix"
)

// Enter runs the program again in the user namespace in which the person's
// images are stored, and returns in that second process only; the first one
// passes signals on and ends with its exit code. All that comes before Enter
// therefore happens twice: read the arguments first, then Enter, then act.
// Root is in the right namespace already.
func Enter() {
	if signal.Ignored(unix.SIGHUP) { // which the library changes, for both processes
		_ = os.Setenv(nohup, "1")
	}
	unshare.MaybeReexecUsingUserNamespace(false)
}

// nohup is set for the second process where the person has started the first one
// with nohup.
const nohup = "DOCKLESS_NOHUP"

// IgnoreHangup lets a hangup be nothing to the second process if it is nothing to
// the first one.
func IgnoreHangup() {
	if os.Getenv(nohup) != "" {
		signal.Ignore(unix.SIGHUP)
	}
}

// Entered tells whether this is the second process of Enter.
func Entered() bool {
	return os.Getenv(unshare.UsernsEnvName) != ""
}

// CalledAs is the name by which the person called the program, of which Enter
// makes "NAME-in-a-user-namespace".
func CalledAs(arg0 string) string {
	return strings.TrimSuffix(filepath.Base(arg0), "-in-a-user-namespace")
}

// program is that name where it is one of ours, for messages that say what to
// type.
func program() string {
	if len(os.Args) > 0 && CalledAs(os.Args[0]) == "docker" {
		return "docker"
	}
	return "dockless"
}
