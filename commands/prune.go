package commands

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/docker/cli/opts"
	dockerfilters "github.com/docker/docker/api/types/filters"
	"github.com/docker/go-units"
	"github.com/urfave/cli/v2"
)

// pruned is what a prune removed of one kind.
type pruned struct {
	heading string
	lines   []string
	bytes   int64
}

// printPruned lists what was removed, and prints nothing for nothing.
func printPruned(env *Env, p pruned) {
	if len(p.lines) > 0 {
		fmt.Fprintf(env.Out, "%s\n%s\n\n", p.heading, strings.Join(p.lines, "\n"))
	}
}

func printReclaimed(env *Env, bytes int64) {
	fmt.Fprintln(env.Out, "Total reclaimed space:", units.HumanSize(float64(bytes)))
}

// pruneFilter is --filter of docker's prune commands, which has no short form:
// -f is --force.
func pruneFilter(dst *opts.FilterOpt, usage string) cli.Flag {
	*dst = opts.NewFilterOpt()
	return value(dst, "filter", "", usage)
}

// pruneFilters adds the filters of config.json (pruneFilters) to those of the
// command line; a label that contradicts one typed is left out.
// Source: https://docs.docker.com/reference/cli/docker/#docker-cli-configuration-file-configjson-properties
func pruneFilters(env *Env, typed opts.FilterOpt) dockerfilters.Args {
	result := typed.Value().Clone()
	for _, filter := range env.DockerConfigFile().PruneFilters {
		key, value, ok := strings.Cut(filter, "=")
		switch {
		case !ok, key == "label" && result.ExactMatch("label!", value) && result.Contains("label!"),
			key == "label!" && result.ExactMatch("label", value) && result.Contains("label"):
			continue
		}
		result.Add(key, value)
	}
	return result
}

// serverFilters is the query that hands filters to Podman's API.
func serverFilters(args dockerfilters.Args) (url.Values, error) {
	filters := map[string][]string{}
	for _, key := range args.Keys() {
		filters[key] = args.Get(key)
	}
	encoded, err := json.Marshal(filters)
	return url.Values{"filters": {string(encoded)}}, err
}

// hasLabels tells whether labels fit the filters label and label!.
func hasLabels(kept dockerfilters.Args, labels map[string]string) bool {
	return (!kept.Contains("label") || kept.MatchKVList("label", labels)) &&
		(!kept.Contains("label!") || !kept.MatchKVList("label!", labels))
}

// confirm asks below a warning whether the person is sure.
func confirm(ctx context.Context, env *Env, sure bool, warning string) (bool, error) {
	if sure {
		return true, nil
	}
	return agreed(ctx, env, warning+"\nAre you sure you want to continue?")
}

// agreed asks on standard output and reads the answer from standard input: only y
// is yes.
func agreed(ctx context.Context, env *Env, question string) (bool, error) {
	fmt.Fprint(env.Out, question+" [y/N] ")
	answer := make(chan string, 1)
	go func() {
		line := bufio.NewScanner(env.In)
		line.Scan()
		answer <- strings.TrimSpace(line.Text())
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(env.Out)
		return false, errors.New("prompt terminated")
	case a := <-answer:
		return strings.EqualFold(a, "y"), nil
	}
}

// checkPruneFilters refuses filters that docker's prune does not know, and a
// time that is none, before anything is removed.
// Source: https://docs.docker.com/reference/cli/docker/container/prune/#filter
func checkPruneFilters(kept dockerfilters.Args) error {
	if err := kept.Validate(map[string]bool{"label": true, "label!": true, "until": true}); err != nil {
		return err
	}
	times := kept.Get("until")
	if len(times) > 1 {
		return errors.New("more than one until filter specified")
	}
	for _, text := range times {
		if _, err := timestamp(text, time.Now()); err != nil {
			return err
		}
	}
	return nil
}
