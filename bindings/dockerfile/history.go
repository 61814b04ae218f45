package dockerfile

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/util/system"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Comments of the history's entries, as BuildKit has them.
const (
	dockerfileComment = "buildkit.dockerfile.v0"
	exporterComment   = "buildkit.exporter.image.v0"
)

const searchPath = system.DefaultPathEnvUnix

// empty is the image that scratch is.
func empty(platform imagespec.Platform) Image {
	image := Image{Image: imagespec.Image{Platform: platform}}
	image.RootFS.Type = "layers"
	image.Config.WorkingDir = "/"
	image.Config.Env = []string{"PATH=" + searchPath}
	return image
}

// normalized is a base image without its time, whose history has an entry for
// each layer.
func (i Image) normalized() Image {
	i = i.clone()
	i.Created = nil
	left := len(i.RootFS.DiffIDs)
	for n := range i.History {
		entry := &i.History[n]
		switch {
		case entry.EmptyLayer:
		case left == 0:
			entry.EmptyLayer = true
		default:
			left--
		}
	}
	for ; left > 0; left-- {
		i.History = append(i.History, imagespec.History{Comment: exporterComment})
	}
	return i
}

// record adds an entry to the image's history.
func (b *building) record(instruction string, layer bool) {
	b.image.History = append(b.image.History, imagespec.History{
		Created:    b.created(),
		CreatedBy:  instruction,
		Comment:    dockerfileComment,
		EmptyLayer: !layer,
	})
}

func (g *graph) created() *time.Time {
	at := g.options.Created
	if at.IsZero() {
		return nil
	}
	return &at
}

// runEntry is RUN in the history, with the ARGs that it has seen.
func (b *building) runEntry(args []string) string {
	var names []string
	values := map[string]string{}
	for _, arg := range b.args {
		if _, is := values[arg.Key]; !is {
			names = append(names, arg.Key)
		}
		value, set := b.values.Get(arg.Key)
		if !set {
			value = arg.ValueString()
		}
		values[arg.Key] = value
	}
	entry := "RUN "
	if len(names) > 0 {
		entry += "|" + strconv.Itoa(len(names)) + " "
		for _, name := range names {
			entry += name + "=" + values[name] + " "
		}
	}
	return entry + strings.Join(args, " ") + committed
}

// committed ends the entries of what BuildKit has run.
const committed = " # buildkit"

// finish does what there is to do to the target only.
func (b *building) finish(o Options) {
	image := &b.stage.Image
	image.Config.Labels = maps.Clone(image.Config.Labels)
	for _, label := range o.Labels {
		name, value, _ := strings.Cut(label, "=")
		put(&image.Config.Labels, name, value)
	}
	asked := o.Platform.OS != "" && platforms.Format(o.Platform) != platforms.Format(o.Host)
	if asked || image.OS == "" || image.Architecture == "" {
		image.Platform = b.graph.platform
	}
	image.Platform = platforms.Normalize(image.Platform)
	image.Created = b.created()
}

// Date sets the times of the image and of its history's new entries as they are
// to be where layers come from the cache: made has when the layers were made, by
// the index of their entries. An image is the same in every byte if all of it is
// cached. SOURCE_DATE_EPOCH goes before that.
func (s *Stage) Date(made map[int]time.Time) {
	if s.dated {
		return
	}
	history := slices.Clone(s.Image.History)
	s.Image.History = history
	last, first := s.latest(), time.Time{}
	for n := s.inherited; n < len(history); n++ {
		if at, is := made[n]; is {
			first = at
			break
		}
	}
	if !first.IsZero() {
		last = first
	}
	for n := s.inherited; n < len(history); n++ {
		if at, is := made[n]; is {
			last = at
		}
		at := last
		history[n].Created = &at
	}
	s.Image.Created = &last
}

// latest is the time of the base image's last entry that has one, or of the
// plan.
func (s *Stage) latest() (at time.Time) {
	for _, entry := range slices.Backward(s.Image.History[:s.inherited]) {
		if entry.Created != nil {
			return *entry.Created
		}
	}
	if s.Image.Created != nil {
		at = *s.Image.Created
	}
	return at
}
