package store

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/image/v5/pkg/sysregistriesv2"
	"github.com/containers/image/v5/types"
)

// newSystem is what containers/image has to know about this person: the
// registries.conf that Podman would read, and the credentials that HandOver has
// put by.
func newSystem() *types.SystemContext {
	return &types.SystemContext{
		SystemRegistriesConfPath: os.Getenv("CONTAINERS_REGISTRIES_CONF"),
		AuthFilePath:             handedOver(),
	}
}

// trust prepares the store for what the name leads to.
func (s *Store) trust(name reference.Named) error {
	return trust(s.system, name, func() (string, error) { return os.MkdirTemp(s.temp, "certs-") })
}

// reach is trust for who needs no store. done removes what it has made.
func reach(name reference.Named) (system *types.SystemContext, done func(), err error) {
	system, done = newSystem(), func() {}
	err = trust(system, name, func() (string, error) {
		dir, err := os.MkdirTemp("", "dockless-certs-")
		done = func() { os.RemoveAll(dir) }
		return dir, err
	})
	return system, done, err
}

// trust adds docker's rules to those of registries.conf: a registry on this
// machine may do without TLS, and docker's certificates count, too. makeDir
// makes a directory for the time of the command.
func trust(system *types.SystemContext, name reference.Named, makeDir func() (string, error)) error {
	if err := checkProxies(); err != nil {
		return err
	}
	endpoints, err := endpointsOf(system, name)
	if err != nil {
		return err
	}
	// The setting holds for all of them: one that has to prove who it is must not
	// be weakened by another on this machine.
	local := slices.ContainsFunc(endpoints, func(e endpoint) bool { return e.local() })
	strict := slices.ContainsFunc(endpoints, func(e endpoint) bool { return !e.local() && !e.insecure })
	system.DockerInsecureSkipTLSVerify = types.OptionalBoolUndefined
	if local && !strict {
		system.DockerInsecureSkipTLSVerify = types.OptionalBoolTrue
	}
	return addCertificates(system, endpoints, makeDir)
}

// endpoint is where an image may be: at a mirror, or in the registry itself.
type endpoint struct {
	reference.Named
	insecure bool
}

func (e endpoint) local() bool {
	host, _, err := net.SplitHostPort(reference.Domain(e))
	if err != nil {
		host = strings.Trim(reference.Domain(e), "[]")
	}
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// endpointsOf tells where registries.conf sends those who pull this name, in
// order.
func endpointsOf(system *types.SystemContext, name reference.Named) ([]endpoint, error) {
	known, err := sysregistriesv2.FindRegistry(system, name.Name())
	if err != nil {
		return nil, err // names the file
	}
	if known == nil {
		return []endpoint{{name, false}}, nil
	}
	sources, err := known.PullSourcesFromReference(name)
	if err != nil {
		return nil, fmt.Errorf("reading registries.conf: %w", err)
	}
	endpoints := make([]endpoint, len(sources))
	for i, source := range sources {
		endpoints[i] = endpoint{source.Reference, source.Endpoint.Insecure}
	}
	return endpoints, nil
}

// Endpoints names the repository as each registry has it that registries.conf
// sends those to who pull the name, mirrors first.
func Endpoints(name reference.Named) ([]reference.Named, error) {
	endpoints, err := endpointsOf(newSystem(), name)
	names := make([]reference.Named, len(endpoints))
	for i, e := range endpoints {
		names[i] = reference.TrimNamed(e.Named)
	}
	return names, err
}

// addCertificates makes ~/.config/docker/certs.d count, the directory of docker's
// rootless engine, which containers/image does not know. As there, one directory
// holds for a registry: the first that exists.
//
// Source: https://docs.docker.com/engine/security/certificates/ and the page
// containers-certs.d(5).
func addCertificates(system *types.SystemContext, endpoints []endpoint, makeDir func() (string, error)) error {
	containers, docker := certificateDirs()
	var links string
	for _, e := range endpoints {
		host := reference.Domain(e)
		if exists(filepath.Join(containers[0], host)) || !exists(filepath.Join(docker, host)) {
			continue
		}
		var err error
		if links, err = makeDir(); err != nil {
			return err
		}
		break
	}
	if links == "" {
		return nil
	}
	for _, e := range endpoints {
		host := reference.Domain(e)
		for _, dir := range slices.Insert(slices.Clone(containers), 1, docker) {
			if !exists(filepath.Join(dir, host)) {
				continue
			}
			if err := os.Symlink(filepath.Join(dir, host), filepath.Join(links, host)); err != nil && !os.IsExist(err) {
				return err
			}
			break
		}
	}
	system.DockerPerHostCertDirPath = links
	return nil
}

// certificateDirs are the directories that containers/image knows, in its order,
// and the one of docker's rootless engine, which comes second.
func certificateDirs() (containers []string, docker string) {
	home, _ := os.UserHomeDir()
	settings := os.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(settings) {
		settings = filepath.Join(home, ".config")
	}
	return []string{
		filepath.Join(home, ".config/containers/certs.d"),
		"/etc/containers/certs.d",
		"/etc/docker/certs.d",
	}, filepath.Join(settings, "docker/certs.d")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// checkProxies refuses a proxy that is none: Go would go on without it.
func checkProxies() error {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		value := os.Getenv(name)
		address := value
		if !strings.Contains(value, "://") {
			address = "http://" + value
		}
		if u, err := url.Parse(address); value == "" || err == nil && u.Host != "" {
			continue
		}
		return fmt.Errorf("%s is not the address of a proxy: %q; write http://HOST:PORT", name, value[strings.LastIndex(value, "@")+1:])
	}
	return nil
}

// proxyFor is the proxy that leads to an address, nil for none.
func proxyFor(address string) *url.URL {
	u, err := url.Parse(address)
	if err != nil {
		return nil
	}
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u})
	if err != nil {
		return nil
	}
	return proxy
}
