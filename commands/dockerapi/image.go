package dockerapi

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/containers/podman/v4/pkg/inspect"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/opencontainers/go-digest"
)

// Image is what docker image inspect prints.
type Image struct {
	ID            string `json:"Id"`
	RepoTags      []string
	RepoDigests   []string
	Parent        string
	Comment       string
	Created       string `json:",omitempty"`
	DockerVersion string
	Author        string
	Architecture  string
	Variant       string `json:",omitempty"`
	Os            string
	Size          int64
	GraphDriver   types.GraphDriverData
	RootFS        types.RootFS
	Metadata      types.ImageMetadata
	Config        *ImageConfig
}

// ImageConfig is how containers of an image run.
type ImageConfig struct {
	Cmd          []string
	Entrypoint   []string
	Env          []string
	ExposedPorts map[string]struct{}     `json:",omitempty"`
	Healthcheck  *container.HealthConfig `json:",omitempty"`
	Labels       map[string]string
	OnBuild      []string
	Shell        []string `json:",omitempty"`
	StopSignal   string   `json:",omitempty"`
	User         string
	Volumes      map[string]struct{}
	WorkingDir   string
}

// built is the part of an image's own configuration that Podman does not tell.
// Source: https://github.com/moby/docker-image-spec/blob/main/spec.md#image-json-field-descriptions
type built struct {
	Variant       string `json:"variant"`
	DockerVersion string `json:"docker_version"`
	Config        struct {
		Healthcheck    *container.HealthConfig
		OnBuild, Shell []string
	} `json:"config"`
}

// NewImage makes Docker's description of an image from Podman's and, where there
// are such, the image's own configuration and the digest of the manifest that is
// here.
func NewImage(p *inspect.ImageData, config []byte, own digest.Digest) *Image {
	i := &Image{
		ID:            imageID(p.ID),
		RepoTags:      familiarNames(p.RepoTags),
		RepoDigests:   familiarNames(RepoDigests(p.RepoDigests, p.Digest, own)),
		Parent:        imageID(p.Parent),
		Comment:       p.Comment,
		DockerVersion: p.Version,
		Author:        p.Author,
		Architecture:  p.Architecture,
		Os:            p.Os,
		Size:          p.Size,
		RootFS:        types.RootFS{Type: "layers"},
		Config:        &ImageConfig{},
	}
	if p.Created != nil {
		i.Created = timestamp(*p.Created)
	}
	if p.GraphDriver != nil {
		i.GraphDriver = types.GraphDriverData{Name: p.GraphDriver.Name, Data: p.GraphDriver.Data}
	}
	if p.RootFS != nil {
		for _, layer := range p.RootFS.Layers {
			i.RootFS.Layers = append(i.RootFS.Layers, layer.String())
		}
	}
	if c := p.Config; c != nil {
		i.Config = &ImageConfig{
			Cmd:          orNil(c.Cmd),
			Entrypoint:   orNil(c.Entrypoint),
			Env:          orNil(c.Env),
			ExposedPorts: c.ExposedPorts,
			Labels:       c.Labels,
			StopSignal:   c.StopSignal,
			User:         c.User,
			Volumes:      c.Volumes,
			WorkingDir:   c.WorkingDir,
		}
	}
	if p.HealthCheck != nil {
		i.Config.Healthcheck = &container.HealthConfig{
			Test:        p.HealthCheck.Test,
			Interval:    p.HealthCheck.Interval,
			Timeout:     p.HealthCheck.Timeout,
			StartPeriod: p.HealthCheck.StartPeriod,
			Retries:     p.HealthCheck.Retries,
		}
	}
	i.complete(config)
	return i
}

// complete adds what the image's own configuration says beside Podman. One that
// is no JSON would not have come into the store; it adds nothing.
func (i *Image) complete(config []byte) {
	var b built
	if json.Unmarshal(config, &b) != nil {
		return
	}
	i.Variant = b.Variant
	i.Config.OnBuild, i.Config.Shell = orNil(b.Config.OnBuild), b.Config.Shell
	if b.DockerVersion != "" {
		i.DockerVersion = b.DockerVersion
	}
	if b.Config.Healthcheck != nil {
		i.Config.Healthcheck = b.Config.Healthcheck
	}
}

// RepoDigests are the digests that docker knows an image by, of those that
// Podman tells: only what came from a registry, so not what plain Podman puts
// under localhost/; and of an image for several platforms that of the list which
// it was pulled by, which Podman takes for the image's first, and not its own.
//
// own, where it is known, is the digest of the manifest that is here. Of an image
// that was built here and pushed the registry has another one.
func RepoDigests(names []string, first, own digest.Digest) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		repository, typed, _ := strings.Cut(name, "@")
		if strings.HasPrefix(name, "localhost/") {
			return true
		}
		if own == "" {
			return typed != first.String() && slices.Contains(names, repository+"@"+first.String())
		}
		return typed == own.String() && slices.ContainsFunc(names, func(other string) bool {
			return other != name && strings.HasPrefix(other, repository+"@")
		})
	})
}

// familiarNames shortens full names, with a tag or a digest, and sorts them by
// the full ones, as Docker does.
func familiarNames(names []string) []string {
	result := []string{}
	for _, name := range slices.Sorted(slices.Values(names)) {
		if !strings.HasPrefix(name, "<none>") {
			result = append(result, familiarName(name))
		}
	}
	return result
}
