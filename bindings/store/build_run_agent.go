package store

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/containers/buildah/pkg/sshagent"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// agent shows an agent's socket.
func (r *run) agent(i int) (*specs.Mount, error) {
	mount := &r.Mounts[i]
	id := mount.ID
	if id == "" {
		id = "default"
	}
	sources, given := r.build.SSH[id]
	if !given {
		if mount.Required {
			return nil, fmt.Errorf("unset ssh forward key %s", id)
		}
		return nil, nil
	}
	dir, err := r.private()
	if err != nil {
		return nil, err
	}
	socket := filepath.Join(dir, fmt.Sprint("agent-", i))
	stop, err := serveAgent(socket, sources)
	if err != nil {
		return nil, fmt.Errorf("forwarding the SSH agent %s: %w", id, err)
	}
	r.undo = append(r.undo, stop)
	if err := errors.Join(os.Chown(socket, mount.UID, mount.GID), os.Chmod(socket, modeOr(mount, 0o600))); err != nil {
		return nil, err
	}
	return &specs.Mount{Type: "bind", Source: socket, Options: []string{"rbind"}}, nil
}

// serveAgent answers at a socket with another agent's keys, whose socket is the
// one source, or with those of the files that the sources are. Who asks goes with
// the process.
func serveAgent(socket string, sources []string) (stop func() error, err error) {
	source, err := sshagent.NewSource(sources)
	if err != nil {
		return nil, err
	}
	keys := agent.NewKeyring().(agent.ExtendedAgent)
	for _, key := range source.Keys {
		if err := keys.Add(agent.AddedKey{PrivateKey: key}); err != nil {
			return nil, err
		}
	}
	listener, err := listenIn(filepath.Dir(socket), filepath.Base(socket))
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return // it is closed
			}
			go func() {
				defer client.Close()
				answers := keys
				if source.Socket != "" {
					server, err := net.Dial("unix", source.Socket)
					if err != nil {
						return
					}
					defer server.Close()
					answers = agent.NewClient(server)
				}
				_ = agent.ServeAgent(unchanged{answers}, client) // it only ends with the client
			}()
		}
	}()
	return listener.Close, nil
}

// unchanged is an agent that RUN can use and not change. It is an extended one as
// without that it would sign with an RSA key in a way that no server takes.
type unchanged struct{ agent.ExtendedAgent }

var errUnchanged = errors.New("a build does not change the SSH agent")

// Add refuses.
func (unchanged) Add(agent.AddedKey) error { return errUnchanged }

// Remove refuses.
func (unchanged) Remove(ssh.PublicKey) error { return errUnchanged }

// RemoveAll refuses.
func (unchanged) RemoveAll() error { return errUnchanged }

// Lock refuses.
func (unchanged) Lock([]byte) error { return errUnchanged }

// Unlock refuses.
func (unchanged) Unlock([]byte) error { return errUnchanged }

// Extension refuses: what an agent knows beyond signing need not leave it as it is.
func (unchanged) Extension(string, []byte) ([]byte, error) { return nil, agent.ErrExtensionUnsupported }

// listenIn listens at a socket in a directory whose own path may be longer than
// the path of a socket can be.
func listenIn(directory, name string) (net.Listener, error) {
	dir, err := os.Open(directory)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), name)})
	if err != nil {
		return nil, err
	}
	listener.SetUnlinkOnClose(false) // it goes with the directory
	return listener, nil
}
