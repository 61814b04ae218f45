package store

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/containerd/platforms"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// scratch is the base of a stage that begins with no files.
const scratch = "scratch"

// Dockerfile is one that docker would take: every instruction and flag of it is
// known.
// Source: https://docs.docker.com/reference/dockerfile/
type Dockerfile struct {
	text   []byte
	stages []instructions.Stage
	needed map[int]bool // the stages that the target is made of
	others map[string]string
}

// ImageContext begins what a --build-context is that is an image.
const ImageContext = "docker-image://"

// ParseDockerfile reads a Dockerfile. args are the values of --build-arg, target
// is --target: a stage's name or number, "" for the last one. others are the
// --build-contexts, which go before stages and images of the same name: a
// directory, or ImageContext and an image's name. What is wrong with the file is
// said in docker's words, with the line.
func ParseDockerfile(text []byte, args map[string]string, target string, others map[string]string) (*Dockerfile, error) {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if len(text) == 0 {
		return nil, errors.New("the Dockerfile cannot be empty")
	}
	d := &Dockerfile{text: text, needed: map[int]bool{}, others: others}
	parsed, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		return nil, d.parseError(err)
	}
	stages, globals, err := instructions.Parse(parsed.AST)
	if err != nil {
		return nil, d.parseError(err)
	}
	if len(stages) == 0 {
		return nil, fmt.Errorf("dockerfile contains no stages to build")
	}
	d.stages = stages
	if err := d.expand(shell.NewLex(parsed.EscapeToken), globals, args); err != nil {
		return nil, err
	}
	if err := cmp.Or(d.checkSources(), d.checkPorts()); err != nil {
		return nil, err
	}
	last := len(stages) - 1
	if target != "" {
		var found bool
		if last, found = d.stage(strings.ToLower(target), len(stages)); !found {
			return nil, fmt.Errorf("target stage %q could not be found", target)
		}
	}
	if after := last + 1; after < len(stages) { // nothing behind the target counts
		next, _ := span(stages[after].Location)
		d.text = bytes.Join(bytes.SplitAfter(text, []byte("\n"))[:next-1], nil)
		d.stages = stages[:after]
	}
	return d, d.need(last)
}

// expand puts values for the variables in the names and platforms of the stages'
// bases, as those before the first FROM and the command line give them.
func (d *Dockerfile) expand(words *shell.Lex, globals []instructions.ArgCommand, args map[string]string) error {
	values := platformArgs()
	for _, command := range globals {
		for _, arg := range command.Args {
			given, found := args[arg.Key]
			switch {
			case found:
				values[arg.Key] = given
			case arg.Value != nil:
				value, err := words.ProcessWordWithMap(*arg.Value, values)
				if err != nil {
					return d.atLine(command.Location(), err)
				}
				values[arg.Key] = value
			}
		}
	}
	maps.Copy(values, only(args, platformArgs()))
	for i := range d.stages {
		stage := &d.stages[i]
		name, err := words.ProcessWordWithMap(stage.BaseName, values)
		if err == nil && name == "" {
			err = fmt.Errorf("base name (%s) should not be blank", stage.BaseName)
		}
		if err != nil {
			return d.atLine(stage.Location, err)
		}
		stage.BaseName = name
		if stage.Platform, err = words.ProcessWordWithMap(stage.Platform, values); err != nil {
			return d.atLine(stage.Location, err)
		}
	}
	return nil
}

// platformArgs are the arguments that say what is built where.
// Source: https://docs.docker.com/reference/dockerfile/#automatic-platform-args-in-the-global-scope
func platformArgs() map[string]string {
	here := platforms.DefaultSpec()
	args := map[string]string{}
	for _, prefix := range []string{"BUILD", "TARGET"} {
		args[prefix+"PLATFORM"] = platforms.Format(here)
		args[prefix+"OS"], args[prefix+"ARCH"], args[prefix+"VARIANT"] = here.OS, here.Architecture, here.Variant
	}
	return args
}

func only(args, names map[string]string) map[string]string {
	found := map[string]string{}
	for name := range names {
		if value, ok := args[name]; ok {
			found[name] = value
		}
	}
	return found
}

// stage finds a stage before the given one by its name or number.
func (d *Dockerfile) stage(name string, before int) (int, bool) {
	for i := before - 1; i >= 0; i-- {
		if strings.EqualFold(d.stages[i].Name, name) {
			return i, true
		}
	}
	number, err := strconv.Atoi(name)
	return number, err == nil && number >= 0 && number < before
}

// need notes that a stage is to be built, with all that it takes files from.
func (d *Dockerfile) need(index int) error {
	if d.needed[index] {
		return nil
	}
	d.needed[index] = true
	for _, from := range d.froms(index) {
		other, named := d.others[from.name]
		switch i, is := d.stage(from.name, index); {
		case named && from.base && !strings.HasPrefix(other, ImageContext):
			return d.atLine(from.at, fmt.Errorf("the build context %s is a directory: FROM needs an image", from.name))
		case named:
		case is:
			if err := d.need(i); err != nil {
				return err
			}
		case strings.Contains(from.name, "$"):
			return d.atLine(from.at, errors.New("variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround"))
		}
	}
	return nil
}

// from is a place in a Dockerfile that names a stage or an image.
type from struct {
	name  string
	stage int // that takes it
	base  bool
	at    []parser.Range
}

// froms lists what a stage takes files from: its base, COPY --from and
// RUN --mount=from=….
func (d *Dockerfile) froms(index int) []from {
	stage := d.stages[index]
	list := []from{{stage.BaseName, index, true, stage.Location}}
	for _, command := range stage.Commands {
		switch c := command.(type) {
		case *instructions.CopyCommand:
			list = append(list, from{c.From, index, false, c.Location()})
		case *instructions.RunCommand:
			for _, mount := range instructions.GetMounts(c) {
				list = append(list, from{mount.From, index, false, c.Location()})
			}
		}
	}
	return slices.DeleteFunc(list, func(f from) bool { return f.name == "" })
}

// Images are the names, as typed, of the images that are needed to build the
// target.
func (d *Dockerfile) Images() []string {
	var names []string
	for _, from := range d.outside() {
		if name, is := d.image(from.name); is && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// outside lists what the target takes that is none of its stages.
func (d *Dockerfile) outside() []from {
	var list []from
	for index := range d.stages {
		if !d.needed[index] {
			continue
		}
		for _, from := range d.froms(index) {
			_, named := d.others[from.name]
			if _, is := d.stage(from.name, index); named || !is && from.name != scratch {
				list = append(list, from)
			}
		}
	}
	return list
}

// image is the name of the image that is meant by a name; there is none for a
// directory.
func (d *Dockerfile) image(name string) (string, bool) {
	other, named := d.others[name]
	if !named {
		return name, true
	}
	return strings.CutPrefix(other, ImageContext)
}

// resolved is the text with the bases' names replaced by those that the store
// has them under. All else stays in its line.
func (d *Dockerfile) resolved(stored map[wanted]string, target imagespec.Platform) []byte {
	text := bytes.SplitAfter(d.text, []byte("\n"))
	// buildah goes on with the platform of the stage before.
	several := slices.ContainsFunc(d.stages, func(stage instructions.Stage) bool { return stage.Platform != "" })
	for i, stage := range d.stages {
		line := "FROM "
		if several {
			line += "--platform=" + d.platform(i, target, true) + " "
		}
		base := stage.BaseName
		_, named := d.others[base]
		if index, is := d.stage(base, i); is && !named {
			base = cmp.Or(d.stages[index].Name, strconv.Itoa(index))
		} else if name, is := d.image(base); is {
			base = cmp.Or(stored[wanted{name, d.platform(i, target, true)}], name)
		}
		line += base
		if stage.Name != "" {
			line += " AS " + stage.Name
		}
		first, last := span(stage.Location)
		for n := first; n <= last && n <= len(text); n++ {
			text[n-1] = []byte(line + "\n")
			line = ""
		}
	}
	d.simplify(text)
	d.useShells(text)
	d.quoteScripts(text)
	d.expandPorts(text)
	return bytes.Join(text, nil)
}

func span(at []parser.Range) (first, last int) {
	for _, r := range at {
		if first == 0 || r.Start.Line < first {
			first = r.Start.Line
		}
		last = max(last, r.End.Line)
	}
	return first, last
}
