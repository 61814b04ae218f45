package commands

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"text/template"

	"dockless/bindings/store"

	"github.com/containerd/platforms"
	"github.com/containers/image/v5/manifest"
	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/urfave/cli/v2"
)

func imagetoolsInspectCommand(env *Env) *cli.Command {
	var raw bool
	var format, builder string
	return &cli.Command{
		Name:      "inspect",
		Usage:     "Show details of an image in the registry",
		ArgsUsage: "NAME",
		Flags: []cli.Flag{
			str(&builder, "builder", "", "Override the configured builder instance"),
			str(&format, "format", "", "Format the output using the given Go template"),
			boolean(&raw, "raw", "", "Show original, unformatted JSON manifest"),
		},
		Action: arguments(1, 1, func(ctx context.Context, args []string) error {
			if raw && format != "" {
				return errors.New("format and raw cannot be used together")
			}
			warnBuilder(env, cmp.Or(builder, builderName))
			name, err := reference.ParseNormalizedNamed(args[0])
			if err != nil {
				return err
			}
			page, err := template.New("").Funcs(template.FuncMap{"json": indented}).Parse(format)
			if err != nil {
				return fmt.Errorf("template parsing error: %w", err)
			}
			if raw || format == "" {
				page = nil
			}
			return inspectInRegistry(ctx, env, name, page, raw)
		}),
	}
}

// registryImage is what templates can name: Image is the configuration, or one
// for each platform.
// Source: https://docs.docker.com/reference/cli/docker/buildx/imagetools/inspect/#format
type registryImage struct {
	Name     string           `json:"name"`
	Manifest registryManifest `json:"manifest"`
	Image    any              `json:"image,omitempty"`
}

type registryManifest struct {
	SchemaVersion int                    `json:"schemaVersion,omitempty"`
	MediaType     string                 `json:"mediaType"`
	Digest        digest.Digest          `json:"digest"`
	Size          int                    `json:"size"`
	Manifests     []imagespec.Descriptor `json:"manifests,omitempty"`
	Annotations   map[string]string      `json:"annotations,omitempty"`
}

func inspectInRegistry(ctx context.Context, env *Env, name reference.Named, page *template.Template, raw bool) error {
	name, manifests, err := openManifests(ctx, env, name, false)
	if err != nil {
		return err
	}
	defer manifests.Close()
	text, kind, err := manifests.Manifest(ctx, "")
	if err != nil {
		return err
	}
	if raw {
		_, err := env.Out.Write(text)
		return err
	}
	found := registryImage{Name: name.String()}
	if manifest.MIMETypeIsMultiImage(kind) {
		if err := json.Unmarshal(text, &found.Manifest); err != nil {
			return fmt.Errorf("reading the manifest list of %s: %w", name, err)
		}
	}
	found.Manifest.MediaType, found.Manifest.Digest, found.Manifest.Size = kind, digest.FromBytes(text), len(text)
	if page == nil {
		found.print(env)
		return nil
	}
	if found.Image, err = registryConfigs(ctx, manifests, text, found.Manifest.Manifests); err != nil {
		return err
	}
	return page.Execute(env.Out, found)
}

// registryConfigs reads the configuration of an image, or of each that a list has.
func registryConfigs(ctx context.Context, manifests *store.Manifests, text []byte, list []imagespec.Descriptor) (any, error) {
	if len(list) == 0 {
		return registryConfig(ctx, manifests, text)
	}
	images := map[string]imagespec.Image{}
	for _, one := range list {
		if one.Platform == nil || one.Platform.OS == "unknown" { // no image but what was attested of one
			continue
		}
		text, _, err := manifests.Manifest(ctx, one.Digest)
		if err != nil {
			return nil, err
		}
		if images[platforms.Format(*one.Platform)], err = registryConfig(ctx, manifests, text); err != nil {
			return nil, err
		}
	}
	return images, nil
}

func registryConfig(ctx context.Context, manifests *store.Manifests, text []byte) (image imagespec.Image, err error) {
	var about imagespec.Manifest
	if err := json.Unmarshal(text, &about); err != nil {
		return image, fmt.Errorf("reading the manifest: %w", err)
	}
	config, err := manifests.Config(ctx, about.Config.Digest)
	if err != nil {
		return image, err
	}
	return image, json.Unmarshal(config, &image)
}

func (r *registryImage) print(env *Env) {
	fmt.Fprintf(env.Out, "Name:      %s\nMediaType: %s\nDigest:    %s\n", r.Name, r.Manifest.MediaType, r.Manifest.Digest)
	for i, one := range r.Manifest.Manifests {
		if i == 0 {
			fmt.Fprint(env.Out, "           \nManifests: \n")
		} else {
			fmt.Fprintln(env.Out, "             ")
		}
		fmt.Fprintf(env.Out, "  Name:      %s@%s\n  MediaType: %s\n", r.Name, one.Digest, one.MediaType)
		if one.Platform != nil {
			fmt.Fprintf(env.Out, "  Platform:  %s\n", platforms.Format(*one.Platform))
		}
	}
}

// indented is a template's json.
func indented(value any) (string, error) {
	text, err := json.MarshalIndent(value, "", "  ")
	return string(text), err
}
