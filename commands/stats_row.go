package commands

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"dockless/commands/output"

	"github.com/docker/go-units"
)

// statsRow is a line of docker stats.
// Source: https://docs.docker.com/reference/cli/docker/container/stats/#format
type statsRow struct {
	output.Row
	BlockIO, CPUPerc, Container, ID, MemPerc, MemUsage, Name, NetIO, PIDs string
}

var statsHeadings = output.Headings{
	"BlockIO": "BLOCK I/O", "CPUPerc": "CPU %", "Container": "CONTAINER", "ID": "CONTAINER ID", "MemPerc": "MEM %",
	"MemUsage": "MEM USAGE / LIMIT", "Name": "NAME", "NetIO": "NET I/O", "PIDs": "PIDS",
}

// MarshalJSON writes what a template's json would leave as it is (<, >, &) as
// docker's rows do.
func (r *statsRow) MarshalJSON() ([]byte, error) {
	type plain statsRow
	return json.Marshal((*plain)(r))
}

// newStatsRow compares two samples of a container. A container that does not
// run has none, and zeros; for one that runs, docker's -- stands for what the
// host does not measure: a cgroup without the memory or pids controller.
func newStatsRow(c statsContainer, before, now *sample, trunc bool) *statsRow {
	row := &statsRow{Container: c.typed, ID: c.ID, Name: strings.Join(c.Names, ","), PIDs: "0"}
	if trunc {
		row.ID = c.ID[:min(12, len(c.ID))]
	}
	if now == nil {
		now = &sample{}
	}
	row.CPUPerc = percent(cpuPercent(before, now))
	row.MemUsage = units.BytesSize(float64(now.MemUsage)) + " / " + units.BytesSize(float64(now.MemLimit))
	row.MemPerc = percent(0)
	if now.MemLimit > 0 {
		row.MemPerc = percent(float64(now.MemUsage) / float64(now.MemLimit) * 100)
	}
	row.NetIO = inAndOut(now.NetInput, now.NetOutput)
	row.BlockIO = inAndOut(now.BlockInput, now.BlockOutput)
	row.PIDs = strconv.FormatUint(now.PIDs, 10)
	const unknown = "--"
	if c.running() && now.MemUsage == 0 {
		row.MemUsage, row.MemPerc = unknown+" / "+unknown, unknown
	}
	if c.running() && now.PIDs == 0 {
		row.PIDs = unknown
	}
	return row
}

// cpuPercent is the CPU time used between two samples in percent of one CPU's.
func cpuPercent(before, now *sample) float64 {
	if before == nil || now.CPUNano < before.CPUNano || now.SystemNano <= before.SystemNano {
		return 0
	}
	return float64(now.CPUNano-before.CPUNano) / float64(now.SystemNano-before.SystemNano) * 100
}

func percent(value float64) string { return fmt.Sprintf("%.2f%%", value) }

func inAndOut(in, out uint64) string {
	return units.HumanSizeWithPrecision(float64(in), 3) + " / " + units.HumanSizeWithPrecision(float64(out), 3)
}
