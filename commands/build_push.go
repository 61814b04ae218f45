package commands

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"dockless/bindings/store"

	"github.com/distribution/reference"
)

// pushAll sends the image to its registries: each name is a step of the build.
func (o *buildOptions) pushAll(ctx context.Context, images *store.Store, built []store.BuiltImage, names []reference.Named, shown *buildProgress) error {
	if !o.pushes() {
		return nil
	}
	for _, name := range names {
		tagged, is := name.(reference.NamedTagged)
		if !is {
			return fmt.Errorf("cannot push %s: it has no tag", name)
		}
		step := shown.cacheStep("pushing " + name.String() + " with docker")
		pushed, err := images.PushBuilt(ctx, built, tagged, func(layer, action string, done, total int64) {
			shown.locked(func() { shown.pushed(step, "pushing layer "+layer, action, done, total) })
		})
		shown.locked(func() { shown.end(step, false, canceled(ctx, err)) })
		if err != nil {
			return err
		}
		o.written = cmp.Or(o.written, pushed.Digest) // docker's is the first name's, too
	}
	return nil
}

// canceled is a step's error as it is shown: a person who ends a build knows why.
func canceled(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Canceled
	}
	return err
}

// pushed shows what becomes of a layer that is pushed.
func (p *buildProgress) pushed(step *buildStep, task, action string, done, total int64) {
	switch {
	case action == "Preparing" || action == "Waiting":
	case action == "Pushing":
		p.moved(step, task, done, total)
	case strings.HasPrefix(action, "Retrying"):
		p.line(step, task+": "+action)
	default: // it is there, by whatever way
		p.endTask(step, task)
	}
}
