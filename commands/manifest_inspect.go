package commands

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"dockless/bindings/store"

	"github.com/containers/image/v5/manifest"
	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/urfave/cli/v2"
)

func manifestInspectCommand(env *Env) *cli.Command {
	var insecure, verbose bool
	return &cli.Command{
		Name:      "inspect",
		Usage:     "Display an image manifest, or manifest list",
		ArgsUsage: "[MANIFEST_LIST] MANIFEST",
		Flags: []cli.Flag{
			boolean(&insecure, "insecure", "", "Allow communication with an insecure registry"),
			boolean(&verbose, "verbose", "v", "Output additional info including layers and platform"),
		},
		Action: arguments(1, 2, func(ctx context.Context, args []string) error {
			if len(args) > 1 {
				return errors.New("there are no manifest lists here that are not in a registry: leave MANIFEST_LIST out")
			}
			name, err := reference.ParseNormalizedNamed(args[0])
			if err != nil {
				return err
			}
			return inspectManifest(ctx, env, name, insecure, verbose)
		}),
	}
}

// platformSpec and listed are how docker prints what a manifest list has.
type platformSpec struct {
	Architecture string   `json:"architecture"`
	OS           string   `json:"os"`
	OSVersion    string   `json:"os.version,omitempty"`
	OSFeatures   []string `json:"os.features,omitempty"`
	Variant      string   `json:"variant,omitempty"`
	Features     []string `json:"features,omitempty"`
}

type listed struct {
	MediaType   string            `json:"mediaType,omitempty"`
	Size        int64             `json:"size,omitempty"`
	Digest      digest.Digest     `json:"digest,omitempty"`
	URLs        []string          `json:"urls,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Platform    platformSpec      `json:"platform"`
}

type manifestList struct {
	SchemaVersion int      `json:"schemaVersion"`
	MediaType     string   `json:"mediaType,omitempty"`
	Manifests     []listed `json:"manifests"`
}

// verboseManifest is what -v prints of one image.
type verboseManifest struct {
	Ref              string
	Descriptor       imagespec.Descriptor
	Raw              []byte
	SchemaV2Manifest json.RawMessage `json:",omitempty"`
	OCIManifest      json.RawMessage `json:",omitempty"`
}

// openManifests connects with a name's registry. The name is then without a tag
// that says nothing more than the digest beside it.
func openManifests(ctx context.Context, env *Env, name reference.Named, insecure bool) (reference.Named, *store.Manifests, error) {
	if digested, is := name.(reference.Canonical); is {
		exact, err := reference.WithDigest(reference.TrimNamed(name), digested.Digest())
		if err != nil {
			return nil, nil, err
		}
		name = exact
	}
	name = reference.TagNameOnly(name)
	if err := env.Credentials(ctx, name); err != nil {
		return nil, nil, err
	}
	quietLibraries()
	manifests, err := store.OpenManifests(ctx, name, insecure)
	return name, manifests, err
}

func inspectManifest(ctx context.Context, env *Env, name reference.Named, insecure, verbose bool) error {
	name, manifests, err := openManifests(ctx, env, name, insecure)
	if err != nil {
		return err
	}
	defer manifests.Close()
	text, kind, err := manifests.Manifest(ctx, "")
	if err != nil {
		return err
	}
	switch {
	case manifest.MIMETypeIsMultiImage(kind):
		return inspectList(ctx, env, manifests, name, text, verbose)
	case kind != manifest.DockerV2Schema2MediaType && kind != imagespec.MediaTypeImageManifest:
		return fmt.Errorf("%s is not an image but %s", reference.FamiliarString(name), kind)
	case verbose:
		one, err := describeManifest(ctx, manifests, name, text, kind)
		if err != nil {
			return err
		}
		return printIndented(env, one, "\t")
	}
	var page bytes.Buffer
	if err := json.Indent(&page, text, "", "\t"); err != nil {
		return fmt.Errorf("reading the manifest of %s: %w", reference.FamiliarString(name), err)
	}
	fmt.Fprintln(env.Out, page.String())
	return nil
}

func inspectList(ctx context.Context, env *Env, manifests *store.Manifests, name reference.Named, text []byte, verbose bool) error {
	var list manifestList
	if err := json.Unmarshal(text, &list); err != nil {
		return fmt.Errorf("reading the manifest list of %s: %w", reference.FamiliarString(name), err)
	}
	if !verbose {
		list.MediaType = manifest.DockerV2ListMediaType
		for i, m := range list.Manifests {
			if i == 0 && m.MediaType == imagespec.MediaTypeImageManifest {
				list.MediaType = imagespec.MediaTypeImageIndex
			}
			list.Manifests[i].URLs, list.Manifests[i].Annotations = nil, nil
		}
		return printIndented(env, list, "   ")
	}
	all := []verboseManifest{}
	for _, m := range list.Manifests {
		text, kind, err := manifests.Manifest(ctx, m.Digest)
		if err != nil {
			return err
		}
		instance, err := reference.WithDigest(name, m.Digest)
		if err != nil {
			return err
		}
		one, err := describeManifest(ctx, manifests, instance, text, kind)
		if err != nil {
			return err
		}
		one.Descriptor.Platform = &imagespec.Platform{
			Architecture: m.Platform.Architecture, OS: m.Platform.OS, OSVersion: m.Platform.OSVersion, OSFeatures: m.Platform.OSFeatures, Variant: m.Platform.Variant,
		}
		all = append(all, one)
	}
	return printIndented(env, all, "\t")
}

// describeManifest reads of an image what -v prints.
func describeManifest(ctx context.Context, manifests *store.Manifests, name reference.Named, text []byte, kind string) (verboseManifest, error) {
	one := verboseManifest{
		Ref:        name.String(),
		Descriptor: imagespec.Descriptor{MediaType: kind, Digest: digest.FromBytes(text), Size: int64(len(text)), Platform: &imagespec.Platform{}},
		Raw:        text,
	}
	if kind == imagespec.MediaTypeImageManifest {
		one.OCIManifest = text
	} else {
		one.SchemaV2Manifest = text
	}
	var image struct {
		Config struct{ Digest digest.Digest }
	}
	if err := json.Unmarshal(text, &image); err != nil {
		return one, fmt.Errorf("reading the manifest of %s: %w", name, err)
	}
	config, err := manifests.Config(ctx, image.Config.Digest)
	if err != nil {
		return one, err
	}
	if err := json.Unmarshal(config, one.Descriptor.Platform); err != nil {
		return one, fmt.Errorf("reading the configuration of %s: %w", name, err)
	}
	return one, nil
}

func printIndented(env *Env, what any, indent string) error {
	text, err := json.MarshalIndent(what, "", indent)
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Out, "%s\n", text)
	return nil
}
