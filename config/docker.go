// Package config reads Docker's configuration files.
package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/docker/cli/cli/config/configfile"
)

// DockerDir is the directory of Docker's config.json: chosen if that is not
// empty, else DOCKER_CONFIG, else ~/.docker.
//
// Source: https://docs.docker.com/reference/cli/docker/#change-the-docker-directory
func DockerDir(chosen string) (string, error) {
	if chosen != "" {
		return filepath.Clean(chosen), nil
	}
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("looking for Docker's configuration: %w", err)
	}
	return filepath.Join(home, ".docker"), nil
}

// ReadDocker reads config.json in dir. A file that is not there is an empty
// one. With an error it still returns what could be read; the error is worded
// as Docker's warning is, after its "WARNING: Error ".
func ReadDocker(dir string) (*configfile.ConfigFile, error) {
	name := filepath.Join(dir, "config.json")
	read := configfile.New(name)
	file, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return read, nil
	}
	if err != nil {
		return read, fmt.Errorf("loading config file: %w", err)
	}
	defer file.Close()
	if err := read.LoadFromReader(file); err != nil {
		return read, fmt.Errorf("parsing config file (%s): %w", name, err)
	}
	return read, nil
}
