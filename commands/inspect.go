package commands

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"

	"github.com/docker/cli/templates"
	"github.com/urfave/cli/v2"
)

const inspectFormatHelp = `Format output using a custom template:
'json':             Print in JSON format
'TEMPLATE':         Print output using the given Go template.
Refer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates`

func inspectCommand(env *Env) *cli.Command {
	var (
		format string
		kind   optional
		size   bool
	)
	return &cli.Command{
		Name:      "inspect",
		Usage:     "Return low-level information on Docker objects",
		ArgsUsage: "NAME|ID [NAME|ID...]",
		Flags: []cli.Flag{
			str(&format, "format", "f", inspectFormatHelp),
			boolean(&size, "size", "s", "Display total file sizes if the type is container"),
			value(&kind, "type", "", "Only inspect objects of the given type"),
		},
		Action: arguments(1, -1, func(ctx context.Context, args []string) error {
			if kind.given && kind.value == "" {
				return fmt.Errorf(`type is empty: must be one of "%s"`, strings.Join(objectTypes, `", "`))
			}
			if kind.given && !slices.Contains(objectTypes, kind.value) {
				return fmt.Errorf(`unknown type: %q: must be one of "%s"`, kind.value, strings.Join(objectTypes, `", "`))
			}
			return inspect(env, args, format, func(name string) (any, error) {
				return inspectAny(ctx, env, name, kind.value, size)
			})
		}),
	}
}

var objectTypes = []string{"config", "container", "image", "network", "node", "plugin", "secret", "service", "task", "volume"}

// inspectAny finds the object of that name; without a kind it looks through the
// kinds in docker's order.
func inspectAny(ctx context.Context, env *Env, name, kind string, size bool) (any, error) {
	conn, err := env.Engine(ctx)
	if err != nil {
		return nil, err
	}
	for _, known := range []struct {
		kind string
		find func() (any, error)
	}{
		{"container", func() (any, error) { return inspectContainer(conn, name, size) }},
		{"image", func() (any, error) { return inspectImage(conn, name, nil) }},
		{"network", func() (any, error) { return inspectNetwork(conn, name) }},
		{"volume", func() (any, error) { return inspectVolume(conn, name) }},
	} {
		if kind != "" && kind != known.kind {
			continue
		}
		object, err := known.find()
		if kind == "" && skippable(err) {
			continue
		}
		if err == nil && size && known.kind != "container" {
			fmt.Fprintln(env.Err, "WARNING: --size ignored for", known.kind)
		}
		return object, err
	}
	switch kind {
	case "":
		return nil, &noSuch{kind: "object", name: name}
	case "plugin":
		return nil, fmt.Errorf("plugin %q not found: Podman has no plugins to inspect", name)
	default:
		return nil, fmt.Errorf("no %s %s: Podman has no swarm", kind, name)
	}
}

// skippable tells that a name means nothing to one kind of object: another kind
// may know it.
func skippable(err error) bool {
	var missing *noSuch
	return errors.As(err, &missing) || err != nil && strings.Contains(err.Error(), "invalid reference format")
}

// inspect prints the objects of these names together: as an indented JSON list,
// as a compact one (format "json") or through a template. What is not found
// does not keep the others from being printed.
func inspect(env *Env, names []string, format string, find func(name string) (any, error)) error {
	var tmpl *template.Template
	if format != "" && format != "json" {
		var err error
		if tmpl, err = templates.Parse(format); err != nil {
			return &exit{code: 64, err: fmt.Errorf("template parsing error: %w", err)}
		}
	}
	var (
		failed  []error
		objects = []any{}
		printed bytes.Buffer
	)
	for _, name := range names {
		object, err := find(name)
		if err == nil && tmpl != nil {
			err = execute(&printed, tmpl, object)
		}
		if err != nil {
			failed = append(failed, err)
			continue
		}
		objects = append(objects, object)
	}
	if err := printInspected(env.Out, format, objects, printed.Bytes()); err != nil {
		return fmt.Errorf("writing the output: %w", err)
	}
	for _, err := range failed {
		complain(env.Err, env.Program, err)
	}
	if failed != nil {
		return &exit{code: exitError}
	}
	return nil
}

func printInspected(w io.Writer, format string, objects []any, printed []byte) error {
	if format != "" && format != "json" {
		if len(printed) == 0 {
			printed = []byte("\n") // docker's empty line for nothing
		}
		_, err := w.Write(printed)
		return err
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if format == "" {
		encoder.SetIndent("", "    ")
	}
	return encoder.Encode(objects)
}

// execute tries the template on the object's Go fields, then, as docker does,
// on its JSON keys, where a key that is not there is an error.
func execute(w *bytes.Buffer, tmpl *template.Template, object any) error {
	var line bytes.Buffer
	if err := tmpl.Execute(&line, object); err != nil {
		raw, err := jsonKeys(object)
		if err != nil {
			return err
		}
		strict, err := tmpl.Clone()
		if err != nil {
			return err
		}
		line.Reset()
		if err := strict.Option("missingkey=error").Execute(&line, raw); err != nil {
			return fmt.Errorf("template parsing error: %w", err)
		}
	}
	line.WriteByte('\n')
	_, err := line.WriteTo(w)
	return err
}

func jsonKeys(object any) (raw any, err error) {
	encoded, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("reading what was inspected: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber()
	if err := decoder.Decode(&raw); err != nil {
		return nil, fmt.Errorf("reading what was inspected: %w", err)
	}
	return raw, nil
}
