package commands

import (
	"fmt"
	"io"
	"text/tabwriter"

	"dockless/bindings/dockerfile"
	"dockless/bindings/store"
)

// targetList is what --call=targets,format=json prints.
// Source: List in https://github.com/moby/buildkit/blob/v0.25.1/frontend/subrequests/targets/targets.go
type targetList struct {
	Targets []targetRow `json:"targets"`
	Sources [][]byte    `json:"sources"`
}

type targetRow struct {
	Name        string          `json:"name,omitempty"`
	Default     bool            `json:"default,omitempty"`
	Description string          `json:"description,omitempty"`
	Base        string          `json:"base,omitempty"`
	Platform    string          `json:"platform,omitempty"`
	Location    warningLocation `json:"location,omitzero"`
}

// targets prints the stages that can be built.
func (o *buildOptions) targets(env *Env, file *dockerfile.File) error {
	found, err := file.Targets()
	if err != nil {
		return o.excerpt(env, err)
	}
	list := targetList{Sources: [][]byte{o.text}}
	for _, t := range found {
		list.Targets = append(list.Targets, targetRow{t.Name, t.Default, t.Description, t.Base, t.Platform, warningLocation{warningExtents(t.At)}})
	}
	if o.called.json {
		return printJSON(env, list)
	}
	table := tabwriter.NewWriter(env.Out, 0, 0, 1, ' ', 0)
	fmt.Fprintln(table, "TARGET\tDESCRIPTION")
	for _, t := range found {
		name := t.Name
		switch {
		case t.Default && name == "":
			name = "(default)"
		case t.Default:
			name += " (default)"
		}
		fmt.Fprintf(table, "%s\t%s\n", name, t.Description)
	}
	return table.Flush()
}

// outlineAnswer is what --call=outline,format=json prints.
// Source: Outline in https://github.com/moby/buildkit/blob/v0.25.1/frontend/subrequests/outline/outline.go
type outlineAnswer struct {
	Name        string             `json:"name,omitempty"`
	Description string             `json:"description,omitempty"`
	Args        []outlineParameter `json:"args,omitempty"`
	Secrets     []outlineParameter `json:"secrets,omitempty"`
	SSH         []outlineParameter `json:"ssh,omitempty"`
	Sources     [][]byte           `json:"sources,omitempty"`
}

type outlineParameter struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Value       string          `json:"value,omitempty"`
	Required    bool            `json:"required,omitempty"`
	Location    warningLocation `json:"location,omitzero"`
}

func outlineParameters(list []dockerfile.Parameter) (parameters []outlineParameter) {
	for _, p := range list {
		parameters = append(parameters, outlineParameter{p.Name, p.Description, p.Value, p.Required, warningLocation{warningExtents(p.At)}})
	}
	return parameters
}

// outline prints what can be said to the build of the target.
func (o *buildOptions) outline(env *Env, b *store.Build) error {
	found, err := b.Dockerfile.Outline(b.Options)
	if err != nil {
		return err
	}
	if o.called.json {
		return printJSON(env, outlineAnswer{
			found.Name, found.Description, outlineParameters(found.Args), outlineParameters(found.Secrets), outlineParameters(found.SSH), [][]byte{o.text},
		})
	}
	if found.Name != "" || found.Description != "" {
		table := tabwriter.NewWriter(env.Out, 0, 0, 1, ' ', 0)
		name := found.Name
		if name == "" {
			name = "(default)"
		}
		fmt.Fprintf(table, "TARGET:\t%s\n", name)
		if found.Description != "" {
			fmt.Fprintf(table, "DESCRIPTION:\t%s\n", found.Description)
		}
		if err := table.Flush(); err != nil {
			return err
		}
		fmt.Fprintln(env.Out)
	}
	for _, section := range []struct {
		title string
		list  []dockerfile.Parameter
	}{{"BUILD ARG\tVALUE\tDESCRIPTION", found.Args}, {"SECRET\tREQUIRED", found.Secrets}, {"SSH\tREQUIRED", found.SSH}} {
		if err := printParameters(env.Out, section.title, section.list, section.title[0] == 'B'); err != nil {
			return err
		}
	}
	return nil
}

func printParameters(out io.Writer, title string, list []dockerfile.Parameter, args bool) error {
	if len(list) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, title)
	for _, p := range list {
		required := ""
		if p.Required {
			required = "true"
		}
		if args {
			fmt.Fprintf(table, "%s\t%s\t%s\n", p.Name, p.Value, p.Description)
		} else {
			fmt.Fprintf(table, "%s\t%s\n", p.Name, required)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out)
	return err
}
