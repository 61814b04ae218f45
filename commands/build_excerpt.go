package commands

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"dockless/bindings/dockerfile"
)

const commentHint = "# begins a comment only at the start of a line: give the comment a line of its own"

// dockerfileName is the file's name as BuildKit shows it.
func (o *buildOptions) dockerfileName() string {
	if o.file == "" || o.file == "-" {
		return "Dockerfile"
	}
	return filepath.Base(o.file)
}

// excerpt shows the Dockerfile's lines that an error is about, and says what may
// be meant otherwise in them.
func (o *buildOptions) excerpt(env *Env, err error) error {
	if located := locate(err); located != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprint(env.Err, printable(located.Excerpt(o.dockerfileName())))
		if located.CommentBehind() {
			return fmt.Errorf("%w; %s", err, commentHint)
		}
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
