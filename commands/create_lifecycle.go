package commands

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/containers/podman/v4/pkg/signal"
	"github.com/docker/cli/opts"
	"github.com/urfave/cli/v2"
)

type lifecycleOptions struct {
	name, cidfile, restart, stopSignal string
	stopTimeout                        optionalInt
	remove                             bool
	labels                             opts.ListOpts
	labelFile                          []string
	annotations                        *opts.MapOpts
}

func (o *lifecycleOptions) flags() []cli.Flag {
	o.restart = "no"
	o.labels = opts.NewListOpts(opts.ValidateLabel)
	o.annotations = opts.NewMapOpts(nil, nil)
	return []cli.Flag{
		str(&o.name, "name", "", "Assign a name to the container"),
		str(&o.cidfile, "cidfile", "", "Write the container ID to the file"),
		str(&o.restart, "restart", "", "Restart policy to apply when a container exits"),
		boolean(&o.remove, "rm", "", "Automatically remove the container and its associated anonymous volumes when it exits"),
		str(&o.stopSignal, "stop-signal", "", "Signal to stop the container"),
		value(&o.stopTimeout, "stop-timeout", "", "Timeout (in seconds) to stop a container"),
		value(&o.labels, "label", "l", "Set meta data on a container"),
		list(&o.labelFile, "label-file", "", "Read in a line delimited file of labels"),
		value(o.annotations, "annotation", "", "Add an annotation to the container (passed through to the OCI runtime)"),
	}
}

func (o *lifecycleOptions) fill(d *draft) error {
	if o.name != "" && !restrictedName(strings.TrimPrefix(o.name, "/")) {
		return fmt.Errorf("Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", o.name)
	}
	d.Name, d.Remove = strings.TrimPrefix(o.name, "/"), o.remove
	// What nobody will see again need not reach the disk: without this the kernel
	// syncs the whole file system at the container's end.
	d.Volatile = o.remove
	labels, err := readPairs(o.labelFile, func(file string) ([]string, error) { return opts.ReadKVStrings([]string{file}, nil) })
	if err != nil {
		return usage("%w", err)
	}
	d.Labels = opts.ConvertKVStringsToMap(append(labels, o.labels.GetAll()...))
	d.Annotations = o.annotations.GetAll()
	if _, nameless := d.Annotations[""]; nameless {
		return errors.New("invalid Annotations: the empty string is not permitted as an annotation key")
	}
	if o.stopSignal != "" {
		number, err := signal.ParseSignalNameOrNumber(o.stopSignal)
		if err != nil {
			return fmt.Errorf("invalid signal: %s", o.stopSignal)
		}
		d.StopSignal = &number
	}
	if o.stopTimeout.given {
		seconds := uint(o.stopTimeout.value)
		if o.stopTimeout.value < 0 {
			seconds = 1<<32 - 1 // docker's -1: wait for ever
		}
		d.StopTimeout = &seconds
	}
	return o.fillRestart(d)
}

func (o *lifecycleOptions) fillRestart(d *draft) error {
	policy, err := opts.ParseRestartPolicy(o.restart)
	if err != nil {
		return usage("%w", err)
	}
	if o.remove && !policy.IsNone() {
		return usage("conflicting options: cannot specify both --restart and --rm")
	}
	switch {
	case policy.IsNone():
		return nil
	case !policy.IsOnFailure() && policy.MaximumRetryCount != 0:
		return fmt.Errorf("maximum retry count cannot be used with restart policy '%s'", policy.Name)
	case policy.MaximumRetryCount < 0:
		return errors.New("maximum retry count cannot be negative")
	case !policy.IsAlways() && !policy.IsUnlessStopped() && !policy.IsOnFailure():
		return fmt.Errorf("invalid restart policy: unknown policy '%s'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'", policy.Name)
	}
	d.RestartPolicy = policy.Name
	if policy.MaximumRetryCount > 0 {
		retries := uint(policy.MaximumRetryCount)
		d.RestartRetries = &retries
	}
	return nil
}

// cidfile is the file of --cidfile. It is made before the container, so that a
// path that cannot be written costs no container. Without a path it is nil.
type cidfile struct {
	file    *os.File
	written bool
}

func openCidfile(path string) (*cidfile, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("container ID file found, make sure the other container isn't running or delete %s", path)
	}
	if err != nil {
		return nil, fmt.Errorf("creating the container ID file: %w", err)
	}
	return &cidfile{file: file}, nil
}

func (c *cidfile) write(id string) error {
	if c == nil {
		return nil
	}
	_, err := c.file.WriteString(id)
	if err == nil {
		err = c.file.Sync() // a full disk may tell only now
	}
	if err != nil {
		return fmt.Errorf("writing the container ID file: %w", err)
	}
	c.written = true
	return nil
}

// close removes the file again if no id came into it.
func (c *cidfile) close() {
	if c == nil {
		return
	}
	c.file.Close()
	if !c.written {
		os.Remove(c.file.Name())
	}
}
