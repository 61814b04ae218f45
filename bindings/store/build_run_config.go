package store

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"sync"

	"github.com/containers/common/pkg/config"
)

// runtimes is what the processes of all builds share.
type runtimes struct {
	temp    string
	gateway bool // somebody needs this machine's address
	once    sync.Once
	conf    *runtimeConfig
	err     error
	mutex   sync.Mutex
	closed  bool
	free    []*network
	busy    sync.WaitGroup
}

// runtimeConfig is what containers.conf says for Podman's containers, and what
// there is to run them with.
type runtimeConfig struct {
	*config.Config
	path         string // of the runtime
	networking   string // the program for networks
	guestAddress bool   // pasta has --map-guest-addr, and somebody needs it
}

// load reads containers.conf, once.
func (r *runtimes) load() (*runtimeConfig, error) {
	r.once.Do(func() {
		conf, err := config.Reload() // the prelude hid it
		if err != nil {
			r.err = fmt.Errorf("reading containers.conf: %w", err)
			return
		}
		r.conf = &runtimeConfig{Config: conf}
		if r.conf.path, r.err = runtimePath(conf); r.err == nil {
			r.conf.networking, r.err = rootlessNetwork(conf)
		}
		if r.gateway && r.conf.networking == "pasta" {
			program, _ := conf.FindHelperBinary("pasta", true) // it is there
			help, _ := exec.Command(program, "--help").CombinedOutput()
			r.conf.guestAddress = bytes.Contains(help, []byte("--map-guest-addr"))
		}
	})
	return r.conf, r.err
}

// close ends the networks.
func (r *runtimes) close() {
	r.mutex.Lock()
	r.closed = true
	for _, network := range r.free {
		network.close()
	}
	r.free = nil
	r.mutex.Unlock()
	r.busy.Wait()
}

// runtimePath finds the runtime that containers.conf names, or one of those
// that work as well.
func runtimePath(conf *config.Config) (string, error) {
	for _, name := range []string{conf.Engine.OCIRuntime, "crun", "runc"} {
		for _, path := range append(conf.Engine.OCIRuntimes[name], name) {
			if found, err := exec.LookPath(path); err == nil {
				return found, nil
			}
		}
	}
	return "", fmt.Errorf("no program to run containers with (%s): install crun", conf.Engine.OCIRuntime)
}

// rootlessNetwork is the program that gives the processes of RUN a network: what
// containers.conf says, or what is there.
func rootlessNetwork(conf *config.Config) (string, error) {
	names := []string{"slirp4netns", "pasta"}
	if conf.Network.DefaultRootlessNetworkCmd == "pasta" {
		names = []string{"pasta", "slirp4netns"}
	}
	for _, name := range names {
		if _, err := conf.FindHelperBinary(name, true); err == nil {
			return name, nil
		}
	}
	return "", fmt.Errorf("neither slirp4netns nor pasta is there to give RUN a network: install one, or build with --network host (PATH is %s)", os.Getenv("PATH"))
}

// resolver is the address that the program for networks answers at for DNS.
func (c *runtimeConfig) resolver() string {
	if c.networking == "pasta" {
		return pastaResolver
	}
	return "10.0.2.3"
}
