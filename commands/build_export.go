package commands

import (
	"cmp"
	"context"
	"fmt"

	"dockless/bindings/store"

	"github.com/distribution/reference"
)

// export does with the image what the outputs say.
func (o *buildOptions) export(ctx context.Context, env *Env, images *store.Store, built []store.BuiltImage, names []reference.Named, shown *buildProgress) error {
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
			return fmt.Errorf("writing the output: %w", err)
		}
		o.written = cmp.Or(o.written, archive)
		shown.exported(task)
	}
	shown.exportedAll()
	return nil
}
