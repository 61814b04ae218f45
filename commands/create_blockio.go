package commands

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/docker/cli/opts"
	spec "github.com/opencontainers/runtime-spec/specs-go"
)

// uint16Value is pflag's uint16.
type uint16Value uint16

func (v *uint16Value) Set(text string) error {
	n, err := strconv.ParseUint(text, 0, 16)
	*v = uint16Value(n)
	return err
}
func (v *uint16Value) String() string { return "" }
func (v *uint16Value) Type() string   { return "uint16" }

func (o *resourceOptions) fillBlockIO(d *draft, r *spec.LinuxResources) error {
	if o.blkioWeight != 0 {
		if o.blkioWeight < 10 || o.blkioWeight > 1000 {
			return errors.New("Range of blkio weight is from 10 to 1000")
		}
		weight := uint16(o.blkioWeight)
		r.BlockIO = &spec.LinuxBlockIO{Weight: &weight}
		d.limit("io", "--blkio-weight")
	}
	for _, w := range o.weightDevice.GetList() {
		if d.WeightDevice == nil {
			d.WeightDevice = map[string]spec.LinuxWeightDevice{}
		}
		weight := w.Weight
		d.WeightDevice[w.Path] = spec.LinuxWeightDevice{Weight: &weight}
		d.limit("io", "--blkio-weight-device")
	}
	for _, throttle := range []struct {
		flag   string
		values *opts.ThrottledeviceOpt
		into   *map[string]spec.LinuxThrottleDevice
	}{
		{"--device-read-bps", &o.readBps, &d.ThrottleReadBpsDevice},
		{"--device-write-bps", &o.writeBps, &d.ThrottleWriteBpsDevice},
		{"--device-read-iops", &o.readIOps, &d.ThrottleReadIOPSDevice},
		{"--device-write-iops", &o.writeIOs, &d.ThrottleWriteIOPSDevice},
	} {
		for _, t := range throttle.values.GetList() {
			if *throttle.into == nil {
				*throttle.into = map[string]spec.LinuxThrottleDevice{}
			}
			if _, err := os.Stat(t.Path); err != nil {
				return fmt.Errorf("%s: no such device: %s", throttle.flag, t.Path)
			}
			(*throttle.into)[t.Path] = spec.LinuxThrottleDevice{Rate: t.Rate}
			d.limit("io", throttle.flag)
		}
	}
	return nil
}
