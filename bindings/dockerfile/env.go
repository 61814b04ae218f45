package dockerfile

import (
	"maps"
	"slices"
	"strings"
)

// environment has variables in the order in which they came. It is what
// BuildKit's shell.Lex takes values from.
type environment struct {
	names  []string
	values map[string]string
	pairs  []string // NAME=VALUE; nil: not known
}

func newEnvironment(pairs []string) *environment {
	e := &environment{values: make(map[string]string, len(pairs))}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		e.set(name, value)
	}
	return e
}

// Get is for shell.EnvGetter.
func (e *environment) Get(name string) (value string, set bool) {
	value, set = e.values[name]
	return value, set
}

// Keys is for shell.EnvGetter.
func (e *environment) Keys() []string { return e.names }

func (e *environment) set(name, value string) {
	if _, set := e.values[name]; !set {
		e.names = append(e.names, name)
	}
	e.values[name] = value
	e.pairs = nil
}

// list has all variables as NAME=VALUE. Nobody may change it.
func (e *environment) list() []string {
	if e.pairs == nil {
		e.pairs = make([]string, 0, len(e.names))
		for _, name := range e.names {
			e.pairs = append(e.pairs, name+"="+e.values[name])
		}
	}
	return e.pairs
}

func (e *environment) clone() *environment {
	return &environment{names: slices.Clone(e.names), values: maps.Clone(e.values)}
}
