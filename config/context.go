package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
)

// ContextHost returns the address of a docker context's endpoint, such as
// unix:///run/user/1000/podman/podman.sock. dir is the directory of config.json,
// see DockerDir.
//
// Source: https://docs.docker.com/engine/manage-resources/contexts/#the-anatomy-of-a-context
func ContextHost(dir, name string) (string, error) {
	dir, err := DockerDir(dir)
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(filepath.Join(dir, "contexts/meta", digest.FromString(name).Encoded(), "meta.json"))
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("context %q: context not found", name)
	}
	if err != nil {
		return "", fmt.Errorf("context %q: %w", name, err)
	}
	var meta struct {
		Endpoints struct {
			Docker struct{ Host string } `json:"docker"`
		}
	}
	if err := json.Unmarshal(text, &meta); err != nil {
		return "", fmt.Errorf("context %q: reading meta.json: %w", name, err)
	}
	return meta.Endpoints.Docker.Host, nil
}
