package commands

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"dockless/bindings/store"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
)

// export does with the image what the outputs say. The digest is that of the last
// archive of images, if any.
func (o *buildOptions) export(ctx context.Context, env *Env, images *store.Store, built []store.BuiltImage, names []reference.Named, shown *buildProgress) (written digest.Digest, err error) {
	for _, output := range o.outputs {
		for _, text := range output.tasks(built, o.typed) {
			shown.exported(text)
			if o.inline && text == "exporting layers" {
				shown.exported("preparing layers for inline cache")
			}
		}
		if output.stays() || output.kind == "cacheonly" {
			continue
		}
		task := output.lastTask()
		shown.exporting(task)
		archive, err := output.write(ctx, env, images, built, names)
		if err != nil {
			return "", fmt.Errorf("writing the output: %w", err)
		}
		written = cmp.Or(archive, written)
		shown.exported(task)
	}
	shown.exportedAll()
	return written, nil
}

// pushAll sends the image to its registries. The digest is that of an image for
// several platforms.
func (o *buildOptions) pushAll(ctx context.Context, env *Env, images *store.Store, built []store.BuiltImage, names []reference.Named) (pushed digest.Digest, err error) {
	if !o.pushes() {
		return "", nil
	}
	out := env.Err
	if o.quiet {
		out = io.Discard
	}
	if len(built) == 1 {
		return "", pushNames(ctx, out, images, built[0].ID, names)
	}
	for _, name := range names {
		tagged, is := name.(reference.NamedTagged)
		if !is {
			return "", fmt.Errorf("cannot push %s: it has no tag", name)
		}
		index, err := pushShown(out, tagged, func(show store.Progress) (*store.Pushed, error) { return images.PushIndex(ctx, built, tagged, show) })
		if err != nil {
			return "", err
		}
		pushed = index.Digest
	}
	return pushed, nil
}

// pushNames pushes the image under each of its names.
func pushNames(ctx context.Context, out io.Writer, images *store.Store, id string, names []reference.Named) error {
	image, err := images.Image(id)
	if err != nil {
		return fmt.Errorf("pushing the image: %w", err)
	}
	for _, name := range names {
		tagged, is := name.(reference.NamedTagged)
		if !is {
			return fmt.Errorf("cannot push %s: it has no tag", name)
		}
		if err := pushOne(ctx, out, images, image, tagged, nil); err != nil {
			return err
		}
	}
	return nil
}
