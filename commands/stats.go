package commands

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"dockless/bindings/engine"
	"dockless/commands/output"

	"github.com/docker/cli/cli/command/formatter"
	dockerfilters "github.com/docker/docker/api/types/filters"
	"github.com/urfave/cli/v2"
)

type statsOptions struct {
	all, noStream, noTrunc bool
	format                 string
}

func statsCommand(env *Env) *cli.Command {
	o := &statsOptions{}
	return &cli.Command{
		Name:      "stats",
		Usage:     "Display a live stream of container(s) resource usage statistics",
		ArgsUsage: "[CONTAINER...]",
		Flags: []cli.Flag{
			boolean(&o.all, "all", "a", "Show all containers (default shows just running)"),
			str(&o.format, "format", "", formatHelp),
			boolean(&o.noStream, "no-stream", "", "Disable streaming stats and only pull the first result"),
			boolean(&o.noTrunc, "no-trunc", "", "Do not truncate output"),
		},
		Action: arguments(0, -1, func(ctx context.Context, args []string) error {
			return stats(ctx, env, o, args)
		}),
	}
}

func stats(ctx context.Context, env *Env, o *statsOptions, names []string) error {
	format := formatter.Format(listFormat(o.format, env.DockerConfigFile().StatsFormat, false))
	if format == formatter.TableFormatKey {
		format = "table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}"
	}
	if err := output.Check(format, &statsRow{}); err != nil {
		return err
	}
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	if _, err := statsContainers(conn, o.all, names); err != nil {
		return err // a name that is not there is worth no stream
	}
	// Two samples make a CPU percentage: with --no-stream, too, docker takes
	// them one second apart.
	samples, err := engine.Open(conn, http.MethodGet, engine.Libpod+"/containers/stats", url.Values{"stream": {"true"}, "interval": {"1"}}, nil)
	if err != nil {
		return err
	}
	defer samples.Body.Close()
	_, live := terminal(env.Out)
	live = live && !o.noStream
	decoder := json.NewDecoder(samples.Body)
	before, err := nextSample(decoder)
	for err == nil {
		var now map[string]*sample
		if now, err = nextSample(decoder); err != nil {
			break
		}
		shown, err := statsContainers(conn, o.all, names)
		if err != nil {
			return err
		}
		rows := make([]*statsRow, len(shown))
		for i, c := range shown {
			rows[i] = newStatsRow(c, before[c.ID], now[c.ID], !o.noTrunc)
		}
		if err := printStats(env.Out, format, rows, live); err != nil || o.noStream {
			return err
		}
		before = now
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return fmt.Errorf("reading stats: %w", err)
}

// sample is what Podman knows of one container at one time.
type sample struct {
	ContainerID             string
	CPUNano                 uint64 // CPU time used so far
	SystemNano              uint64 // the time of the sample
	MemUsage, MemLimit      uint64
	NetInput, NetOutput     uint64 // servers before 5
	Network                 map[string]struct{ RxBytes, TxBytes uint64 }
	BlockInput, BlockOutput uint64
	PIDs                    uint64
}

func nextSample(decoder *json.Decoder) (map[string]*sample, error) {
	var report struct {
		Error json.RawMessage
		Stats []*sample
	}
	if err := decoder.Decode(&report); err != nil {
		return nil, err
	}
	if text := string(report.Error); text != "null" && text != "" {
		return nil, fmt.Errorf("podman: %s", text)
	}
	byID := make(map[string]*sample, len(report.Stats))
	for _, s := range report.Stats {
		for _, network := range s.Network {
			s.NetInput += network.RxBytes
			s.NetOutput += network.TxBytes
		}
		byID[s.ContainerID] = s
	}
	return byID, nil
}

// statsContainer is a container to show, and how the person named it.
type statsContainer struct {
	*listedContainer
	typed string
}

// statsContainers returns the named containers, or all of them (running or
// not), the newest first.
func statsContainers(conn context.Context, all bool, names []string) ([]statsContainer, error) {
	list, err := listContainers(conn, &psOptions{all: all || len(names) > 0, last: -1}, &psFilter{args: dockerfilters.NewArgs()})
	if err != nil {
		return nil, err
	}
	var shown []statsContainer
	if len(names) == 0 {
		for _, c := range list {
			shown = append(shown, statsContainer{c, c.ID})
		}
	}
	var missing []error
	for _, name := range names {
		c, err := findListed(list, name)
		if err != nil {
			missing = append(missing, err)
			continue
		}
		if !slices.ContainsFunc(shown, func(s statsContainer) bool { return s.typed == name }) {
			shown = append(shown, statsContainer{c, name})
		}
	}
	return shown, errors.Join(missing...)
}

// printStats writes the table; a live one goes over the one before it.
func printStats(w io.Writer, format formatter.Format, rows []*statsRow, live bool) error {
	if !live {
		return output.Print(w, format, statsHeadings, rows)
	}
	const home, eraseLine, eraseBelow = "\x1b[H", "\x1b[K", "\x1b[J"
	var table bytes.Buffer
	if err := output.Print(&table, format, statsHeadings, rows); err != nil {
		return err
	}
	screen := home + strings.ReplaceAll(table.String(), "\n", eraseLine+"\n") + eraseBelow
	_, err := io.WriteString(w, screen)
	return err
}
