package commands

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"dockless/bindings/store"

	"github.com/distribution/reference"
)

// buildCacheTo is one --cache-to.
type buildCacheTo struct {
	store.CachePlace
	everything, ignoreError bool // mode=max, ignore-error=true
}

// cloudCaches are BuildKit's kinds of caches that only their own clouds have.
var cloudCaches = []string{"gha", "s3", "azblob"}

// fillCaches reads --cache-from and --cache-to.
// Source: https://docs.docker.com/build/cache/backends/
func (o *buildxOptions) fillCaches(b *store.Build) error {
	for _, flag := range o.cacheFrom {
		all, err := parseCache(flag)
		if err != nil {
			return fmt.Errorf("--cache-from %s: %w", flag, err)
		}
		for _, fields := range all {
			place, err := fields.from()
			if err != nil {
				return fmt.Errorf("--cache-from %s: %w", flag, err)
			}
			if !slices.Contains(cloudCaches, place.Kind) && absentCache(place) == nil {
				b.CacheFrom = append(b.CacheFrom, place)
			}
		}
	}
	for _, flag := range o.cacheTo {
		all, err := parseCache(flag)
		if err != nil {
			return fmt.Errorf("--cache-to %s: %w", flag, err)
		}
		for _, fields := range all {
			to, err := fields.to()
			switch {
			case err != nil:
				return fmt.Errorf("--cache-to %s: %w", flag, err)
			case to.Kind == "inline":
				b.Inline = true
			case !slices.Contains(cloudCaches, to.Kind):
				o.caches = append(o.caches, to)
			}
		}
	}
	inline, err := strconv.ParseBool(b.Args["BUILDKIT_INLINE_CACHE"])
	b.Inline = b.Inline || err == nil && inline
	o.inline = b.Inline && !b.Squash
	return nil
}

// cacheFields are the fields of one cache, type among them.
type cacheFields map[string]string

// parseCache reads a flag: KEY=VALUE,… or names of images in registries.
func parseCache(flag string) ([]cacheFields, error) {
	fields, err := csv.NewReader(strings.NewReader(flag)).Read()
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(fields, func(field string) bool { return strings.Contains(field, "=") }) {
		var all []cacheFields
		for _, name := range fields {
			all = append(all, cacheFields{"type": "registry", "ref": name})
		}
		return all, nil
	}
	found := cacheFields{}
	for _, field := range fields {
		key, value, is := strings.Cut(field, "=")
		if !is {
			return nil, fmt.Errorf("invalid value %s", field)
		}
		found[strings.ToLower(strings.TrimSpace(key))] = value
	}
	if found["type"] == "" {
		return nil, fmt.Errorf("type required form> %q", flag)
	}
	return []cacheFields{found}, nil
}

// from is where a cache comes from.
func (f cacheFields) from() (place store.CachePlace, err error) {
	place = store.CachePlace{Kind: f["type"]}
	switch place.Kind {
	case "registry":
		if place.Name, err = f.name("importer"); err != nil {
			return place, err
		}
		place.Shown = f["ref"]
	case "local":
		if f["src"] == "" {
			return place, errors.New("local cache importer requires src")
		}
		place.Shown = "local:" + f["src"]
		place.Dir, err = filepath.Abs(f["src"])
		place.Tag = f["tag"]
	default:
		place.Shown = place.Kind
		return place, nil
	}
	return place, cmp.Or(err, f.only("type", "ref", "src", "tag"))
}

// name is the registry's name for a cache.
func (f cacheFields) name(what string) (reference.Named, error) {
	if f["ref"] == "" {
		return nil, fmt.Errorf("registry cache %s requires ref", what)
	}
	name, err := reference.ParseNormalizedNamed(f["ref"])
	if err != nil {
		return nil, err
	}
	return reference.TagNameOnly(name), nil
}

// to is where a cache goes.
func (f cacheFields) to() (to buildCacheTo, err error) {
	to.Kind = f["type"]
	switch to.Kind {
	case "registry":
		if to.Name, err = f.name("exporter"); err != nil {
			return to, err
		}
		to.Shown = "exporting cache to registry"
	case "local":
		if f["dest"] == "" {
			return to, errors.New("local cache exporter requires dest")
		}
		if to.Dir, err = filepath.Abs(f["dest"]); err != nil {
			return to, err
		}
		to.Tag, to.Shown = f["tag"], "exporting cache to client directory"
	case "inline":
	default:
		if slices.Contains(cloudCaches, to.Kind) {
			return to, nil
		}
		return to, fmt.Errorf("unknown cache exporter: %q; use registry, local or inline", to.Kind)
	}
	switch mode := f["mode"]; {
	case mode != "" && mode != "min" && mode != "max":
		return to, fmt.Errorf("invalid mode %q: use min or max", mode)
	default:
		to.everything = mode == "max"
	}
	if set := f["ignore-error"]; set != "" {
		if to.ignoreError, err = strconv.ParseBool(set); err != nil {
			return to, fmt.Errorf("invalid ignore-error %q: use true or false", set)
		}
	}
	// What the cache is made of is not for anybody else; these say what it is.
	for key, is := range map[string]string{"compression": "gzip", "oci-mediatypes": "true", "image-manifest": "true"} {
		if set, given := f[key]; given && set != is {
			return to, fmt.Errorf("%s=%s is not supported, only %s", key, set, is)
		}
	}
	return to, f.only("type", "ref", "dest", "tag", "mode", "ignore-error", "compression", "oci-mediatypes", "image-manifest")
}

// only refuses what nobody would look at.
func (f cacheFields) only(known ...string) error {
	for key := range f {
		if !slices.Contains(known, key) {
			return fmt.Errorf("%s is not supported", key)
		}
	}
	return nil
}

// cacheNames are the names of caches in registries.
func (o *buildxOptions) cacheNames(b *store.Build) []reference.Named {
	var names []reference.Named
	for _, cache := range b.CacheFrom {
		names = append(names, cache.Name)
	}
	for _, cache := range o.caches {
		names = append(names, cache.Name)
	}
	return slices.DeleteFunc(names, func(name reference.Named) bool { return name == nil })
}

// absentCache is the reason why a directory cannot be a cache.
func absentCache(place store.CachePlace) error {
	if place.Kind != "local" {
		return nil
	}
	_, err := os.Stat(filepath.Join(place.Dir, "index.json"))
	return err
}

// warnCaches says which caches are left out.
func (o *buildxOptions) warnCaches(env *Env, say func(flag, why string)) {
	for name, flags := range map[string][]string{"--cache-from": o.cacheFrom, "--cache-to": o.cacheTo} {
		for _, flag := range flags {
			all, err := parseCache(flag)
			if err != nil {
				continue // fillCaches says it
			}
			for _, fields := range all {
				if fields["type"] == "inline" && fields["mode"] == "max" {
					say(name+" mode=max", "an inline cache has the steps of the image alone; type=registry has room for the others")
				}
				if slices.Contains(cloudCaches, fields["type"]) {
					say(name+" type="+fields["type"], "use type=registry, or type=local with a directory that the CI service keeps from run to run")
					continue
				}
				if place, err := fields.from(); name == "--cache-from" && err == nil && absentCache(place) != nil {
					fmt.Fprintf(env.Err, "WARNING: local cache import at %s not found due to err: %s\n", fields["src"], absentCache(place))
				}
			}
		}
	}
}

// exportCaches writes the caches of --cache-to. The image is there by now.
func (o *buildOptions) exportCaches(ctx context.Context, built *store.Built, shown *buildProgress) error {
	for _, to := range o.caches {
		step, task := shown.cacheStep(to.Shown), "preparing build cache for export"
		shown.locked(func() { shown.task(step, task) })
		progress := func(layer, action string, done, total int64) {
			if action == "Pushing" {
				shown.locked(func() { shown.moved(step, "sending layer "+layer, done, total) })
			}
			if action == "Pushed" {
				shown.locked(func() { shown.endTask(step, "sending layer "+layer) })
			}
		}
		err := built.ExportCache(ctx, to.CachePlace, to.everything, progress, func(what string) {
			shown.locked(func() { shown.endTask(step, what) })
		})
		shown.locked(func() {
			if err == nil {
				shown.endTask(step, task)
			}
			shown.end(step, false, canceled(ctx, err))
		})
		if err != nil && (!to.ignoreError || ctx.Err() != nil) {
			return fmt.Errorf("%s: %w", to.Shown, err)
		}
	}
	return nil
}

// cacheStep begins a step that no line of the Dockerfile asks for.
func (p *buildProgress) cacheStep(name string) *buildStep {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.begin(name)
}

// locked does something with steps while nobody else does.
func (p *buildProgress) locked(do func()) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	do()
}
