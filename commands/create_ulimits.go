package commands

import (
	"fmt"
	"strconv"

	"github.com/docker/cli/opts"
	spec "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"
)

type ulimitOptions struct {
	ulimits *opts.UlimitOpt
}

func (o *ulimitOptions) flags() []cli.Flag {
	o.ulimits = opts.NewUlimitOpt(nil)
	return []cli.Flag{value(o.ulimits, "ulimit", "", "Ulimit options")}
}

// fill lowers what is above this user's own hard limit, with a warning: without
// root nobody can go above it, and the container would not start.
func (o *ulimitOptions) fill(d *draft) error {
	for _, u := range o.ulimits.GetList() {
		resource, err := u.GetRlimit()
		if err != nil {
			return usage("%w", err)
		}
		hard, soft := uint64(u.Hard), uint64(u.Soft) // -1 is unlimited in both notations
		var own unix.Rlimit
		if err := unix.Getrlimit(resource.Type, &own); err != nil {
			return fmt.Errorf("reading the limit of %s: %w", u.Name, err)
		}
		if hard > own.Max || soft > own.Max {
			hard, soft = min(hard, own.Max), min(soft, own.Max)
			d.warn("--ulimit %s is lowered to %s, your own hard limit; root can raise it in /etc/security/limits.conf", u, strconv.FormatUint(own.Max, 10))
		}
		d.Rlimits = append(d.Rlimits, spec.POSIXRlimit{Type: u.Name, Hard: hard, Soft: soft})
	}
	return nil
}
