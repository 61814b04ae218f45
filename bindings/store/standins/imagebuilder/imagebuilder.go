// Package imagebuilder stands in for github.com/openshift/imagebuilder, which
// buildah reads Dockerfiles and changes to a configuration with. Here
// bindings/dockerfile reads them, with BuildKit's own parser; imagebuilder's is
// a copy of an old one that does not compile with it.
//
// What buildah could still ask for answers with ErrAbsent.
package imagebuilder

import (
	"errors"
	"io"
	"os"

	docker "github.com/fsouza/go-dockerclient"
)

// ErrAbsent is what everything here says.
var ErrAbsent = errors.New("imagebuilder is not part of this program")

// NoBaseImageSpecifier is the name of the base that holds no files.
const NoBaseImageSpecifier = "scratch"

// Node is an instruction.
type Node struct {
	Original string
	Children []*Node
}

// Step is an instruction with its values.
type Step struct{ Original string }

// Copy is what ADD and COPY ask for.
type Copy struct{}

// Run is what RUN asks for.
type Run struct{}

// Builder holds a configuration.
type Builder struct{ RunConfig docker.Config }

// Executor does what instructions ask for.
type Executor interface {
	Preserve(path string) error
	EnsureContainerPath(path string) error
	EnsureContainerPathAs(path, user string, mode *os.FileMode) error
	Copy(excludes []string, copies ...Copy) error
	Run(run Run, config docker.Config) error
	UnrecognizedInstruction(step *Step) error
}

// ParseDockerfile reads instructions.
func ParseDockerfile(io.Reader) (*Node, error) { return nil, ErrAbsent }

// ParseIgnore reads a .dockerignore.
func ParseIgnore(string) ([]string, error) { return nil, ErrAbsent }

// NewBuilder makes a builder.
func NewBuilder(map[string]string) *Builder { return &Builder{} }

// Resolve finds a step's values.
func (*Step) Resolve(*Node) error { return ErrAbsent }

// Run does what a step asks for.
func (*Builder) Run(*Step, Executor, bool) error { return ErrAbsent }
