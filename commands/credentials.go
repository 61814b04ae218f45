package commands

import (
	"context"
	"fmt"

	"dockless/bindings/store"
	"dockless/config"

	"github.com/containers/image/v5/types"
	"github.com/distribution/reference"
)

// Registry is Store for what reaches the registries of these names, with the
// person's credentials for them and as much patience as she has set.
func (e *Env) Registry(ctx context.Context, names ...reference.Named) (*store.Store, error) {
	stall, err := config.StallTimeout()
	if err != nil {
		return nil, err
	}
	if err := e.Credentials(ctx, names...); err != nil {
		return nil, err
	}
	images, err := e.Store()
	if err != nil {
		return nil, err
	}
	images.Stall = stall
	return images, nil
}

// Credentials finds the person's credentials for the registries of these names,
// and for their mirrors, and keeps them for bindings/store. It has to come before
// Enter: in the user namespace a credential helper would not find the person's
// keyring. A helper that does not do its work is worth a warning: most images
// are for everybody.
func (e *Env) Credentials(ctx context.Context, names ...reference.Named) error {
	if store.Entered() {
		return nil
	}
	found, asked := map[string]types.DockerAuthConfig{}, map[string]types.DockerAuthConfig{}
	for _, name := range names {
		endpoints, err := store.Endpoints(name)
		if err != nil {
			return err
		}
		for _, endpoint := range endpoints {
			key := config.CredentialsKey(reference.Domain(endpoint))
			credentials, known := asked[key]
			if !known {
				docker, err := config.FindCredentials(ctx, e.DockerConfigFile(), key)
				if ctx.Err() != nil {
					return ctx.Err()
				}
				if err != nil {
					fmt.Fprintf(e.Err, "WARNING: Looking for credentials for %s: %s\n", reference.Domain(endpoint), oneLine(err.Error()))
				}
				credentials = types.DockerAuthConfig{Username: docker.Username, Password: docker.Password, IdentityToken: docker.IdentityToken}
				asked[key] = credentials
			}
			if credentials == (types.DockerAuthConfig{}) {
				if credentials, err = store.PodmanCredentials(endpoint); err != nil {
					return fmt.Errorf("looking for credentials for %s: %w", endpoint, err)
				}
			}
			found[endpoint.Name()] = credentials
			if _, known := found[reference.Domain(endpoint)]; !known {
				found[reference.Domain(endpoint)] = asked[key] // for what is not about a repository
			}
		}
	}
	return store.HandOver(found)
}
