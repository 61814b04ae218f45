package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"dockless/bindings/engine"

	"github.com/docker/go-connections/nat"
	docker "github.com/fsouza/go-dockerclient"
	"github.com/openshift/imagebuilder"
)

// commitConfig is a container's configuration before and after the instructions
// of commit --change.
type commitConfig struct{ before, after docker.Config }

// changedConfig applies Dockerfile instructions to a container's configuration:
// ENV PATH=$PATH:/x and a relative WORKDIR go by what it has.
func changedConfig(conn context.Context, id string, changes []string) (*commitConfig, error) {
	var container struct{ Config docker.Config }
	if err := engine.Call(conn, http.MethodGet, engine.Docker+"/containers/"+id+"/json", nil, nil, &container); err != nil {
		return nil, err
	}
	before := container.Config
	if number, err := parseSignal(before.StopSignal); err == nil && number == 15 {
		before.StopSignal = "" // Podman's default, which no one chose
	}
	c := &commitConfig{before: before}
	if len(changes) == 0 {
		c.after = before
		return c, nil
	}
	text := strings.Join(changes, "\n")
	if strings.TrimSpace(text) == "" {
		return nil, errors.New("--change: file with no instructions")
	}
	node, err := imagebuilder.ParseDockerfile(strings.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("reading --change: %w", err)
	}
	builder := imagebuilder.NewBuilder(nil)
	builder.RunConfig = before
	builder.RunConfig.Labels = maps.Clone(before.Labels)
	builder.RunConfig.ExposedPorts = maps.Clone(before.ExposedPorts)
	builder.RunConfig.Volumes = maps.Clone(before.Volumes)
	builder.RunConfig.Env = slices.Clone(before.Env)
	for _, instruction := range node.Children {
		step := builder.Step()
		if err := step.Resolve(instruction); err != nil {
			return nil, fmt.Errorf("reading --change %q: %w", instruction.Original, err)
		}
		switch strings.ToUpper(step.Command) {
		case "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "ONBUILD", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR":
		default:
			return nil, fmt.Errorf("%s is not a valid change command", strings.ToUpper(step.Command))
		}
		if err := builder.Run(step, imagebuilder.NoopExecutor, true); err != nil {
			return nil, fmt.Errorf("reading --change %q: %w", instruction.Original, err)
		}
	}
	c.after = builder.RunConfig
	return c, expandPorts(c.after.ExposedPorts)
}

// expandPorts makes single ports of EXPOSE's ranges.
func expandPorts(ports map[docker.Port]struct{}) error {
	for _, port := range slices.Collect(maps.Keys(ports)) {
		start, end, err := nat.ParsePortRange(port.Port())
		if err != nil || start < 1 {
			return fmt.Errorf("Invalid containerPort: %s", port.Port())
		}
		delete(ports, port)
		for n := start; n <= end; n++ {
			ports[docker.Port(fmt.Sprintf("%d/%s", n, port.Proto()))] = struct{}{}
		}
	}
	return nil
}

// override is the configuration as Podman 4.9 and later takes it, in the body:
// what it does not name is kept, but for the stop signal and ONBUILD.
func (c *commitConfig) override() map[string]any {
	body := map[string]any{
		"User":         c.after.User,
		"ExposedPorts": c.after.ExposedPorts,
		"Env":          c.newEnv(),
		"Volumes":      c.after.Volumes,
		"WorkingDir":   c.after.WorkingDir,
		"Labels":       c.after.Labels,
		"StopSignal":   c.after.StopSignal,
		"OnBuild":      c.after.OnBuild,
	}
	if c.commandChanged() {
		body["Entrypoint"], body["Cmd"] = c.after.Entrypoint, c.after.Cmd
	}
	if c.after.Healthcheck != nil {
		body["Healthcheck"] = c.after.Healthcheck
	}
	return body
}

// newEnv is what the instructions set; the rest (HOSTNAME, HOME) is the
// container's own and no image's.
func (c *commitConfig) newEnv() []string {
	return slices.DeleteFunc(slices.Clone(c.after.Env), func(pair string) bool { return slices.Contains(c.before.Env, pair) })
}

func (c *commitConfig) commandChanged() bool {
	return !slices.Equal(c.before.Entrypoint, c.after.Entrypoint) || !slices.Equal(c.before.Cmd, c.after.Cmd)
}

// instructions are the changes as Podman 4.3 reads them: one value each, taken
// literally but for quotes around the whole of it.
func (c *commitConfig) instructions() ([]string, error) {
	var all []string
	add := func(word, value string) { all = append(all, word+" "+value) }
	if c.commandChanged() {
		for word, command := range map[string][]string{"ENTRYPOINT": c.after.Entrypoint, "CMD": c.after.Cmd} {
			if command == nil {
				command = []string{}
			}
			text, err := json.Marshal(command)
			if err != nil {
				return nil, err
			}
			add(word, string(text))
		}
	}
	for _, pair := range c.newEnv() {
		name, value, _ := strings.Cut(pair, "=")
		add("ENV", name+`="`+value+`"`)
	}
	for name, value := range c.after.Labels {
		if old, had := c.before.Labels[name]; !had || old != value {
			add("LABEL", name+`="`+value+`"`)
		}
	}
	for port := range c.after.ExposedPorts {
		if _, had := c.before.ExposedPorts[port]; !had {
			add("EXPOSE", string(port))
		}
	}
	for volume := range c.after.Volumes {
		if _, had := c.before.Volumes[volume]; !had {
			text, err := json.Marshal([]string{volume})
			if err != nil {
				return nil, err
			}
			add("VOLUME", string(text))
		}
	}
	for word, values := range map[string][2]string{
		"USER":       {c.before.User, c.after.User},
		"WORKDIR":    {c.before.WorkingDir, c.after.WorkingDir},
		"STOPSIGNAL": {c.before.StopSignal, c.after.StopSignal},
	} {
		if values[0] != values[1] {
			add(word, values[1])
		}
	}
	for _, later := range c.after.OnBuild {
		add("ONBUILD", later)
	}
	if c.after.Healthcheck != nil && c.after.Healthcheck != c.before.Healthcheck {
		return nil, errors.New("--change HEALTHCHECK is not possible with Podman before 4.9: give --health-cmd to run, or use a newer Podman")
	}
	return all, nil
}
