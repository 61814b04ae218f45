package dockerfile

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/docker/go-connections/nat"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// changes are the instructions that need no container.
var changes = []string{"CMD", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "ONBUILD", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"}

// Change applies instructions of a Dockerfile, each a line or several, to an
// image's configuration, and leaves its history. With an error, which is in
// docker's words, nothing has changed.
// Source: https://docs.docker.com/reference/cli/docker/container/commit/#change
func Change(image *Image, lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	tree, err := parser.Parse(strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		return err
	}
	for _, node := range tree.AST.Children {
		if !slices.Contains(changes, strings.ToUpper(node.Value)) {
			return fmt.Errorf("%s is not a valid change command", node.Value)
		}
	}
	c := configure(*image)
	for _, node := range tree.AST.Children {
		if err := c.change(node, newLexer(tree.EscapeToken)); err != nil {
			return err
		}
	}
	changed := c.result()
	keep(&changed.Config, image.Config)
	*image = changed
	return nil
}

// keep puts back what instructions have emptied, as docker does.
func keep(config *ImageConfig, before ImageConfig) {
	if len(config.Entrypoint) == 0 {
		if len(config.Cmd) == 0 {
			config.Cmd = before.Cmd
		}
		config.Entrypoint = before.Entrypoint
	}
	if now, old := config.Healthcheck, before.Healthcheck; now != nil && old != nil {
		now.Interval = cmp.Or(now.Interval, old.Interval)
		now.Timeout = cmp.Or(now.Timeout, old.Timeout)
		now.StartPeriod = cmp.Or(now.StartPeriod, old.StartPeriod)
		now.StartInterval = cmp.Or(now.StartInterval, old.StartInterval)
		now.Retries = cmp.Or(now.Retries, old.Retries)
	}
}

func (c *configuration) change(node *parser.Node, words *lexer) error {
	command, err := instructions.ParseCommand(node)
	if err != nil {
		return err
	}
	if expands, is := command.(instructions.SupportsSingleWordExpansion); is {
		if err := expands.Expand(func(word string) (string, error) {
			word, _, err := words.ProcessWord(word, c.env)
			return word, err
		}); err != nil {
			return err
		}
	}
	switch i := command.(type) {
	case *instructions.WorkdirCommand:
		err = c.enter(path.Clean(i.Path))
	case *instructions.ExposeCommand:
		if err = expandPorts(i, c.env, words); err != nil {
			return err
		}
		if _, _, err = nat.ParsePortSpecs(i.Ports); err == nil { // in docker's words, which are not those of a build
			_, err = c.apply(command, c.env, words)
		}
	default:
		_, err = c.apply(command, c.env, words)
	}
	return err
}
