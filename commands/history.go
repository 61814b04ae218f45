package commands

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"dockless/commands/output"

	"github.com/containers/podman/v4/pkg/api/handlers/types"
	"github.com/docker/cli/cli/command/formatter"
	"github.com/docker/go-units"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/urfave/cli/v2"
)

type historyOptions struct {
	human, noTrunc, quiet bool
	format, platform      string
}

func historyCommand(env *Env) *cli.Command {
	o := &historyOptions{human: true}
	return &cli.Command{
		Name:      "history",
		Usage:     "Show the history of an image",
		ArgsUsage: "IMAGE",
		Flags: []cli.Flag{
			str(&o.format, "format", "", formatHelp),
			boolean(&o.human, "human", "H", "Print sizes and dates in human readable format"),
			boolean(&o.noTrunc, "no-trunc", "", "Don't truncate output"),
			str(&o.platform, "platform", "", `Show history for the given platform. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")`),
			boolean(&o.quiet, "quiet", "q", "Only show image IDs"),
		},
		Action: arguments(1, 1, func(ctx context.Context, args []string) error {
			platform, err := wantedPlatform(o.platform)
			if err != nil {
				return fmt.Errorf("invalid platform: %w", err)
			}
			return history(ctx, env, args[0], platform, o)
		}),
	}
}

// history prints the steps that made an image, the last one first.
func history(ctx context.Context, env *Env, typed string, platform *imagespec.Platform, o *historyOptions) error {
	format := historyFormat(o)
	if err := output.Check(format, &historyRow{}); err != nil {
		return err
	}
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	if platform != nil {
		if _, err := inspectImage(conn, typed, platform); err != nil {
			return err
		}
	}
	all, err := readImages(conn)
	if err != nil {
		return err
	}
	image, _, err := all.find(typed)
	if err != nil {
		return err
	}
	described, err := readImage(conn, image.ID)
	if err != nil {
		return absentImage(familiarName(typed), err)
	}
	steps, err := historySteps(conn, described)
	if err != nil {
		return absentImage(familiarName(typed), err)
	}
	if len(steps) > 0 && described.Comment != "" { // commit -m: Podman keeps it beside the history
		steps[0].Comment = described.Comment
	}
	rows := make([]*historyRow, len(steps))
	for i, step := range steps {
		// Podman names the images of the layers, and is off by one where a step made none.
		id := "<missing>"
		if image != nil {
			id = "sha256:" + image.ID
			image = all.byID(image.ParentId)
		}
		rows[i] = newHistoryRow(id, step, o)
	}
	return output.Print(env.Out, format, historyHeadings, rows)
}

func historyFormat(o *historyOptions) formatter.Format {
	switch {
	case o.format != "" && o.format != formatter.TableFormatKey:
		return formatter.Format(o.format)
	case o.quiet:
		return formatter.DefaultQuietFormat
	case o.human:
		return "table {{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}"
	}
	return "table {{.ID}}\t{{.CreatedAt}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}"
}

// historyRow is a line of docker history.
// Source: https://docs.docker.com/reference/cli/docker/image/history/#format
type historyRow struct {
	output.Row
	Comment, CreatedAt, CreatedBy, CreatedSince, ID, Size string
}

var historyHeadings = output.Headings{
	"Comment": "COMMENT", "CreatedAt": "CREATED AT", "CreatedBy": "CREATED BY", "CreatedSince": "CREATED", "ID": "IMAGE", "Size": "SIZE",
}

// MarshalJSON writes what a template's json would leave as it is (<, >, &) as
// docker's rows do.
func (r *historyRow) MarshalJSON() ([]byte, error) {
	type plain historyRow
	return json.Marshal((*plain)(r))
}

func newHistoryRow(id string, step *types.HistoryResponse, o *historyOptions) *historyRow {
	created := time.Unix(step.Created, 0)
	row := &historyRow{
		Comment:      step.Comment,
		CreatedAt:    created.Format(time.RFC3339),
		CreatedBy:    strings.ReplaceAll(step.CreatedBy, "\t", " "),
		CreatedSince: created.Format(time.RFC3339),
		ID:           id,
		Size:         strconv.FormatInt(step.Size, 10),
	}
	if o.human {
		row.CreatedSince = "N/A"
		if created.Year() >= 2000 { // before that it is no date but a build without one
			row.CreatedSince = units.HumanDuration(time.Since(created)) + " ago"
		}
		row.Size = units.HumanSizeWithPrecision(float64(step.Size), 3)
	}
	if !o.noTrunc {
		row.ID = strings.TrimPrefix(id, "sha256:")[:min(12, len(id))]
		row.CreatedBy = formatter.Ellipsis(row.CreatedBy, 45)
	}
	return row
}
