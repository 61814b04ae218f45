package commands

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"text/template"
	"time"

	"dockless/bindings/engine"

	"github.com/docker/cli/templates"
	"github.com/docker/docker/api/types"
	"github.com/urfave/cli/v2"
)

// dockerVersion is the release of Docker's command line that this one follows;
// tools read it to know what they may ask for.
const dockerVersion = "28.2.2"

// versionTemplate prints what docker/cli prints, and Podman as the engine.
const versionTemplate = `{{with .Client -}}
Client: dockless
 Version:	{{.Version}}
 API version:	{{.APIVersion}}
 Go version:	{{.GoVersion}}
 Git commit:	{{.GitCommit}}
 OS/Arch:	{{.Os}}/{{.Arch}}
 Context:	{{.Context}}
{{- end}}
{{- with .Server}}

Server: {{.Platform.Name}}
 {{- range .Components}}
 {{.Name}}:
  {{- if isEngine .}}
  Version:	{{.Version}}
  API version:	{{.Details.ApiVersion}} (minimum version {{.Details.MinAPIVersion}})
  Go version:	{{.Details.GoVersion}}
  Git commit:	{{.Details.GitCommit}}
  Built:	{{.Details.BuildTime}}
  OS/Arch:	{{.Details.Os}}/{{.Details.Arch}}
  Experimental:	{{.Details.Experimental}}
  {{- else}}
  Version:	{{.Version}}
  {{- $details := .Details}}{{range details .}}
  {{.}}:	{{index $details .}}
  {{- end}}{{end}}
 {{- end}}
{{- end}}
`

// versionInfo and the types below have the fields, and the JSON, of docker's.
type versionInfo struct {
	Client clientVersion
	Server *types.Version
}

type clientVersion struct {
	Version           string
	APIVersion        string `json:"ApiVersion"`
	DefaultAPIVersion string
	GitCommit         string
	GoVersion         string
	Os                string
	Arch              string
	BuildTime         string `json:",omitempty"`
	Context           string
}

func ourVersion() clientVersion {
	api := strings.TrimPrefix(engine.Docker, "/v")
	return clientVersion{
		Version:           dockerVersion,
		APIVersion:        api,
		DefaultAPIVersion: api,
		GitCommit:         "dockless-" + version,
		GoVersion:         runtime.Version(),
		Os:                runtime.GOOS,
		Arch:              runtime.GOARCH,
		Context:           "default",
	}
}

func versionCommand(env *Env) *cli.Command {
	var format string
	return &cli.Command{
		Name:  "version",
		Usage: "Show the Docker version information",
		Flags: []cli.Flag{str(&format, "format", "f", objectFormatHelp)},
		Action: arguments(0, 0, func(ctx context.Context, _ []string) error {
			return showVersion(ctx, env, format)
		}),
	}
}

// objectFormatHelp is docker's help for the --format of a command that shows one
// thing.
const objectFormatHelp = `Format output using a custom template:
'json':             Print in JSON format
'TEMPLATE':         Print output using the given Go template.
Refer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates`

// printVersion is --version: tools read the number after "Docker version".
func printVersion(env *Env) error {
	_, err := fmt.Fprintf(env.Out, "Docker version %s, build dockless-%s\n", dockerVersion, version)
	return err
}

// showVersion prints the client's part also where no engine answers.
func showVersion(ctx context.Context, env *Env, format string) error {
	parsed, err := versionFormat(format)
	if err != nil {
		return err
	}
	shown := versionInfo{Client: ourVersion()}
	shown.Server, err = serverVersion(ctx, env)
	table := tabwriter.NewWriter(env.Out, 20, 1, 1, ' ', 0)
	executeErr := parsed.Execute(table, shown)
	if executeErr != nil && err == nil {
		return executeErr
	}
	if format != "" {
		fmt.Fprintln(table)
	}
	if flushErr := table.Flush(); flushErr != nil {
		return flushErr
	}
	return err
}

func versionFormat(format string) (*template.Template, error) {
	switch format {
	case "":
		format = versionTemplate
	case "json":
		format = "{{json .}}"
	}
	parsed, err := templates.New("version").Funcs(template.FuncMap{
		"isEngine": func(c types.ComponentVersion) bool { return c.Name == engineComponent },
		"details":  func(c types.ComponentVersion) []string { return slices.Sorted(maps.Keys(c.Details)) },
	}).Parse(format)
	if err != nil {
		return nil, &exit{code: exitTemplate, err: fmt.Errorf("template parsing error: %w", err)}
	}
	return parsed, nil
}

// exitTemplate is docker version's and docker info's code for a bad template.
const exitTemplate = 64

// engineComponent is Podman's name for what Docker calls "Engine".
const engineComponent = "Podman Engine"

// serverVersion asks Podman for its version in Docker's shape, and puts the
// parts right that are not in it.
func serverVersion(ctx context.Context, env *Env) (*types.Version, error) {
	conn, err := env.Engine(ctx)
	if err != nil {
		return nil, err
	}
	var server types.Version
	if err := engine.Call(conn, "GET", engine.Docker+"/version", nil, nil, &server); err != nil {
		return nil, fmt.Errorf("asking the engine for its version: %w", err)
	}
	for i := range server.Components {
		c := &server.Components[i]
		if c.Name == engineComponent {
			delete(c.Details, "APIVersion") // libpod's, which Docker's clients would misread
			c.Details["ApiVersion"], c.Details["MinAPIVersion"] = server.APIVersion, server.MinAPIVersion
			if built, err := time.Parse(time.RFC3339Nano, c.Details["BuildTime"]); err == nil {
				c.Details["BuildTime"] = built.Format(time.ANSIC)
			}
			continue
		}
		c.Version = bareVersion(c.Version)
	}
	return &server, nil
}

// bareVersion takes the version out of what a program prints as its version:
// "crun version 1.8.1\ncommit: …", "conmon version 2.1.6, commit: unknown".
func bareVersion(printed string) string {
	first, _, _ := strings.Cut(printed, "\n")
	if _, after, found := strings.Cut(first, " version "); found {
		first = after
	}
	first, _, _ = strings.Cut(first, ",")
	return first
}
