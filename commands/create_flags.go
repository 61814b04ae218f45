package commands

import (
	"slices"

	"github.com/urfave/cli/v2"
)

// createOptions is what the flags that run and create share ask for, by
// subject: each has a file create_SUBJECT.go with its flags, the checks on their
// values and what becomes of them.
type createOptions struct {
	imageOptions
	processOptions
	lifecycleOptions
}

// newCreateOptions holds docker's defaults.
func newCreateOptions() *createOptions {
	return &createOptions{
		imageOptions:     imageOptions{pull: pullMissing, noContentTrust: true},
		lifecycleOptions: lifecycleOptions{restart: "no"},
	}
}

// createFlags are the flags that run and create share.
// Source: https://docs.docker.com/reference/cli/docker/container/create/#options
func createFlags(o *createOptions) []cli.Flag {
	return slices.Concat(
		o.imageOptions.flags(),
		o.processOptions.flags(),
		o.lifecycleOptions.flags(),
	)
}
