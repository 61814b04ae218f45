package dockerfile

import (
	"maps"
	"slices"
	"strings"
)

// environment has variables in the order in which they came. It is what
// BuildKit's shell.Lex takes values from.
type environment struct {
	names []string
	pairs []string       // NAME=VALUE, which lists share: it only grows, or becomes another
	at    map[string]int // in both
}

func newEnvironment(pairs []string) *environment {
	e := &environment{at: make(map[string]int, len(pairs))}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		e.set(name, value)
	}
	return e
}

// Get is for shell.EnvGetter.
func (e *environment) Get(name string) (value string, set bool) {
	at, set := e.at[name]
	if set {
		value = e.pairs[at][len(name)+1:]
	}
	return value, set
}

// Keys is for shell.EnvGetter.
func (e *environment) Keys() []string { return e.names }

func (e *environment) set(name, value string) {
	pair := name + "=" + value
	at, set := e.at[name]
	switch {
	case !set:
		e.at[name] = len(e.names)
		e.names, e.pairs = append(e.names, name), append(e.pairs, pair)
	case e.pairs[at] != pair:
		e.pairs = slices.Clone(e.pairs)
		e.pairs[at] = pair
	}
}

// list has all variables as NAME=VALUE. Nobody may change its elements.
func (e *environment) list() []string { return slices.Clip(e.pairs) }

func (e *environment) clone() *environment {
	return &environment{names: slices.Clone(e.names), pairs: slices.Clone(e.pairs), at: maps.Clone(e.at)}
}
