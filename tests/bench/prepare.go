package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// prepare gives the host the image, a running container to exec in, some that
// have ended, a warm service, and a bundle for the bare runtime.
func prepare(ctx context.Context, dockless, base string) (bundle string, err error) {
	// First of all: it has the store use overlay, which Podman 4.3.1 would not.
	if err := quietly(ctx, dockless, "ps"); err != nil {
		return "", err
	}
	if err := quietly(ctx, "podman", "image", "exists", image); err != nil {
		if err := quietly(ctx, "podman", "import", base, image); err != nil {
			return "", err
		}
	}
	if err := quietly(ctx, "podman", "rm", "-fa", "-t0"); err != nil {
		return "", err
	}
	if err := quietly(ctx, "podman", "run", "-d", "--name", "bench-target", image, "sleep", "100000"); err != nil {
		return "", err
	}
	for range 11 {
		if err := quietly(ctx, "podman", "create", image, "true"); err != nil {
			return "", err
		}
	}
	bundle, err = os.MkdirTemp("", "bundle")
	if err != nil {
		return "", err
	}
	root := filepath.Join(bundle, "rootfs")
	if err := os.Mkdir(root, 0o755); err != nil {
		return "", err
	}
	if err := quietly(ctx, "tar", "-C", root, "-xf", base); err != nil {
		return "", err
	}
	return bundle, writeSpec(ctx, bundle)
}

// writeSpec makes crun's own example configuration run true without a terminal.
func writeSpec(ctx context.Context, bundle string) error {
	spec := exec.CommandContext(ctx, "crun", "spec", "--rootless")
	spec.Dir = bundle
	if out, err := spec.CombinedOutput(); err != nil {
		return fmt.Errorf("crun spec: %w: %s", err, out)
	}
	path := filepath.Join(bundle, "config.json")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var config map[string]any
	if err := json.Unmarshal(text, &config); err != nil {
		return fmt.Errorf("reading crun's configuration: %w", err)
	}
	process, ok := config["process"].(map[string]any)
	if !ok {
		return errors.New("crun's configuration has no process")
	}
	process["terminal"], process["args"] = false, []string{"/bin/true"}
	text, err = json.Marshal(config)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}
