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
	"strings"
	"text/template"
	"time"

	"dockless/bindings/engine"

	"github.com/containers/podman/v4/pkg/domain/entities"
	"github.com/docker/cli/cli/command/formatter"
	"github.com/docker/cli/opts"
	"github.com/docker/cli/templates"
	dockerevents "github.com/docker/docker/api/types/events"
	dockerfilters "github.com/docker/docker/api/types/filters"
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
		return &exit{code: exitBadEventFormat, err: fmt.Errorf("Error parsing format: %w", err)} //nolint:revive,staticcheck // docker's own words
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

// period is the time that events are asked for. A time to come ends the stream;
// it is not sent, because servers differ in when they act on it.
func (o *eventsOptions) period(now time.Time) (query url.Values, until time.Time, err error) {
	query = url.Values{"stream": {"true"}}
	if o.until != "" {
		if until, err = timestamp(o.until, now); err != nil {
			return nil, until, err
		}
		if !until.After(now) {
			query.Set("stream", "false")
			query.Set("until", until.UTC().Format(time.RFC3339Nano))
		}
	}
	if o.since != "" {
		since, err := timestamp(o.since, now)
		if err != nil {
			return nil, until, err
		}
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

// dockerActions are docker's names for what Podman tells, by type; what is not
// here docker has no event for.
// Source: https://docs.docker.com/reference/cli/docker/system/events/#object-types
var dockerActions = map[string]map[string]string{
	"container": {
		"attach": "attach", "checkpoint": "checkpoint", "commit": "commit", "copy": "copy", "create": "create",
		"died": "die", "exec": "exec_start", "exec_died": "exec_die", "export": "export", "health_status": "health_status",
		"kill": "kill", "pause": "pause", "prune": "prune", "remove": "destroy", "rename": "rename", "resize": "resize",
		"restart": "restart", "start": "start", "stop": "stop", "unpause": "unpause", "update": "update",
	},
	"image": {
		"build": "build", "import": "import", "loadfromarchive": "load", "prune": "prune", "pull": "pull", "push": "push",
		"remove": "delete", "save": "save", "tag": "tag", "untag": "untag",
	},
	"volume":  {"create": "create", "prune": "prune", "remove": "destroy"},
	"network": {"connect": "connect", "create": "create", "disconnect": "disconnect", "prune": "prune", "remove": "destroy"},
}

// dockerEvent says one of Podman's events as docker does.
func dockerEvent(e entities.Event) (dockerevents.Message, bool) {
	event := e.Message
	action, known := dockerActions[event.Type][event.Action]
	attributes := event.Actor.Attributes
	if attributes == nil {
		attributes = map[string]string{}
	}
	exitCode := attributes["containerExitCode"]
	name := attributes["name"]
	delete(attributes, "containerExitCode")
	delete(attributes, "podId")
	switch event.Type {
	case dockerevents.ContainerEventType:
		attributes["image"] = shortName(attributes["image"])
		event.From = attributes["image"]
		if action == "die" || action == "exec_die" {
			attributes["exitCode"] = exitCode
		}
		if action == "health_status" {
			action += ": " + healthOf(e)
		}
		delete(attributes, "health_status")
	case dockerevents.ImageEventType:
		delete(attributes, "image")
		attributes["name"] = shortName(name)
		if event.Actor.ID == "" {
			event.Actor.ID = attributes["name"]
		}
	case dockerevents.VolumeEventType:
		event.Actor.ID = name
		event.Actor.Attributes = map[string]string{"driver": "local"}
	case dockerevents.NetworkEventType:
		delete(attributes, "image")
		if network := attributes["network"]; network != "" {
			attributes["name"] = dockerNetwork(network)
			delete(attributes, "network")
		}
		if driver := attributes["driver"]; driver != "" {
			attributes["type"] = driver
			delete(attributes, "driver")
		}
	}
	event.Action, event.Status, event.ID = action, action, event.Actor.ID
	if event.Type == dockerevents.VolumeEventType || event.Type == dockerevents.NetworkEventType {
		event.Status, event.ID = "", ""
	}
	return event, known
}

func healthOf(e entities.Event) string {
	if e.HealthStatus != "" {
		return e.HealthStatus
	}
	return e.Actor.Attributes["health_status"]
}

// eventFilters are the filters that docker events knows; the first three groups
// are matched, the rest are a swarm's, of which there is never an event.
var eventFilters = map[string]bool{
	"container": true, "image": true, "network": true, "volume": true,
	"event": true, "label": true, "scope": true, "type": true,
	"daemon": true,
	"config": true, "node": true, "plugin": true, "secret": true, "service": true,
}

// matchesEvent is docker's filter: every key must match, by any of its values.
func matchesEvent(wanted dockerfilters.Args, event dockerevents.Message) bool {
	for _, key := range wanted.Keys() {
		matches := false
		switch key {
		case "event":
			matches = wanted.ExactMatch(key, event.Action) || wanted.ExactMatch(key, strings.SplitN(event.Action, ":", 2)[0])
		case "type":
			matches = wanted.ExactMatch(key, event.Type)
		case "scope":
			matches = wanted.ExactMatch(key, event.Scope)
		case "label":
			matches = wanted.MatchKVList(key, event.Actor.Attributes)
		case "image":
			matches = matchesEventImage(wanted, event)
		default: // an object's type: its id or name, or the beginning of one
			matches = event.Type == key && (wanted.FuzzyMatch(key, event.Actor.ID) || wanted.FuzzyMatch(key, event.Actor.Attributes["name"])) ||
				key == dockerevents.ContainerEventType && event.Type == dockerevents.NetworkEventType && wanted.FuzzyMatch(key, event.Actor.Attributes["container"])
		}
		if !matches {
			return false
		}
	}
	return true
}

// matchesEventImage matches an image's own events and those of its containers,
// with or without the tag.
func matchesEventImage(wanted dockerfilters.Args, event dockerevents.Message) bool {
	name := event.Actor.Attributes["image"]
	if event.Type == dockerevents.ImageEventType {
		name = event.Actor.Attributes["name"]
	}
	return slices.ContainsFunc(wanted.Get("image"), func(typed string) bool {
		short := shortName(typed)
		repository, _, _ := strings.Cut(name, ":")
		return typed == event.Actor.ID || strings.HasPrefix(event.Actor.ID, typed) && isHex(typed) || name != "" && (short == name || short == repository)
	})
}
