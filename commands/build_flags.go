package commands

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"dockless/bindings/store"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/docker/cli/opts"
	"github.com/opencontainers/go-digest"
	"github.com/sirupsen/logrus"
	"github.com/urfave/cli/v2"
)

// buildOptions are the flags of build.
type buildOptions struct {
	file, target, network, iidFile, isolation    string
	platforms                                    platformList
	tags, args, labels, hosts                    opts.ListOpts
	noCache, pull, quiet, squash                 bool
	rm, forceRm, compress, noContentTrust, debug bool
	limits                                       buildLimits
	buildxOptions
	remote     bool // the context is not a directory of this machine
	fetched    fetched
	text       []byte // the Dockerfile
	ignoreSize int    // of .dockerignore, in bytes
	// written is the digest of the manifest or index that an output has written.
	written digest.Digest
}

func newBuildOptions() *buildOptions {
	return &buildOptions{
		tags:   opts.NewListOpts(nil),
		args:   opts.NewListOpts(nil),
		labels: opts.NewListOpts(nil),
		hosts:  opts.NewListOpts(validExtraHost),
	}
}

func (o *buildOptions) flags() []cli.Flag {
	o.rm, o.noContentTrust, o.network = true, true, "default"
	return append([]cli.Flag{
		value(&o.hosts, "add-host", "", `Add a custom host-to-IP mapping ("host:ip")`),
		value(&o.args, "build-arg", "", "Set build-time variables"),
		boolean(&o.compress, "compress", "", "Compress the build context using gzip"),
		boolean(&o.noContentTrust, "disable-content-trust", "", "Skip image verification"),
		str(&o.file, "file", "f", `Name of the Dockerfile (Default is "PATH/Dockerfile")`),
		hidden(boolean(&o.debug, "debug", "D", "Enable debug logging")),
		boolean(&o.forceRm, "force-rm", "", "Always remove intermediate containers"),
		str(&o.iidFile, "iidfile", "", "Write the image ID to the file"),
		str(&o.isolation, "isolation", "", "Container isolation technology"),
		value(&o.labels, "label", "", "Set metadata for an image"),
		str(&o.network, "network", "", "Set the networking mode for the RUN instructions during build"),
		boolean(&o.noCache, "no-cache", "", "Do not use cache when building the image"),
		value(&o.platforms, "platform", "", "Set platform if server is multi-platform capable"),
		boolean(&o.pull, "pull", "", "Always attempt to pull a newer version of the image"),
		boolean(&o.quiet, "quiet", "q", "Suppress the build output and print image ID on success"),
		boolean(&o.rm, "rm", "", "Remove intermediate containers after a successful build"),
		boolean(&o.squash, "squash", "", "Squash newly built layers into a single new layer"),
		value(&o.tags, "tag", "t", `Name and optionally a tag in the "name:tag" format`),
		str(&o.target, "target", "", "Set the target build stage to build."),
	}, append(o.limits.flags(), o.buildxOptions.flags()...)...)
}

// build puts the flags into the form in which they are asked for.
func (o *buildOptions) build(env *Env) (b store.Build, err error) {
	if o.debug {
		logrus.SetLevel(logrus.DebugLevel)
	}
	if !o.noContentTrust {
		return b, errors.New("--disable-content-trust=false: signatures of Docker Content Trust cannot be checked; name bases by digest instead (FROM NAME@sha256:…)")
	}
	if o.isolation != "" && o.isolation != "default" {
		return b, fmt.Errorf("--isolation %s: only default is there on Linux", o.isolation)
	}
	b.Target, b.Host = o.target, platforms.DefaultSpec()
	b.NoCache, b.Pull, b.Squash, b.Network, b.Hosts, b.Labels = o.noCache, o.pull, o.squash, o.network, o.hosts.GetAll(), o.labels.GetAll()
	if b.Platforms, err = o.platforms.parse(); err != nil {
		return b, err
	}
	b.Platform = b.Platforms[0] // for what is only asked
	for _, tag := range o.tags.GetAll() {
		if err := o.name(&b, tag); err != nil {
			return b, err
		}
	}
	for _, pair := range slices.Concat(o.args.GetAll(), o.labels.GetAll()) {
		if name, _, _ := strings.Cut(pair, "="); name == "" {
			return b, fmt.Errorf("invalid key-value pair %q: empty key", pair)
		}
	}
	b.Args, b.Proxy = o.buildArgs(env)
	for name, value := range b.Args {
		if !utf8.ValidString(value) {
			return b, fmt.Errorf("--build-arg %s: its value contains invalid UTF-8", name)
		}
	}
	if b.Created, err = created(b.Args); err != nil {
		return b, err
	}
	if b.Limits, err = o.limits.limits(); err != nil {
		return b, err
	}
	return b, cmp.Or(o.fill(env, &b), o.forSeveral(b.Platforms))
}

// name gives the image one more name.
func (o *buildxOptions) name(b *store.Build, typed string) error {
	name, err := imageReference(typed)
	if err != nil {
		return fmt.Errorf("invalid tag %q: %w", typed, err)
	}
	if err := canBeGiven(name); err != nil {
		return err
	}
	b.Names = append(b.Names, name)
	o.typed = append(o.typed, asTyped(typed))
	return nil
}

// asTyped is a name as BuildKit shows it.
func asTyped(name string) string {
	if named, err := reference.ParseNormalizedNamed(name); err == nil {
		return named.String()
	}
	return name
}

// buildArgs are the arguments of --build-arg and the proxies of config.json. A
// name alone takes its value from the environment.
func (o *buildOptions) buildArgs(env *Env) (args, proxy map[string]string) {
	args, proxy = map[string]string{}, map[string]string{}
	given := map[string]*string{}
	for _, pair := range o.args.GetAll() {
		name, value, found := strings.Cut(pair, "=")
		if !found {
			value, found = os.LookupEnv(name)
		}
		if found {
			args[name] = value
			given[name], given[strings.ToUpper(name)], given[strings.ToLower(name)] = &value, &value, &value
		}
	}
	for name, value := range env.DockerConfigFile().ParseProxyConfig("default", maps.Clone(given)) {
		if _, set := given[name]; !set && value != nil {
			proxy[name] = *value
		}
	}
	return args, proxy
}

// created is the time that the image and its history have: now, unless the
// argument or the environment say when the sources are from.
// Source: https://docs.docker.com/build/ci/github-actions/reproducible-builds/
func created(args map[string]string) (time.Time, error) {
	const variable = "SOURCE_DATE_EPOCH"
	if _, given := args[variable]; !given && os.Getenv(variable) != "" {
		args[variable] = os.Getenv(variable)
	}
	if args[variable] == "" {
		return time.Now().UTC(), nil
	}
	seconds, err := strconv.ParseInt(args[variable], 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("invalid %s: %w", variable, err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
