// Package dockerfile reads Dockerfiles as docker does and says what there is to
// do: it knows the grammar and what each instruction means, and touches no file
// and no image.
//
// Source: https://docs.docker.com/reference/dockerfile/
package dockerfile

import (
	"os"
	"time"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/opencontainers/go-digest"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Plan is what is to be done to build a target.
type Plan struct {
	Stages   []*Stage // those that the target needs, each after those that it needs itself; the last is the target
	Warnings []Warning
}

// Stage is an image on the way: a base and what is done on top of it.
type Stage struct {
	Name     string         // as written after AS, or stage-N
	Base     Source         // an image, a stage, or nothing
	From     string         // the name of the step of FROM; "" where the base is no image
	At       []parser.Range // of FROM
	Steps    []*Step
	Image    Image // what becomes of it; RootFS is the base image's
	Platform imagespec.Platform

	inherited int  // entries of Image.History that are the base image's
	dated     bool // by SOURCE_DATE_EPOCH
}

// Source is where files come from: one of an image, a stage and a directory, or
// nothing: scratch.
type Source struct {
	Image    string // as docker names it in full: docker.io/library/busybox:latest
	Platform imagespec.Platform
	Stage    *Stage
	Context  string // the name of a build context, Main for the main one

	typed string         // an image's name in the file
	at    []parser.Range // where it is
}

// None tells whether there are no files at all.
func (s Source) None() bool { return s.Image == "" && s.Stage == nil && s.Context == "" }

// Key tells the images of a build apart, by name and platform.
func (s Source) Key() string { return s.Image + "|" + platforms.Format(s.Platform) }

// Main is the name of the build context that is the command's argument.
const Main = "context"

// Step is an instruction that makes a layer: exactly one of the pointers is set.
type Step struct {
	Name    string         // as BuildKit shows it: [build 2/5] RUN make
	At      []parser.Range // in the Dockerfile
	NoCache bool           // it is to be done again in any case
	History int            // index of its entry in the stage's Image.History
	Run     *Run
	Copy    *Copy
	Workdir *Workdir
}

// Run is a process to be run.
type Run struct {
	Args    []string // the command line, the shell included
	Env     []string // NAME=VALUE: PATH, ENV and the ARGs that count for the cache
	Proxy   []string // NAME=VALUE: proxies, which do not count for it
	Dir     string   // absolute
	User    string   // as USER has it; "": root
	Mounts  []Mount
	Network string // host or none; "": the build's
	Host    string // the machine's name
	Process string // the command line as errors show it: /bin/sh -c make
	Scripts []Script
}

// Script is a heredoc that the process reads as a file.
type Script struct {
	Path string // absolute, in the container; of a Copy: the file's name
	Data []byte
	Mode os.FileMode
}

// Mount is one of --mount.
type Mount struct {
	Type     string // bind, cache, tmpfs, secret or ssh
	From     Source // of bind and cache; for a cache nothing: an empty directory
	Source   string // a path in From
	Target   string // absolute; "" for a secret that is only a variable
	ID       string // of a cache, a secret or an agent; never ""
	Env      string // the variable that a secret is given as
	Sharing  string // of a cache: shared, private or locked
	ReadOnly bool
	Required bool
	UID, GID int
	Mode     *os.FileMode
	Size     int64 // of a tmpfs, in bytes; 0: no limit
}

// Copy is what COPY and ADD put into an image.
type Copy struct {
	From    Source
	Items   []Item
	Dest    string // absolute; ends with / if it was written so
	Chown   string // USER[:GROUP], names or numbers; "": root for a context, else as it is
	Chmod   string // octal or symbolic; "": as it is
	Exclude []string
	Parents bool // the paths are kept below Dest
	Link    bool // the layer knows nothing of what is below
	Unpack  bool // archives of the context are unpacked; with URLs if UnpackURLs
	URLs    bool // UnpackURLs
	Add     bool // ADD, not COPY
}

// Item is one source of a Copy: exactly one of its first fields is set.
type Item struct {
	Path       string // pattern, relative to the root of From, cleaned, with "/./" kept where Parents is set
	URL        string // http or https
	Git        string // a remote git repository, with its fragment
	Script     *Script
	Checksum   digest.Digest // of a URL; or a git commit
	KeepGitDir bool
}

// Workdir makes a directory, and those above it, where there is none. There is a
// layer in any case.
type Workdir struct {
	Path string // absolute
	User string // who owns what is made; "": root
}

// Image is an image's configuration, in docker's format.
// Source: https://github.com/moby/docker-image-spec/blob/v1.3.1/specs-go/v1/image.go
type Image struct {
	imagespec.Image
	Config ImageConfig `json:"config,omitempty"`
}

// ImageConfig is what containers of an image begin with.
type ImageConfig struct {
	imagespec.ImageConfig
	Healthcheck *Healthcheck `json:",omitempty"`
	OnBuild     []string     `json:",omitempty"`
	Shell       []string     `json:",omitempty"`
}

// Healthcheck is how a container's health is found out.
type Healthcheck struct {
	Test          []string      `json:",omitempty"`
	Interval      time.Duration `json:",omitempty"` // in nanoseconds in JSON
	Timeout       time.Duration `json:",omitempty"`
	StartPeriod   time.Duration `json:",omitempty"`
	StartInterval time.Duration `json:",omitempty"`
	Retries       int           `json:",omitempty"`
}

// Warning is something that BuildKit's checks have found.
// Source: https://docs.docker.com/reference/build-checks/
type Warning struct {
	Rule   string // FromAsCasing
	Text   string
	Detail string
	URL    string
	At     []parser.Range
}

// Options are what the command line says of a build.
type Options struct {
	Args          map[string]string  // --build-arg
	Proxy         map[string]string  // of config.json: HTTP_PROXY and the like, unless an arg says another
	Target        string             // a stage's name or number; "" is the last
	AllStages     bool               // Plan and Images are about those too that the target does not need: for build --check
	Platform      imagespec.Platform // zero: Host
	Several       bool               // it is one of several, and the names of the steps begin with it
	Host          imagespec.Platform // that builds
	Labels        []string           // NAME=VALUE, in order
	Contexts      map[string]string  // --build-context: name → ImageContext and an image's name, or a directory
	NoCache       bool
	NoCacheStages []string  // --no-cache-filter
	Created       time.Time // now, or SOURCE_DATE_EPOCH
}

// ImageContext begins what a build context is that is an image.
const ImageContext = "docker-image://"
