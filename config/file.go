package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/BurntSushi/toml"
)

// File is dockless's own file, ~/.config/dockless/config.toml.
type File struct {
	// IdleTimeout is how long a service outlives its last request: "90s", "5m",
	// a number of seconds, or "0" for ever.
	IdleTimeout string `toml:"idle_timeout"`
	// StallTimeout is how long a connection to a registry may bring nothing:
	// "90s", "5m" or a number of seconds.
	StallTimeout string `toml:"stall_timeout"`
}

// Read reads the file; one that is not there is empty. A key that dockless does
// not know is an error, because a setting must not be ignored in silence.
func Read() (File, error) {
	var file File
	home, err := os.UserHomeDir()
	if err != nil {
		return file, nil //nolint:nilerr // no home, no file
	}
	path := filepath.Join(xdg("XDG_CONFIG_HOME", home, ".config"), "dockless/config.toml")
	known, err := toml.DecodeFile(path, &file)
	if errors.Is(err, os.ErrNotExist) {
		return file, nil
	}
	if err != nil {
		return file, fmt.Errorf("reading %s: %w", path, err)
	}
	if unknown := known.Undecoded(); len(unknown) > 0 {
		return file, fmt.Errorf("reading %s: unknown key %q", path, unknown[0])
	}
	return file, nil
}

// defaultIdle lets a person's next command find the service still there, and
// does not keep it for the night.
const defaultIdle = time.Minute

// IdleTimeout is how long a service outlives its last request, 0 for ever: what
// DOCKLESS_IDLE_TIMEOUT says, else config.toml, else a minute.
func IdleTimeout() (time.Duration, error) {
	if value := os.Getenv("DOCKLESS_IDLE_TIMEOUT"); value != "" {
		return parseTime("DOCKLESS_IDLE_TIMEOUT", value, "0 for ever")
	}
	file, err := Read()
	if err != nil || file.IdleTimeout == "" {
		return defaultIdle, err
	}
	return parseTime("idle_timeout", file.IdleTimeout, "0 for ever")
}

// defaultStall is longer than any pause that a connection recovers from.
const defaultStall = time.Minute

// StallTimeout is how long a connection to a registry may bring nothing: what
// DOCKLESS_STALL_TIMEOUT says, else config.toml, else a minute.
func StallTimeout() (time.Duration, error) {
	name, value := "DOCKLESS_STALL_TIMEOUT", os.Getenv("DOCKLESS_STALL_TIMEOUT")
	if value == "" {
		file, err := Read()
		if err != nil || file.StallTimeout == "" {
			return defaultStall, err
		}
		name, value = "stall_timeout", file.StallTimeout
	}
	d, err := parseTime(name, value, "1h")
	if err == nil && d == 0 {
		err = fmt.Errorf("%s must not be 0", name)
	}
	return d, err
}

func parseTime(name, value, longest string) (time.Duration, error) {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, nil
	}
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%s %q is not a time; write 90s, 5m or %s", name, value, longest)
	}
	return d, nil
}
