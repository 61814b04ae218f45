package dockerfile

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/rogpeppe/go-internal/txtar"
)

var here = imagespec.Platform{OS: "linux", Architecture: "amd64"}

// busybox is the image that the corpus builds on.
func busybox() Image {
	image := Image{Image: imagespec.Image{Platform: here}}
	image.Config.Cmd = []string{"sh"}
	image.RootFS = imagespec.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromString("busybox")}}
	created := time.Unix(1600000000, 0).UTC()
	image.History = []imagespec.History{{Created: &created, Comment: "imported"}}
	return image
}

// words are the flags of a case that a plan depends on.
func words(lines []string) (o Options, file string) {
	o, file = Options{Host: here, Args: map[string]string{}, Contexts: map[string]string{}, Created: time.Unix(1700000000, 0)}, "Dockerfile"
	for i := 0; i+1 < len(lines); i++ {
		name, value, _ := strings.Cut(lines[i+1], "=")
		switch lines[i] {
		case "--build-arg":
			o.Args[name] = strings.ReplaceAll(value, "$URL", "http://127.0.0.1:1")
		case "--build-context":
			o.Contexts[name] = value
		case "--label":
			o.Labels = append(o.Labels, lines[i+1])
		case "--target":
			o.Target = lines[i+1]
		case "-f":
			file = lines[i+1]
		}
	}
	return o, file
}

// TestCorpus compares what a plan says of the image's configuration, or the
// error, with what docker says, as far as no step is to be done for it.
func TestCorpus(t *testing.T) {
	files, err := filepath.Glob("../../tests/corpus/cases/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, name := range files {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sections := map[string]string{}
		for _, f := range archive.Files {
			sections[f.Name] = string(f.Data)
		}
		expected, err := os.ReadFile(strings.TrimSuffix(name, ".txtar") + ".expected")
		if err != nil {
			t.Fatal(err)
		}
		images := map[string]Image{"docker.io/library/busybox:latest": busybox()}
		if before := strings.Fields(sections["before"]); len(before) > 0 {
			image, err := planned(t, sections, before[1:], images)
			if err != nil {
				t.Fatal(err)
			}
			image.RootFS = busybox().RootFS
			images["docker.io/library/"+before[3]+":latest"] = image
		}
		image, err := planned(t, sections, strings.Split(strings.TrimSpace(sections["flags"]), "\n"), images)
		want, fails := strings.CutPrefix(strings.TrimSpace(string(expected)), "fails: ERROR: failed to build: failed to solve: ")
		want = strings.TrimPrefix(want, "failed to marshal LLB definition: ") // which nobody needs to know of
		switch {
		case err != nil && fails:
			if err.Error() != want && sections["Dockerfile"]+sections["prepare"] != "" {
				t.Errorf("%s: %v\n\tis to say: %s", filepath.Base(name), err, want)
			}
		case err != nil:
			t.Errorf("%s: %v", filepath.Base(name), err)
		case !fails:
			if got, want := described(image), configuredLines(want); got != want {
				t.Errorf("%s: configuration:\n%sis to be:\n%s", filepath.Base(name), got, want)
			}
		}
	}
}

// planned goes through a case's Dockerfile as the executor does.
func planned(t *testing.T, sections map[string]string, flags []string, images map[string]Image) (Image, error) {
	o, name := words(flags)
	text, is := sections[name]
	if !is {
		text = sections["stdin"]
	}
	if script := sections["prepare"]; strings.HasSuffix(script, ">Dockerfile\n") {
		_, text, _ = strings.Cut(script, "'") // of printf
		text, _, _ = strings.Cut(text, "'")
		text = strings.NewReplacer(`\r`, "\r", `\n`, "\n", `\\`, `\`, `\357\273\277`, "\ufeff").Replace(text)
	}
	f, err := Parse([]byte(text))
	if err != nil {
		return Image{}, err
	}
	bases := map[string]Image{}
	for known := -1; known < len(bases); { // as ONBUILD of a base may name others
		known = len(bases)
		sources, err := f.Images(o, bases)
		if err != nil {
			return Image{}, err
		}
		for _, source := range sources {
			image, is := images[source.Image]
			if !is {
				image = busybox()
			}
			bases[source.Key()] = image
		}
	}
	plan, err := f.Plan(o, bases)
	if err != nil {
		return Image{}, err
	}
	stage := plan.Stages[len(plan.Stages)-1]
	if stage.Image.Architecture != "amd64" || len(stage.Image.History) == 0 && len(stage.Steps) > 0 {
		t.Errorf("an image for %v with a history of %d", stage.Image.Platform, len(stage.Image.History))
	}
	for _, stage := range plan.Stages {
		for _, step := range stage.Steps {
			entry := stage.Image.History[step.History]
			if entry.EmptyLayer || step.Name == "" || len(step.At) == 0 {
				t.Errorf("%q is the entry of %+v", entry.CreatedBy, step)
			}
		}
	}
	return stage.Image, nil
}

// described is the part of expected results that is about the configuration.
func described(image Image) string {
	var b strings.Builder
	line := func(name string, value any, set bool) {
		if text, err := json.Marshal(value); err == nil && set {
			fmt.Fprintf(&b, "%s %s\n", name, text)
		}
	}
	c := image.Config
	line("Author", image.Author, image.Author != "")
	for _, pair := range c.Env {
		line("Env", pair, true)
	}
	line("Entrypoint", c.Entrypoint, len(c.Entrypoint) > 0)
	line("Cmd", c.Cmd, len(c.Cmd) > 0)
	line("WorkingDir", c.WorkingDir, c.WorkingDir != "")
	line("User", c.User, c.User != "")
	line("Labels", c.Labels, len(c.Labels) > 0)
	line("Volumes", c.Volumes, len(c.Volumes) > 0)
	line("ExposedPorts", c.ExposedPorts, len(c.ExposedPorts) > 0)
	if c.Healthcheck != nil {
		text, _ := json.Marshal(c.Healthcheck)
		var health map[string]any
		_ = json.Unmarshal(text, &health)
		line("Healthcheck", health, true)
	}
	line("OnBuild", c.OnBuild, len(c.OnBuild) > 0)
	line("StopSignal", c.StopSignal, c.StopSignal != "")
	line("Shell", c.Shell, len(c.Shell) > 0)
	return b.String()
}

func configuredLines(expected string) string {
	lines := strings.SplitAfter(expected+"\n", "\n")
	return strings.Join(slices.DeleteFunc(lines, func(line string) bool { return line == "\n" || strings.HasPrefix(line, `"`) }), "")
}
