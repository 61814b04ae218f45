package store

import (
	"encoding/json"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// document is a small file of an archive; a directory's name ends in a slash.
type document struct {
	name    string
	content []byte
}

// dockerImage is an image in docker's manifest.json.
// Source: https://github.com/moby/docker-image-spec/blob/main/spec.md#combined-image-json--filesystem-changeset-format
type dockerImage struct {
	Config       string
	RepoTags     []string
	Layers       []string
	LayerSources map[digest.Digest]imagespec.Descriptor
}

// documentsOf describes the images: as an OCI image layout, and, unless that is
// all, in docker's own way beside it, which is what docker saves since 25. But
// names are whole here: docker loads x from docker.io/library/x as well as from
// x, while Podman makes localhost/x of the latter.
// Joined images are one under the names of the first, whose digest is that of their
// index; else the digest is that of the first manifest.
// Source: https://github.com/opencontainers/image-spec/blob/main/image-layout.md
func documentsOf(images []*imageToSave, oci, joined bool) (all []document, first digest.Digest, err error) {
	index, parts := newIndex(), newIndex()
	var list []dockerImage
	repositories := map[string]map[string]string{} // name → tag → top layer
	written := map[digest.Digest]bool{}
	var blobs []document
	blob := func(kind string, content []byte) imagespec.Descriptor {
		d := imagespec.Descriptor{MediaType: kind, Digest: digest.FromBytes(content), Size: int64(len(content))}
		if !written[d.Digest] {
			blobs = append(blobs, document{blobName(d.Digest), content})
		}
		written[d.Digest] = true
		return d
	}
	add := func(described imagespec.Descriptor, names []named) {
		if len(names) == 0 {
			index.Manifests = append(index.Manifests, described)
		}
		for _, name := range names {
			described.Annotations = map[string]string{"io.containerd.image.name": name.String(), imagespec.AnnotationRefName: name.Tag()}
			if oci { // podman and skopeo take the image's name from here
				described.Annotations[imagespec.AnnotationRefName] = name.String()
			}
			index.Manifests = append(index.Manifests, described)
		}
	}
	for _, image := range images {
		manifest := imagespec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: imagespec.MediaTypeImageManifest}
		manifest.Config = blob(imagespec.MediaTypeImageConfig, image.config)
		manifest.Layers = []imagespec.Descriptor{} // never null
		d := dockerImage{Config: blobName(manifest.Config.Digest), Layers: []string{}, LayerSources: map[digest.Digest]imagespec.Descriptor{}}
		for _, layer := range image.layers {
			descriptor := imagespec.Descriptor{MediaType: imagespec.MediaTypeImageLayer, Digest: layer.digest, Size: layer.size}
			manifest.Layers = append(manifest.Layers, descriptor)
			d.Layers = append(d.Layers, blobName(layer.digest))
			d.LayerSources[layer.digest] = descriptor
		}
		text, err := json.Marshal(manifest)
		if err != nil {
			return nil, "", err
		}
		described := blob(imagespec.MediaTypeImageManifest, text)
		if joined {
			described.Platform = &image.platform
			parts.Manifests = append(parts.Manifests, described)
			continue
		}
		add(described, image.names)
		for _, name := range image.names {
			d.RepoTags = append(d.RepoTags, name.String())
			if n := len(image.layers); n > 0 {
				if repositories[name.Name()] == nil {
					repositories[name.Name()] = map[string]string{}
				}
				repositories[name.Name()][name.Tag()] = image.layers[n-1].digest.Encoded()
			}
		}
		list = append(list, d)
	}
	if joined {
		text, err := json.Marshal(parts)
		if err != nil {
			return nil, "", err
		}
		add(blob(imagespec.MediaTypeImageIndex, text), images[0].names)
	}

	// In front, for those who read the archive as it comes through a pipe.
	all = []document{{name: imagespec.ImageLayoutFile}, {name: "index.json"}, {name: "manifest.json"}, {name: "repositories"}}
	values := []any{imagespec.ImageLayout{Version: imagespec.ImageLayoutVersion}, index, list, repositories}
	if oci {
		all = all[:2]
	}
	for i := range all {
		if all[i].content, err = json.Marshal(values[i]); err != nil {
			return nil, "", err
		}
	}
	all = append(all, document{name: "blobs/"}, document{name: "blobs/" + digest.Canonical.String() + "/"})
	return append(all, blobs...), index.Manifests[0].Digest, nil
}

// blobName is a blob's file in the archive.
func blobName(d digest.Digest) string {
	return "blobs/" + d.Algorithm().String() + "/" + d.Encoded()
}
