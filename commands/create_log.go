package commands

import (
	"fmt"
	"slices"
	"strings"

	"github.com/containers/podman/v4/pkg/specgen"
	"github.com/docker/cli/opts"
	"github.com/docker/go-units"
	"github.com/urfave/cli/v2"
)

type logOptions struct {
	driver  string
	options []string
}

func (o *logOptions) flags() []cli.Flag {
	return []cli.Flag{
		str(&o.driver, "log-driver", "", "Logging driver for the container"),
		list(&o.options, "log-opt", "", "Log driver options"),
	}
}

// fill maps docker's drivers to Podman's. Without --log-driver it is a file, as
// in docker: Podman's own choice may be the journal, which an ordinary user
// cannot read everywhere.
func (o *logOptions) fill(d *draft) error {
	given := opts.ConvertKVStringsToMap(o.options)
	d.LogConfiguration = &specgen.LogConfig{Options: map[string]string{}}
	switch o.driver {
	case "", "json-file":
		d.LogConfiguration.Driver = "json-file"
	case "local", "k8s-file":
		d.LogConfiguration.Driver = "k8s-file"
	case "journald":
		d.LogConfiguration.Driver = o.driver
	case "none":
		d.LogConfiguration.Driver = o.driver
		if len(given) > 0 {
			return usage("invalid logging opts for driver none")
		}
	default:
		return fmt.Errorf("logging driver %s is not here: Podman has json-file, local, journald and none; take journald and forward the journal", o.driver)
	}
	var discarded []string
	for key, val := range given {
		switch {
		case key == "max-size" && o.driver != "journald":
			size, err := units.RAMInBytes(val)
			if err != nil || size <= 0 {
				return fmt.Errorf("invalid value for log opt max-size: %s", val)
			}
			d.LogConfiguration.Size = size
		case key == "tag" && o.driver == "journald":
			d.LogConfiguration.Options["tag"] = val
		case slices.Contains(dockerLogOptions, key):
			discarded = append(discarded, key)
		default:
			return fmt.Errorf("unknown log opt '%s' for %s log driver", key, d.LogConfiguration.Driver)
		}
	}
	if len(discarded) > 0 {
		slices.Sort(discarded)
		d.warn("log options discarded, Podman has none such for this driver: %s", strings.Join(discarded, ", "))
	}
	return nil
}

// dockerLogOptions are those of docker's json-file, local and journald drivers.
var dockerLogOptions = []string{"max-size", "max-file", "labels", "labels-regex", "env", "env-regex", "compress", "tag", "mode", "max-buffer-size", "cache-disabled", "cache-max-file", "cache-max-size", "cache-compress"}
