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
	mountOptions
	portOptions
	networkOptions
	namespaceOptions
	hardeningOptions
	deviceOptions
	resourceOptions
	ulimitOptions
	healthOptions
	logOptions
	engineOptions
}

// subject is a group of flags and what becomes of them.
type subject interface {
	flags() []cli.Flag
	fill(d *draft) error
}

// subjects are in the order in which their flags are checked: ports before the
// networks that may forbid them, networks before the namespaces that they imply.
func (o *createOptions) subjects() []subject {
	return []subject{
		&o.imageOptions, &o.processOptions, &o.lifecycleOptions, &o.mountOptions, &o.portOptions,
		&o.networkOptions, &o.namespaceOptions, &o.hardeningOptions, &o.deviceOptions,
		&o.resourceOptions, &o.ulimitOptions, &o.healthOptions, &o.logOptions, &o.engineOptions,
	}
}

// createFlags are the flags that run and create share.
// Source: https://docs.docker.com/reference/cli/docker/container/create/#options
func createFlags(o *createOptions) []cli.Flag {
	flags := refusals()
	for _, s := range o.subjects() {
		flags = slices.Concat(flags, s.flags())
	}
	return flags
}
