package commands

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"dockless/bindings/store"
	"dockless/commands/output"

	"github.com/distribution/reference"
	"github.com/docker/cli/cli/command/formatter"
	"github.com/docker/cli/opts"
	"github.com/urfave/cli/v2"
)

type searchOptions struct {
	filter opts.FilterOpt
	format string
	limit  int
	whole  bool
}

func searchCommand(env *Env) *cli.Command {
	o := &searchOptions{}
	return &cli.Command{
		Name:      "search",
		Usage:     "Search Docker Hub for images",
		ArgsUsage: "TERM",
		Flags: []cli.Flag{
			filters(&o.filter, "Filter output based on conditions provided"),
			str(&o.format, "format", "", "Pretty-print search using a Go template"),
			integer(&o.limit, "limit", "", "Max number of search results"),
			boolean(&o.whole, "no-trunc", "", "Don't truncate output"),
		},
		Action: arguments(1, 1, func(ctx context.Context, args []string) error {
			return search(ctx, env, args[0], o)
		}),
	}
}

// searchFilters are the filters that docker search knows.
// Source: https://docs.docker.com/reference/cli/docker/search/#filter
var searchFilters = map[string]bool{"is-automated": true, "is-official": true, "stars": true}

var searchHeadings = output.Headings{
	"Name": "NAME", "Description": "DESCRIPTION", "StarCount": "STARS", "IsOfficial": "OFFICIAL",
}

// usualResults is how many docker search asks for.
const usualResults = 25

func search(ctx context.Context, env *Env, term string, o *searchOptions) error {
	format := formatter.Format(o.format)
	if o.format == "" || o.format == formatter.TableFormatKey {
		format = "table {{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}"
	}
	if err := output.Check(format, &searchRow{}); err != nil {
		return err
	}
	wanted := o.filter.Value()
	if err := wanted.Validate(searchFilters); err != nil {
		return err
	}
	if wanted.Contains("is-automated") {
		fmt.Fprintln(env.Err, `WARNING: the "is-automated" filter is deprecated, and searching for "is-automated=true" will not yield any results in future.`)
	}
	automated, err := wanted.GetBoolOrDefault("is-automated", false)
	if err != nil {
		return err
	}
	official, err := wanted.GetBoolOrDefault("is-official", false)
	if err != nil {
		return err
	}
	stars := 0
	for _, value := range wanted.Get("stars") {
		n, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("invalid filter 'stars=%s': %w", value, err)
		}
		stars = max(stars, n)
	}
	limit := o.limit
	if limit == 0 {
		limit = usualResults
	}
	if limit < 1 || limit > 100 {
		return fmt.Errorf("limit %d is outside the range of [1, 100]", limit)
	}
	if strings.HasPrefix(term, "http://") || strings.HasPrefix(term, "https://") {
		return fmt.Errorf("invalid repository name: repository name (%s) should not have a scheme", term)
	}
	host, term := splitSearch(term)
	name, err := reference.ParseNormalizedNamed(host + "/search")
	if err != nil {
		return err
	}
	if err := env.Credentials(ctx, name); err != nil {
		return err
	}
	quietLibraries()
	found, err := store.Search(ctx, host, term, limit)
	if err != nil {
		return err
	}
	var rows []*searchRow
	for _, f := range found {
		if wanted.Contains("is-automated") && f.IsAutomated != automated || wanted.Contains("is-official") && f.IsOfficial != official || f.StarCount < stars {
			continue
		}
		description := strings.NewReplacer("\n", " ", "\r", " ").Replace(f.Description)
		if !o.whole {
			description = formatter.Ellipsis(description, 45)
		}
		rows = append(rows, &searchRow{Description: description, IsOfficial: mark(f.IsOfficial), Name: f.Name, StarCount: strconv.Itoa(f.StarCount)})
	}
	return output.Print(env.Out, format, searchHeadings, rows)
}

// splitSearch splits what is searched for into the registry and the rest, as
// docker does.
func splitSearch(term string) (host, rest string) {
	first, rest, found := strings.Cut(term, "/")
	if !found || !strings.ContainsAny(first, ".:") && first != "localhost" || first == "docker.io" || first == "index.docker.io" {
		if first == "docker.io" || first == "index.docker.io" {
			term = rest
		}
		return "docker.io", term
	}
	return first, rest
}

// searchRow is what docker search tells of a repository.
type searchRow struct {
	output.Row
	Description string
	IsOfficial  mark
	Name        string
	StarCount   string
}

// mark is [OK] in a table, and a string in docker's JSON.
type mark bool

func (m mark) String() string {
	if m {
		return "[OK]"
	}
	return ""
}

// MarshalJSON makes "true" or "false".
func (m mark) MarshalJSON() ([]byte, error) { return json.Marshal(strconv.FormatBool(bool(m))) }
