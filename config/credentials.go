package config

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/types"
)

// HubKey is what Docker Hub's credentials are filed under.
const HubKey = "https://index.docker.io/v1/"

// CredentialsKey is what the credentials for a registry are filed under; server
// is what a person types for it: a host with or without a port, a URL, or "" for
// Docker Hub.
func CredentialsKey(server string) string {
	switch server {
	case "", "docker.io", "index.docker.io", "registry-1.docker.io", HubKey:
		return HubKey
	}
	return hostOf(server)
}

// hostOf is the host and the port of an address that may be a URL.
func hostOf(address string) string {
	if strings.Contains(address, "://") {
		if u, err := url.Parse(address); err == nil && u.Host != "" {
			return u.Host
		}
	}
	_, rest, found := strings.Cut(address, "://")
	if !found {
		rest = address
	}
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// FindCredentials returns a person's credentials for a registry, as docker finds
// them: DOCKER_AUTH_CONFIG first, then the credential helper that config.json
// names for the registry or for all, and if it names none config.json itself.
// None are no error, and a DOCKER_AUTH_CONFIG that is broken is one beside what
// the others say. key is CredentialsKey's.
//
// Source: https://docs.docker.com/reference/cli/docker/login/#credential-stores
func FindCredentials(ctx context.Context, file *configfile.ConfigFile, key string) (types.AuthConfig, error) {
	found, broken := environmentCredentials(key)
	if found != (types.AuthConfig{}) {
		return found, nil
	}
	if helper := helperFor(file, key); helper != "" {
		found, err := helperGet(ctx, helper, key)
		return found, errors.Join(broken, err)
	}
	return find(file.AuthConfigs, key), broken
}

// credentialsVariable is the variable that takes precedence over config.json.
const credentialsVariable = "DOCKER_AUTH_CONFIG"

// CredentialsAreGiven tells whether DOCKER_AUTH_CONFIG is set.
func CredentialsAreGiven() bool { return os.Getenv(credentialsVariable) != "" }

func environmentCredentials(key string) (types.AuthConfig, error) {
	text := os.Getenv(credentialsVariable)
	if text == "" {
		return types.AuthConfig{}, nil
	}
	given := configfile.New("")
	if err := given.LoadFromReader(strings.NewReader(text)); err != nil {
		return types.AuthConfig{}, fmt.Errorf("reading %s: %w", credentialsVariable, err)
	}
	return find(given.AuthConfigs, key), nil
}

// find looks a key up among credentials, some of which may be filed under a URL,
// as docker did once.
func find(among map[string]types.AuthConfig, key string) types.AuthConfig {
	found, ok := among[key]
	if ok {
		return found
	}
	for address, credentials := range among {
		if hostOf(address) == key || key == HubKey && CredentialsKey(address) == HubKey {
			return credentials
		}
	}
	return types.AuthConfig{}
}

// helperFor is the name of the credential helper for a key, "" for none.
func helperFor(file *configfile.ConfigFile, key string) string {
	if helper, named := file.CredentialHelpers[key]; named {
		return helper
	}
	if key == HubKey {
		if helper, named := file.CredentialHelpers["docker.io"]; named {
			return helper
		}
	}
	return file.CredentialsStore
}
