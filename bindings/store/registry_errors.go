package store

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
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
	if err == nil {
		return nil
	}
	var (
		request *url.Error
		login   docker.ErrUnauthorizedForCredentials
	)
	if parsed, err := reference.ParseNormalizedNamed(name.String()); err == nil {
		name = parsed // of a type that knows its short form
	}
	code, said := refusal(err)
	switch {
	case errors.As(err, &login):
		return fmt.Errorf("%s access denied for %s: the credentials for %s are not accepted: %s: log in again: %s",
			action, reference.FamiliarName(name), reference.Domain(name), answer(login.Err), loginCommand(name))
	case code == registry.ErrorCodeManifestUnknown:
		return fmt.Errorf("manifest for %s not found: %s", reference.FamiliarString(name), said)
	case code == registry.ErrorCodeNameUnknown, code == errcode.ErrorCodeDenied, code == errcode.ErrorCodeUnauthorized,
		mentions(err, "StatusCode: 401,"), mentions(err, "StatusCode: 403,"), mentions(err, "status code from registry 403"):
		return fmt.Errorf("%s access denied for %s, repository does not exist or may require '%s': %s",
			action, reference.FamiliarName(name), loginCommand(name), said)
	case errors.Is(err, docker.ErrTooManyRequests), code == errcode.ErrorCodeTooManyRequests, mentions(err, "StatusCode: 429,"):
		return fmt.Errorf("toomanyrequests: %s is asked too often; try again later, or log in for a higher limit with '%s': %s",
			reference.Domain(name), loginCommand(name), said)
	case mentions(err, "StatusCode: 407,"):
		return proxyRefused(proxyFor("http://"+reference.Domain(name)), errors.New(http.StatusText(http.StatusProxyAuthRequired)))
	case errors.As(err, &request):
		return requestError(name, request)
	}
	return plainly(reference.Domain(name), err)
}

// plainly makes sure that an error which came of a registry's answer names the
// registry.
func plainly(host string, err error) error {
	said := statusText(err.Error())
	of := strings.Contains(said, "unexpected HTTP status") || said == io.ErrUnexpectedEOF.Error()
	switch {
	case of && !strings.Contains(said, host):
		return fmt.Errorf("reading from %s: %s", host, said)
	case said != err.Error():
		return errors.New(said)
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

// refusal is the code of what a registry answered, and its answer in docker's
// words; without one in err, the code is zero and the answer is all of err.
func refusal(err error) (errcode.ErrorCode, string) {
	var (
		list  errcode.Errors
		whole errcode.Error
		code  errcode.ErrorCode // stands for one with the usual message
	)
	if errors.As(err, &list) && len(list) > 0 {
		err = list[0]
	}
	switch {
	case errors.As(err, &whole) && whole.Message != "":
		return whole.Code, whole.Code.Error() + ": " + whole.Message
	case errors.As(err, &whole):
		code = whole.Code
	case !errors.As(err, &code):
		return 0, statusText(err.Error())
	}
	return code, code.Error() + ": " + code.Message()
}

// answer is what the registry said, without what led to it.
func answer(err error) string {
	_, said := refusal(err)
	return said
}

// statusText puts what containers/image says of an answer without a reason,
// StatusCode: 403, "<html>…", into docker's words.
func statusText(text string) string {
	before, after, found := strings.Cut(text, "StatusCode: ")
	number, body, _ := strings.Cut(after, ", ")
	status, err := strconv.Atoi(number)
	if !found || err != nil || http.StatusText(status) == "" {
		return text
	}
	if body != `""` {
		body = ": " + body
	} else {
		body = ""
	}
	return fmt.Sprintf("%sreceived unexpected HTTP status: %d %s%s", before, status, http.StatusText(status), body)
}

func mentions(err error, text string) bool { return strings.Contains(err.Error(), text) }

// requestError explains why a registry could not even be asked.
func requestError(name reference.Named, request *url.Error) error {
	var (
		unknown x509.UnknownAuthorityError
		network *net.OpError
	)
	host := reference.Domain(name)
	if strings.HasPrefix(request.URL, "https://index.docker.io/") {
		host = "index.docker.io" // for searches: its certificates are its own
	}
	containers, _ := certificateDirs()
	proxy := proxyFor(request.URL)
	switch {
	case proxy != nil && errors.As(request, &network) && network.Op == "proxyconnect":
		return fmt.Errorf("the proxy %s cannot be reached: %w: see HTTPS_PROXY, HTTP_PROXY and NO_PROXY", proxy.Redacted(), network.Err)
	case errors.As(request, &unknown):
		return fmt.Errorf("%w: if you trust it, put the certificate of its authority into %s", request, filepath.Join(containers[0], host, "ca.crt"))
	case mentions(request, "server gave HTTP response to HTTPS client"):
		return fmt.Errorf("%w: to allow a registry without TLS, put [[registry]], location = %q and insecure = true, a line each, into %s",
			request, host, filepath.Join(filepath.Dir(containers[0]), "registries.conf.d/insecure.conf"))
	case proxy == nil:
		return request
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
