package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"dockless/bindings/engine"

	"github.com/containers/podman/v4/pkg/domain/entities"
	"github.com/docker/cli/cli/command/formatter"
	"github.com/docker/cli/opts"
	"github.com/docker/cli/templates"
	dockerevents "github.com/docker/docker/api/types/events"
	"github.com/urfave/cli/v2"
)

type eventsOptions struct {
	since, until, format string
	filter               opts.FilterOpt
}

func eventsCommand(env *Env) *cli.Command {
	o := &eventsOptions{}
	return &cli.Command{
		Name:  "events",
		Usage: "Get real time events from the server",
		Flags: []cli.Flag{
			filters(&o.filter, "Filter output based on conditions provided"),
			str(&o.format, "format", "", inspectFormatHelp),
			str(&o.since, "since", "", "Show all events created since timestamp"),
			str(&o.until, "until", "", "Stream events until this timestamp"),
		},
		Action: arguments(0, 0, func(ctx context.Context, _ []string) error {
			return events(ctx, env, o)
		}),
	}
}

func events(ctx context.Context, env *Env, o *eventsOptions) error {
	line, err := eventTemplate(o.format)
	if err != nil {
		return &exit{code: exitBadEventFormat, err: fmt.Errorf("Error parsing format: %w", err)}
	}
	if err := o.filter.Value().Validate(eventFilters); err != nil {
		return err
	}
	now := time.Now()
	query, until, err := o.period(now)
	if err != nil {
		return err
	}
	if until.After(now) {
		var stop context.CancelFunc
		ctx, stop = context.WithDeadline(ctx, until.Add(lateEvents))
		defer stop()
	}
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	stream, err := engine.Open(conn, http.MethodGet, engine.Libpod+"/events", query, nil)
	if err != nil {
		return err
	}
	defer stream.Body.Close()
	decoder := json.NewDecoder(stream.Body)
	for {
		var happened entities.Event
		err := decoder.Decode(&happened)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, context.DeadlineExceeded):
			return nil
		case err != nil:
			return fmt.Errorf("reading events: %w", err)
		}
		event, known := dockerEvent(happened)
		if !known || !until.IsZero() && time.Unix(0, event.TimeNano).After(until) || !matchesEvent(o.filter.Value(), event) {
			continue
		}
		if err := printEvent(env.Out, event, line); err != nil {
			return err
		}
	}
}

// exitBadEventFormat is docker's code for events --format that does not parse.
const exitBadEventFormat = 64

// lateEvents is how long we wait past --until for what happened before it: the
// server reads a log that others write.
const lateEvents = time.Second

// period is the time that events are asked for. Its end is not sent: servers
// stop at a time that is past before they have read what happened until then,
// and at one to come when it suits them.
func (o *eventsOptions) period(now time.Time) (query url.Values, until time.Time, err error) {
	query = url.Values{"stream": {"true"}}
	var since time.Time
	if o.until != "" {
		if until, err = timestamp(o.until, now); err != nil {
			return nil, until, err
		}
		since = time.Unix(0, 0)
		query.Set("stream", strconv.FormatBool(until.After(now)))
	}
	if o.since != "" {
		if since, err = timestamp(o.since, now); err != nil {
			return nil, until, err
		}
	}
	if !since.IsZero() {
		query.Set("since", since.UTC().Format(time.RFC3339Nano))
	}
	return query, until, nil
}

// eventTemplate parses --format and tries it on an empty event; nil is docker's
// own line.
func eventTemplate(format string) (*template.Template, error) {
	switch format {
	case "":
		return nil, nil
	case formatter.JSONFormatKey:
		format = formatter.JSONFormat
	}
	line, err := templates.Parse(format)
	if err != nil {
		return nil, err
	}
	return line, line.Execute(io.Discard, &dockerevents.Message{})
}

func printEvent(w io.Writer, event dockerevents.Message, line *template.Template) error {
	var text strings.Builder
	if line != nil {
		if err := line.Execute(&text, event); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(&text, "%s %s %s %s", time.Unix(0, event.TimeNano).Format(fixedNano), event.Type, event.Action, event.Actor.ID)
		var details []string
		for _, key := range slices.Sorted(maps.Keys(event.Actor.Attributes)) {
			details = append(details, key+"="+event.Actor.Attributes[key])
		}
		if len(details) > 0 {
			fmt.Fprintf(&text, " (%s)", strings.Join(details, ", "))
		}
	}
	_, err := fmt.Fprintln(w, text.String())
	return err
}
