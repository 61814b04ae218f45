package store

import (
	"context"
	"fmt"
	"io"

	"github.com/containers/image/v5/docker"
	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/image/v5/manifest"
	"github.com/containers/image/v5/pkg/blobinfocache/none"
	"github.com/containers/image/v5/types"
	registry "github.com/docker/distribution/registry/api/v2"
	"github.com/opencontainers/go-digest"
)

// Manifests are what a registry holds under a name, and what that leads to.
type Manifests struct {
	name   reference.Named
	source types.ImageSource
	done   func()
}

// OpenManifests looks a name, which has a tag or a digest, up in its registry;
// insecure allows one whose TLS proves nothing, or that has none. The result must
// be closed.
func OpenManifests(ctx context.Context, name reference.Named, insecure bool) (*Manifests, error) {
	system, done, err := reach(name)
	if err != nil {
		done()
		return nil, err
	}
	if insecure {
		system.DockerInsecureSkipTLSVerify = types.OptionalBoolTrue
	}
	limited, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	ref, err := docker.NewReference(name)
	if err != nil {
		done()
		return nil, err
	}
	source, err := ref.NewImageSource(limited, system)
	if err != nil {
		done()
		if ctx.Err() == nil && limited.Err() != nil {
			return nil, fmt.Errorf("%s does not answer within %v", reference.Domain(name), answerPatience)
		}
		if code, _ := refusal(err); code == registry.ErrorCodeManifestUnknown || code == registry.ErrorCodeNameUnknown {
			return nil, fmt.Errorf("no such manifest: %s", name)
		}
		return nil, registryError(name, err)
	}
	return &Manifests{name, source, done}, nil
}

// Close ends the connection.
func (m *Manifests) Close() error {
	m.done()
	return m.source.Close()
}

// Manifest returns a manifest and its media type: that of the name itself, or
// the one with this digest, unless it is empty.
func (m *Manifests) Manifest(ctx context.Context, instance digest.Digest) (text []byte, kind string, err error) {
	wanted := instance
	if instance == "" {
		text, kind, err = m.source.GetManifest(ctx, nil)
		if digested, ok := m.name.(reference.Canonical); ok {
			wanted = digested.Digest()
		}
	} else {
		text, kind, err = m.source.GetManifest(ctx, &instance)
	}
	if err != nil {
		return nil, "", registryError(m.name, err)
	}
	if wanted != "" {
		if matches, err := manifest.MatchesDigest(text, wanted); err != nil || !matches {
			return nil, "", fmt.Errorf("manifest verification failed for digest %s", wanted)
		}
	}
	return text, manifest.NormalizedMIMEType(guessed(text, kind)), nil
}

// guessed is the media type that a registry tells, or that the manifest itself
// does where the registry is vague.
func guessed(text []byte, kind string) string {
	if kind == "" || kind == "text/plain" || kind == "application/json" {
		return manifest.GuessMIMEType(text)
	}
	return kind
}

// Config returns an image's configuration.
func (m *Manifests) Config(ctx context.Context, config digest.Digest) ([]byte, error) {
	blob, _, err := m.source.GetBlob(ctx, types.BlobInfo{Digest: config, Size: -1}, none.NoCache)
	if err != nil {
		return nil, registryError(m.name, err)
	}
	defer blob.Close()
	text, err := io.ReadAll(io.LimitReader(blob, maxConfig))
	if err != nil {
		return nil, registryError(m.name, err)
	}
	if config.Validate() != nil || config.Algorithm().FromBytes(text) != config {
		return nil, fmt.Errorf("image config verification failed for digest %s", config)
	}
	return text, nil
}
