package commands

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"dockless/bindings/engine"

	"github.com/containers/podman/v4/pkg/bindings/images"
	"github.com/containers/podman/v4/pkg/domain/entities"
	"github.com/distribution/reference"
)

// imageReference reads an image's name as docker does: x is
// docker.io/library/x:latest.
// Source: https://docs.docker.com/reference/cli/docker/image/tag/#description
func imageReference(typed string) (reference.Named, error) {
	named, err := reference.ParseNormalizedNamed(typed)
	if err != nil {
		return nil, err
	}
	return reference.TagNameOnly(named), nil
}

// storedImage returns the full name (or the id) of the image in the engine's
// store that a person means: docker's reading of the name first, then plain
// Podman's localhost/, then an id or its beginning. Podman's own search is not
// asked: it would take x for anyregistry.example/x. An image that is not there
// is a *noSuch.
func storedImage(conn context.Context, typed string) (string, error) {
	hex := strings.TrimPrefix(typed, "sha256:")
	if len(hex) < 64 || !isHex(hex) {
		names, err := storedNames(typed)
		if err != nil {
			return "", err
		}
		for _, name := range names {
			there, err := images.Exists(conn, name, nil)
			if err != nil {
				return "", fmt.Errorf("looking for image %s: %w", name, err)
			}
			if there {
				return name, nil
			}
		}
	}
	if isHex(hex) {
		image, err := images.GetImage(conn, hex, nil)
		if err == nil && strings.HasPrefix(image.ID, hex) {
			return image.ID, nil
		}
		if err != nil && engine.Status(err) != http.StatusNotFound {
			return "", fmt.Errorf("looking for image %s: %w", typed, err)
		}
	}
	return "", noSuchImage(typed)
}

// storedNames are the full names by which the store may have the image that a
// person types: docker's reading, then plain Podman's.
func storedNames(typed string) ([]string, error) {
	named, err := imageReference(typed)
	if err != nil {
		return nil, err
	}
	names := []string{named.String()}
	if reference.Domain(named) == "docker.io" {
		names = append(names, localhost+reference.FamiliarString(named))
	}
	return names, nil
}

// inspectStored is storedImage and what the engine knows about that image, in
// one request where docker's reading of the name is right.
func inspectStored(conn context.Context, typed string) (string, *entities.ImageInspectReport, error) {
	if named, err := imageReference(typed); err == nil {
		image, err := readImage(conn, named.String())
		if engine.Status(err) != http.StatusNotFound {
			return named.String(), image, err
		}
	}
	stored, err := storedImage(conn, typed)
	if err != nil {
		return "", nil, err
	}
	image, err := readImage(conn, stored)
	return stored, image, absentImage(typed, err)
}

func readImage(conn context.Context, name string) (*entities.ImageInspectReport, error) {
	image, err := images.GetImage(conn, name, nil)
	if err != nil {
		return nil, fmt.Errorf("inspecting image %s: %w", name, err)
	}
	if image.ImageData == nil {
		return nil, fmt.Errorf("inspecting image %s: the answer is not whole", name)
	}
	return image, nil
}

// noSuchImage is docker's error about an image that is not there.
func noSuchImage(typed string) error {
	return &noSuch{kind: "image", name: familiarName(typed)}
}

// familiarName is a full image name as docker shows it: no docker.io, no
// library/. What is no name (an id) comes back as it is.
func familiarName(name string) string {
	named, err := imageReference(name)
	if err != nil {
		return name
	}
	return reference.FamiliarString(named)
}

func isHex(s string) bool {
	return s != "" && strings.Trim(s, "0123456789abcdef") == ""
}

// shortID is an id as docker shortens it.
func shortID(id string) string { return strings.TrimPrefix(id, "sha256:")[:12] }
