package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/containers/common/libnetwork/resolvconf"
	"github.com/containers/common/libnetwork/slirp4netns"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// The networks of RUN.
const (
	defaultNetwork = "default"
	hostNetwork    = "host"
	noNetwork      = "none"
)

// networkMode is the network that a RUN is to have.
func (p *process) networkMode() (string, error) {
	mode := p.Run.Network
	if mode == "" || mode == defaultNetwork {
		mode = p.build.Network
	}
	switch mode {
	case "", defaultNetwork, "bridge", "private":
		return defaultNetwork, nil
	case hostNetwork, noNetwork:
		return mode, nil
	}
	return "", fmt.Errorf("network mode %q not supported by a build; use default, host or none", mode)
}

// network is what one process has to itself while it runs. The next one gets it
// afterwards: no process of RUN can change anything about it.
type network struct {
	pool      *runtimes
	mode      string
	fresh     bool     // it was made for this process
	namespace *os.File // nil for the machine's own
	done      chan struct{}
	err       error  // after done
	stop      func() // ends the program that connects it
}

// network takes one that is free, or one yet to be made.
func (r *runtimes) network(mode string) *network {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if n := len(r.free) - 1; mode == defaultNetwork && n >= 0 {
		taken := r.free[n]
		r.free = r.free[:n]
		taken.fresh = false
		return taken
	}
	return &network{pool: r, mode: mode, done: make(chan struct{})}
}

// open makes the network namespace of a process the network's, and begins to
// connect it.
func (n *network) open(pid int) (err error) {
	if n.namespace, err = os.Open(fmt.Sprintf("/proc/%d/ns/net", pid)); err != nil {
		return err
	}
	if n.mode != defaultNetwork {
		close(n.done)
		return nil
	}
	n.pool.busy.Add(1)
	go func() {
		defer n.pool.busy.Done()
		defer close(n.done)
		n.err = n.connect()
	}()
	return nil
}

// ready waits until it is connected.
func (n *network) ready(ctx context.Context) error {
	if n.namespace == nil {
		return nil
	}
	select {
	case <-n.done:
		return n.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// release gives it to the next one.
func (n *network) release() error {
	if n.namespace == nil {
		return nil
	}
	n.pool.busy.Add(1)
	go func() { // it may not even be connected
		defer n.pool.busy.Done()
		<-n.done
		n.pool.mutex.Lock()
		defer n.pool.mutex.Unlock()
		if n.err == nil && n.mode == defaultNetwork && !n.pool.closed {
			n.pool.free = append(n.pool.free, n)
			return
		}
		n.close()
	}()
	return nil
}

func (n *network) close() {
	if n.stop != nil {
		n.stop()
	}
	n.namespace.Close()
}

// connect starts the program that connects it with the world.
func (n *network) connect() error {
	conf, err := n.pool.load()
	if err != nil {
		return err
	}
	path := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), n.namespace.Fd())
	if conf.networking == "pasta" {
		return n.pasta(conf, path)
	}
	return n.slirp(conf, path)
}

func (n *network) slirp(conf *runtimeConfig, path string) error {
	mine := *conf.Config
	mine.Engine.TmpDir = n.pool.temp
	ends, end, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ends.Close()
	started, err := slirp4netns.Setup(&slirp4netns.SetupOptions{
		Config: &mine, Netns: path, ContainerID: filepath.Base(path),
		Slirp4netnsExitPipeR: ends, // it ends with us, however that happens
	})
	if err != nil {
		end.Close()
		return fmt.Errorf("giving RUN a network: %w", err)
	}
	n.stop = func() {
		end.Close()
		_ = unix.Kill(started.Pid, unix.SIGKILL)
		_, _ = unix.Wait4(started.Pid, nil, 0, nil)
	}
	return nil
}

// pastaResolver is an address at which pasta passes on what is asked of the
// machine's own resolver.
const pastaResolver = "169.254.1.1"

// hostGateway stands for this machine's address.
const hostGateway = "host-gateway"

// pastaGateway is an address that pasta makes this machine's of: it gives the
// process the machine's own.
const pastaGateway = "169.254.1.2"

func (n *network) pasta(conf *runtimeConfig, path string) error {
	program, err := conf.FindHelperBinary("pasta", true)
	if err != nil {
		return err
	}
	pid := filepath.Join(n.pool.temp, "pasta-"+filepath.Base(path))
	args := []string{"--config-net", "--foreground", "--quiet", "--pid", pid, "--dns-forward", pastaResolver}
	if conf.guestAddress {
		args = append(args, "--map-guest-addr", pastaGateway)
	}
	options := conf.Network.PastaOptions.Get()
	for long, short := range map[string]string{"--tcp-ports": "-t", "--udp-ports": "-u", "--tcp-ns": "-T", "--udp-ns": "-U"} {
		if !slices.Contains(options, long) && !slices.Contains(options, short) {
			args = append(args, short, "none")
		}
	}
	if i := slices.Index(options, "--map-gw"); i >= 0 { // not an option of pasta's
		options = slices.Delete(slices.Clone(options), i, i+1)
	} else {
		args = append(args, "--no-map-gw")
	}
	var complaint strings.Builder
	cmd := exec.Command(program, append(append(args, options...), "--netns", path)...)
	cmd.Stderr = &complaint
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true, Pdeathsig: unix.SIGKILL}
	ended := make(chan struct{})
	started := make(chan error, 1)
	go func() {
		defer close(ended)
		runtime.LockOSThread() // which it must not outlive
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // cmd.ProcessState says how it was
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("giving RUN a network: %w", err)
	}
	for {
		if text, err := os.ReadFile(pid); err == nil && len(text) > 0 {
			break // it writes this when it is ready
		}
		select {
		case <-ended:
			return fmt.Errorf("giving RUN a network: pasta: %s: %s", cmd.ProcessState, strings.TrimSpace(complaint.String()))
		case <-time.After(time.Millisecond):
		}
	}
	n.stop = func() {
		_ = cmd.Process.Kill()
		<-ended
	}
	return nil
}

// resolvConf writes the /etc/resolv.conf of a process.
func (r *run) resolvConf(conf *runtimeConfig, mode string) (string, error) {
	path := filepath.Join(r.dir, "resolv.conf")
	params := resolvconf.Params{
		Path: path, IPv6Enabled: true,
		Nameservers: conf.Containers.DNSServers.Get(), Searches: conf.Containers.DNSSearches.Get(), Options: conf.Containers.DNSOptions.Get(),
	}
	if mode != hostNetwork {
		params.Namespaces = []specs.LinuxNamespace{{Type: specs.NetworkNamespace}}
	}
	if mode == defaultNetwork && len(params.Nameservers) == 0 {
		params.Nameservers, params.KeepHostServers = []string{conf.resolver()}, true
	}
	if err := resolvconf.New(&params); err != nil {
		return "", fmt.Errorf("writing resolv.conf: %w", err)
	}
	return path, nil
}

// hosts writes the /etc/hosts of a process.
func (r *run) hosts(conf *runtimeConfig, mode string) (string, error) {
	text := "127.0.0.1\tlocalhost " + r.Host + "\n::1\tlocalhost ip6-localhost ip6-loopback\n"
	for _, host := range r.build.Hosts {
		name, address, _ := strings.Cut(host, ":")
		if address == hostGateway {
			var err error
			if address, err = r.gateway(conf, mode); err != nil {
				return "", fmt.Errorf("--add-host %s: %w", host, err)
			}
		}
		text += strings.Trim(address, "[]") + "\t" + name + "\n"
	}
	path := filepath.Join(r.dir, "hosts")
	return path, os.WriteFile(path, []byte(text), 0o644)
}

// gateway is the address at which a process reaches this machine.
func (r *run) gateway(conf *runtimeConfig, mode string) (string, error) {
	if mode != defaultNetwork || conf.networking != "pasta" {
		return r.build.Gateway()
	}
	if !conf.guestAddress {
		return "", errors.New("this pasta is too old for it: install slirp4netns, or give an address")
	}
	return pastaGateway, nil
}
