package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/containers/image/v5/docker"
	"github.com/containers/image/v5/docker/reference"
)

// answerPatience is how long a registry may take over what needs one or two
// requests.
const answerPatience = 30 * time.Second

// ErrUnauthorized is a registry's answer to credentials that it does not accept.
var ErrUnauthorized = errors.New("unauthorized")

// CheckLogin asks a registry, a host with or without a port, whether it accepts a
// name and a password. If it does not, the error is ErrUnauthorized.
func CheckLogin(ctx context.Context, host, username, password string) error {
	name, err := reference.ParseNormalizedNamed(host + "/login")
	if err != nil || reference.Domain(name) != host {
		return fmt.Errorf("%q is not the address of a registry: write HOST or HOST:PORT", host)
	}
	system, done, err := reach(name)
	defer done()
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	err = docker.CheckAuth(limited, system, username, password, host)
	var (
		refused docker.ErrUnauthorizedForCredentials
		request *url.Error
	)
	switch {
	case errors.As(err, &refused):
		url := "https://" + host + "/v2/"
		switch {
		case host == "docker.io":
			url = "https://registry-1.docker.io/v2/"
		case (endpoint{Named: name}).local():
			url = "http://" + host + "/v2/"
		}
		return &unauthorized{fmt.Sprintf("Get %q: %s", url, answer(refused.Err))}
	case ctx.Err() == nil && limited.Err() != nil:
		return fmt.Errorf("%s does not answer within %v", host, answerPatience)
	case errors.As(err, &request):
		return requestError(name, request)
	case err != nil:
		return plainly(host, err)
	}
	return nil
}

// unauthorized is ErrUnauthorized in docker's words.
type unauthorized struct{ text string }

func (u *unauthorized) Error() string   { return u.text }
func (u *unauthorized) Is(e error) bool { return e == ErrUnauthorized }
