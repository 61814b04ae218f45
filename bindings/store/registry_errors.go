package store

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/containers/image/v5/docker"
	"github.com/containers/image/v5/docker/reference"
	"github.com/docker/distribution/registry/api/errcode"
	registry "github.com/docker/distribution/registry/api/v2"
)

// registryError puts what a registry answered to a pull into docker's words, and
// says what to do about it.
func registryError(name reference.Named, err error) error {
	return registryRefused("pull", name, err)
}

// registryRefused is registryError for what was done, "pull" or "push".
func registryRefused(action string, name reference.Named, err error) error {
	var (
		refused errcode.Error
		request *url.Error
		login   docker.ErrUnauthorizedForCredentials
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &login):
		return fmt.Errorf("%s access denied for %s: the credentials for %s are not accepted: %s: log in again: %s",
			action, reference.FamiliarName(name), reference.Domain(name), answer(login.Err), loginCommand(name))
	case errors.As(err, &refused) && refused.Code == registry.ErrorCodeManifestUnknown:
		return fmt.Errorf("manifest for %s not found: manifest unknown: %s", reference.FamiliarString(name), refused.Message)
	case errors.As(err, &refused) && (refused.Code == registry.ErrorCodeNameUnknown || refused.Code == errcode.ErrorCodeDenied || refused.Code == errcode.ErrorCodeUnauthorized),
		mentions(err, "StatusCode: 401,"), mentions(err, "StatusCode: 403,"), mentions(err, "status code from registry 403"):
		return fmt.Errorf("%s access denied for %s, repository does not exist or may require '%s': %s",
			action, reference.FamiliarName(name), loginCommand(name), answer(err))
	case errors.Is(err, docker.ErrTooManyRequests), errors.As(err, &refused) && refused.Code == errcode.ErrorCodeTooManyRequests, mentions(err, "StatusCode: 429,"):
		return fmt.Errorf("toomanyrequests: %s answers that it is asked too often; try again later, or log in for a higher limit: %s: %w",
			reference.Domain(name), loginCommand(name), err)
	case mentions(err, "StatusCode: 407,"):
		return proxyRefused(proxyFor("http://"+reference.Domain(name)), errors.New(http.StatusText(http.StatusProxyAuthRequired)))
	case errors.As(err, &request):
		return requestError(name, request)
	}
	return err
}

// loginCommand is what to type to log in where the name leads to.
func loginCommand(name reference.Named) string {
	if domain := reference.Domain(name); domain != "docker.io" {
		return program() + " login " + domain
	}
	return program() + " login"
}

// answer is what the registry said, without what led to it.
func answer(err error) string {
	var refused errcode.Error
	if !errors.As(err, &refused) {
		return err.Error()
	}
	if refused.Message == "" || refused.Message == refused.Code.Message() {
		return refused.Code.Error() + ": " + refused.Code.Message()
	}
	return refused.Code.Error() + ": " + refused.Message
}

func mentions(err error, text string) bool { return strings.Contains(err.Error(), text) }

// requestError explains why a registry could not even be asked.
func requestError(name reference.Named, request *url.Error) error {
	var (
		unknown x509.UnknownAuthorityError
		network *net.OpError
	)
	host := reference.Domain(name)
	containers, _ := certificateDirs()
	proxy := proxyFor(request.URL)
	switch {
	case errors.As(request, &unknown):
		return fmt.Errorf("%w: if you trust it, put the certificate of its authority into %s", request, filepath.Join(containers[0], host, "ca.crt"))
	case mentions(request, "server gave HTTP response to HTTPS client"):
		return fmt.Errorf("%w: to allow a registry without TLS, put [[registry]], location = %q and insecure = true, a line each, into %s",
			request, host, filepath.Join(filepath.Dir(containers[0]), "registries.conf.d/insecure.conf"))
	case proxy == nil:
		return request
	case errors.As(request, &network) && network.Op == "proxyconnect":
		return fmt.Errorf("the proxy %s does not answer: %w: see HTTPS_PROXY, HTTP_PROXY and NO_PROXY", proxy.Redacted(), network.Err)
	case mentions(request, http.StatusText(http.StatusProxyAuthRequired)):
		return proxyRefused(proxy, request.Err)
	}
	return fmt.Errorf("%w (through the proxy %s)", request, proxy.Redacted())
}

// proxyRefused says that a proxy wants to know who asks.
func proxyRefused(proxy *url.URL, err error) error {
	if proxy == nil {
		return err
	}
	if proxy.User != nil {
		return fmt.Errorf("the proxy %s does not accept the name and password in its address: %w", proxy.Redacted(), err)
	}
	return fmt.Errorf("the proxy %s wants a name and a password: %w: write them into its address, http://NAME:PASSWORD@%s", proxy.Redacted(), err, proxy.Host)
}
