package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// registry is Debian's docker-registry on loopback.
type registry struct {
	address string // 127.0.0.1:PORT
	dir     string
	process *exec.Cmd
}

// startRegistry starts an empty registry that keeps its data below dir.
func startRegistry(ctx context.Context, dir string) (*registry, error) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &registry{address: free.Addr().String(), dir: filepath.Join(dir, "registry")}
	if err := free.Close(); err != nil {
		return nil, err
	}
	return r, r.start(ctx)
}

func (r *registry) start(ctx context.Context) error {
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return err
	}
	config := filepath.Join(r.dir, "config.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: %s}\n", r.dir, r.address)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return err
	}
	r.process = exec.CommandContext(ctx, "docker-registry", "serve", config)
	if err := r.process.Start(); err != nil {
		return err
	}
	for range 200 {
		if connection, err := net.Dial("tcp", r.address); err == nil {
			return connection.Close()
		}
		time.Sleep(20 * time.Millisecond) // it does not tell when it listens
	}
	return errors.New("docker-registry does not answer")
}

// stop ends the registry and deletes what it holds.
func (r *registry) stop() error {
	if err := r.process.Process.Kill(); err != nil {
		return err
	}
	_ = r.process.Wait() // killed
	return os.RemoveAll(r.dir)
}

// empty makes the registry forget everything.
func (r *registry) empty(ctx context.Context) error {
	if err := r.stop(); err != nil {
		return err
	}
	return r.start(ctx)
}
