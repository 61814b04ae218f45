package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/image/v5/manifest"
	"github.com/containers/storage"
	"github.com/docker/go-connections/nat"
	"github.com/opencontainers/go-digest"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/openshift/imagebuilder"
)

// Import says what to make out of a root file system's archive.
type Import struct {
	Name     reference.Named // nil: none
	Changes  []string        // Dockerfile instructions
	Message  string          // the image's comment
	Platform imagespec.Platform
}

// Import makes an image of one layer out of the tar archive of a root file
// system, plain or compressed, and returns its ID.
// Source: https://docs.docker.com/reference/cli/docker/image/import/
func (s *Store) Import(ctx context.Context, archive *os.File, o Import) (string, error) {
	config, err := changed(o.Changes)
	if err != nil {
		return "", err
	}
	layer, err := s.putLayer(ctx, archive)
	if err != nil {
		return "", s.roomy(err)
	}
	id, err := s.createImage(layer, config, o)
	if err != nil {
		if left := s.DeleteLayer(layer.ID); left != nil && !inUse(left) {
			err = errors.Join(err, left)
		}
		return "", err
	}
	return id, nil
}

// Download fetches an archive into the temporary directory.
func (s *Store) Download(ctx context.Context, url string) (*os.File, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("downloading %s: %s", url, response.Status)
	}
	file, err := os.CreateTemp(s.temp, "download-")
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(file, response.Body)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		file.Close()
		return nil, s.roomy(fmt.Errorf("downloading %s: %w", url, err))
	}
	return file, nil
}

// putLayer unpacks the archive as a layer. What is not a file is copied to one
// first: the store stays locked while it unpacks, and the pipe may well come
// from an export that waits for the same lock.
func (s *Store) putLayer(ctx context.Context, archive *os.File) (*storage.Layer, error) {
	source := archive
	direct, err := fromTheStart(archive)
	if err != nil {
		return nil, err
	}
	if !direct {
		path, err := s.plain(ctx, archive)
		if err != nil {
			return nil, err
		}
		if source, err = os.Open(path); err != nil {
			return nil, err
		}
		defer source.Close()
	}
	stream, _, err := decompress(ctx, source)
	if err != nil {
		return nil, readError(archive, err)
	}
	defer stream.Close()
	layer, _, err := s.PutLayer("", "", nil, "", false, nil, stream)
	if err != nil {
		return nil, fmt.Errorf("unpacking %s: %w", called(archive), err)
	}
	return s.shared(layer)
}

// shared returns a layer with the same content that was there before instead
// of a new one.
func (s *Store) shared(layer *storage.Layer) (*storage.Layer, error) {
	same, err := s.LayersByUncompressedDigest(layer.UncompressedDigest)
	if err != nil {
		return nil, err
	}
	for _, old := range same {
		if old.ID != layer.ID && old.Parent == "" {
			return &old, s.DeleteLayer(layer.ID)
		}
	}
	return layer, nil
}

// createImage puts an image of this one layer into the store, in docker's
// format: OCI's has no health check and no comment that docker shows.
func (s *Store) createImage(layer *storage.Layer, config *manifest.Schema2Config, o Import) (string, error) {
	now := time.Now().UTC()
	image, err := json.Marshal(manifest.Schema2Image{
		Schema2V1Image: manifest.Schema2V1Image{
			Comment:      o.Message,
			Created:      now,
			Config:       config,
			OS:           o.Platform.OS,
			Architecture: o.Platform.Architecture,
			Variant:      o.Platform.Variant,
		},
		RootFS:  &manifest.Schema2RootFS{Type: "layers", DiffIDs: []digest.Digest{layer.UncompressedDigest}},
		History: []manifest.Schema2History{{Created: now, Comment: o.Message}},
	})
	if err != nil {
		return "", err
	}
	id := digest.FromBytes(image)
	text, err := manifest.Schema2FromComponents(
		manifest.Schema2Descriptor{MediaType: manifest.DockerV2Schema2ConfigMediaType, Size: int64(len(image)), Digest: id},
		[]manifest.Schema2Descriptor{{
			MediaType: manifest.DockerV2SchemaLayerMediaTypeUncompressed,
			Size:      layer.UncompressedSize,
			Digest:    layer.UncompressedDigest,
		}},
	).Serialize()
	if err != nil {
		return "", err
	}
	manifestDigest := digest.FromBytes(text)
	_, err = s.CreateImage(id.Encoded(), nil, layer.ID, "", &storage.ImageOptions{
		CreationDate: now,
		Digest:       manifestDigest,
		BigData: []storage.ImageBigDataOption{
			{Key: id.String(), Data: image, Digest: id},
			{Key: storage.ImageDigestBigDataKey, Data: text, Digest: manifestDigest},
			{Key: storage.ImageDigestManifestBigDataNamePrefix + "-" + manifestDigest.String(), Data: text, Digest: manifestDigest},
		},
	})
	if err != nil || o.Name == nil {
		return id.Encoded(), err
	}
	return id.Encoded(), s.AddNames(id.Encoded(), []string{o.Name.String()}) // from another image, too
}

// changed applies Dockerfile instructions to an empty configuration. docker
// allows those that need no running container.
func changed(changes []string) (*manifest.Schema2Config, error) {
	allowed := []string{"CMD", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "ONBUILD", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"}
	config := &manifest.Schema2Config{}
	if len(changes) == 0 {
		return config, nil
	}
	node, err := imagebuilder.ParseDockerfile(strings.NewReader(strings.Join(changes, "\n")))
	if err != nil {
		return nil, fmt.Errorf("reading --change: %w", err)
	}
	builder := imagebuilder.NewBuilder(nil)
	for _, instruction := range node.Children {
		step := builder.Step()
		if err := step.Resolve(instruction); err != nil {
			return nil, fmt.Errorf("reading --change: %w", err)
		}
		if !slices.Contains(allowed, strings.ToUpper(step.Command)) {
			return nil, fmt.Errorf("%s is not a valid change command", step.Command)
		}
		if err := builder.Run(step, imagebuilder.NoopExecutor, true); err != nil {
			return nil, fmt.Errorf("reading --change %q: %w", instruction.Original, err)
		}
	}
	for port := range builder.RunConfig.ExposedPorts {
		if _, err := nat.ParsePortSpec(string(port)); err != nil {
			return nil, fmt.Errorf("reading --change: EXPOSE %s: %w", port, err)
		}
	}
	text, err := json.Marshal(builder.RunConfig)
	if err != nil {
		return nil, err
	}
	return config, json.Unmarshal(text, config)
}
