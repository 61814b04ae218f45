package commands

import (
	"cmp"
	"fmt"
	"os"
	"time"

	"github.com/containers/image/v5/manifest"
	"github.com/urfave/cli/v2"
)

type healthOptions struct {
	command                                       string
	interval, timeout, startPeriod, startInterval duration
	retries                                       int
	none                                          bool
}

func (o *healthOptions) flags() []cli.Flag {
	return []cli.Flag{
		str(&o.command, "health-cmd", "", "Command to run to check health"),
		value(&o.interval, "health-interval", "", "Time between running the check (ms|s|m|h) (default 0s)"),
		value(&o.timeout, "health-timeout", "", "Maximum time to allow one check to run (ms|s|m|h) (default 0s)"),
		value(&o.startPeriod, "health-start-period", "", "Start period for the container to initialize before starting health-retries countdown (ms|s|m|h) (default 0s)"),
		value(&o.startInterval, "health-start-interval", "", "Time between running the check during the start period (ms|s|m|h) (default 0s)"),
		integer(&o.retries, "health-retries", "", "Consecutive failures needed to report unhealthy"),
		boolean(&o.none, "no-healthcheck", "", "Disable any container-specified HEALTHCHECK"),
	}
}

// duration is pflag's.
type duration time.Duration

func (d *duration) Set(text string) error {
	parsed, err := time.ParseDuration(text)
	*d = duration(parsed)
	return err
}
func (d *duration) String() string { return "" }
func (d *duration) Type() string   { return "duration" }

func (o *healthOptions) given() bool {
	return o.command != "" || o.interval != 0 || o.timeout != 0 || o.startPeriod != 0 || o.startInterval != 0 || o.retries != 0
}

func (o *healthOptions) fill(d *draft) error {
	switch {
	case o.none && o.given():
		return usage("--no-healthcheck conflicts with --health-* options")
	case o.none:
		d.HealthConfig = &manifest.Schema2HealthConfig{Test: []string{"NONE"}}
		return nil
	case !o.given():
		return nil
	case o.retries < 0:
		return usage("--health-retries cannot be negative")
	}
	for _, wait := range []struct {
		flag, name string
		time       duration
	}{
		{"--health-interval", "Interval", o.interval},
		{"--health-timeout", "Timeout", o.timeout},
		{"--health-start-period", "StartPeriod", o.startPeriod},
		{"--health-start-interval", "StartInterval", o.startInterval},
	} {
		if wait.time < 0 {
			return usage("%s cannot be negative", wait.flag)
		}
		if wait.time != 0 && time.Duration(wait.time) < time.Millisecond {
			return fmt.Errorf("%s in Healthcheck cannot be less than 1ms", wait.name)
		}
	}
	if o.startInterval != 0 {
		d.warn("--health-start-interval is discarded: Podman checks every --health-interval from the start")
	}
	d.HealthConfig = &manifest.Schema2HealthConfig{
		Interval:    time.Duration(o.interval),
		Timeout:     time.Duration(o.timeout),
		StartPeriod: time.Duration(o.startPeriod),
		Retries:     o.retries,
	}
	if o.command != "" {
		d.HealthConfig.Test = []string{"CMD-SHELL", o.command}
	}
	return nil
}

// completeHealth adds what the image says and docker's defaults to the health
// check of the flags; Podman would take all or nothing.
func (d *draft) completeHealth(image *manifest.Schema2HealthConfig) {
	h := d.HealthConfig
	if h == nil || d.none {
		return
	}
	if image == nil {
		image = &manifest.Schema2HealthConfig{}
	}
	if h.Test == nil {
		h.Test = image.Test
	}
	if len(h.Test) == 0 {
		d.HealthConfig = nil
		d.warn("--health-* discarded: the image has no HEALTHCHECK; give the check with --health-cmd")
		return
	}
	h.Interval = cmp.Or(h.Interval, image.Interval, 30*time.Second)
	h.Timeout = cmp.Or(h.Timeout, image.Timeout, 30*time.Second)
	h.StartPeriod = cmp.Or(h.StartPeriod, image.StartPeriod)
	h.Retries = cmp.Or(h.Retries, image.Retries, 3)
	if os.Geteuid() != 0 && !userManager() {
		d.warn("health checks run from timers of your systemd, and none is running for you here: the status stays \"starting\"")
	}
}
