package commands

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"dockless/bindings/dockerfile"
)

// dockerfileName is the file's name as BuildKit shows it.
func (o *buildOptions) dockerfileName() string {
	if o.file == "" || o.file == "-" {
		return "Dockerfile"
	}
	return filepath.Base(o.file)
}

// excerpt shows the Dockerfile's lines that an error is about.
func (o *buildOptions) excerpt(env *Env, err error) error {
	if located := locate(err); located != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprint(env.Err, printable(located.Excerpt(o.dockerfileName())))
	}
	return err
}

// locate finds the place in the Dockerfile that an error is about, nil for none.
func locate(err error) *dockerfile.Error {
	var located *dockerfile.Error
	if !errors.As(err, &located) {
		return nil
	}
	return located
}
