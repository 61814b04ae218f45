package commands

import (
	"testing"

	"github.com/containers/podman/v4/pkg/domain/entities"
)

func TestStatsRow(t *testing.T) {
	running := statsContainer{&listedContainer{ListContainer: entities.ListContainer{ID: "0123456789abcdef", Names: []string{"c"}, State: "running"}}, "typed"}
	before := &sample{CPUNano: 1e9, SystemNano: 10e9}
	now := &sample{
		CPUNano: 3e9, SystemNano: 11e9, MemUsage: 64 << 20, MemLimit: 256 << 20, PIDs: 7,
		NetInput: 1234, NetOutput: 2_000_000, BlockInput: 5, BlockOutput: 0,
	}
	want := statsRow{
		BlockIO: "5B / 0B", CPUPerc: "200.00%", Container: "typed", ID: "0123456789ab", MemPerc: "25.00%",
		MemUsage: "64MiB / 256MiB", Name: "c", NetIO: "1.23kB / 2MB", PIDs: "7",
	}
	if got := *newStatsRow(running, before, now, true); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for name, pair := range map[string][2]*sample{
		"the first sample":                     {nil, now},
		"a container that started again":       {&sample{CPUNano: 9e9, SystemNano: 10e9}, now},
		"two samples of one and the same time": {&sample{CPUNano: 1e9, SystemNano: 11e9}, now},
	} {
		if got := cpuPercent(pair[0], pair[1]); got != 0 {
			t.Errorf("%s: %v%%", name, got)
		}
	}
	unmeasured := newStatsRow(running, before, &sample{MemLimit: 1 << 30}, false)
	if unmeasured.MemUsage != "-- / --" || unmeasured.MemPerc != "--" || unmeasured.PIDs != "--" {
		t.Errorf("a cgroup without controllers: %+v", unmeasured)
	}
}
