package commands

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"dockless/bindings/store"

	"github.com/urfave/cli/v2"
)

// buildxOptions are the flags that docker build has with the buildx plugin.
type buildxOptions struct {
	contexts, secrets, ssh, output, allow, annotations []string
	cacheFrom, cacheTo, attest, noCacheFilter          []string
	load, push, check                                  bool
	builder, call, metadataFile, progress              string
	provenance, sbom                                   string

	outputs []buildOutput
	called  buildCall
	caches  []buildCacheTo
	inline  bool     // the image has the records of its steps in it
	typed   []string // the image's names in full, without a tag where none was typed
}

func (o *buildxOptions) flags() []cli.Flag {
	o.progress, o.call = "auto", "build"
	return []cli.Flag{
		list(&o.allow, "allow", "", `Allow extra privileged entitlement (e.g., "network.host", "security.insecure", "device")`),
		list(&o.annotations, "annotation", "", "Add annotation to the image"),
		list(&o.attest, "attest", "", `Attestation parameters (format: "type=sbom,generator=image")`),
		list(&o.contexts, "build-context", "", "Additional build contexts (e.g., name=path)"),
		str(&o.builder, "builder", "", "Override the configured builder instance"),
		value((*hintedList)(&o.cacheFrom), "cache-from", "", "Images to consider as cache sources"),
		list(&o.cacheTo, "cache-to", "", `Cache export destinations (e.g., "user/app:cache", "type=local,dest=path/to/dir")`),
		str(&o.call, "call", "", `Set method for evaluating build ("check", "outline", "targets")`),
		boolean(&o.check, "check", "", `Shorthand for "--call=check"`),
		boolean(&o.load, "load", "", `Shorthand for "--output=type=docker"`),
		str(&o.metadataFile, "metadata-file", "", "Write build result metadata to a file"),
		list(&o.noCacheFilter, "no-cache-filter", "", "Do not cache specified stages"),
		value((*stringList)(&o.output), "output", "o", `Output destination (format: "type=local,dest=path")`),
		str(&o.progress, "progress", "", `Set type of progress output ("auto", "none",  "plain", "quiet", "rawjson", "tty"). Use plain to show container output`),
		str(&o.provenance, "provenance", "", `Shorthand for "--attest=type=provenance"`),
		boolean(&o.push, "push", "", `Shorthand for "--output=type=registry"`),
		str(&o.sbom, "sbom", "", `Shorthand for "--attest=type=sbom"`),
		list(&o.secrets, "secret", "", `Secret to expose to the build (format: "id=mysecret[,src=/local/secret]")`),
		list(&o.ssh, "ssh", "", `SSH agent socket or keys to expose to the build (format: "default|<id>[=<socket>|<key>[,<key>]]")`),
	}
}

// fill checks the flags and puts them into the form in which they are asked for.
func (o *buildxOptions) fill(env *Env, b *store.Build) (err error) {
	for _, flags := range []*[]string{&o.output, &o.cacheFrom, &o.cacheTo, &o.secrets, &o.ssh, &o.contexts, &o.allow, &o.annotations} {
		*flags = slices.DeleteFunc(*flags, func(flag string) bool { return flag == "" }) // a script's variable that is not set
	}
	for _, entitlement := range o.allow {
		if entitlement != "network.host" {
			return fmt.Errorf("--allow %s: nothing that RUN starts gets more rights here than any container has", entitlement)
		}
		b.HostNetwork = true
	}
	if o.check {
		o.call = "check"
	}
	if o.called, err = parseCall(cmp.Or(o.call, "build")); err != nil {
		return err
	}
	b.AllStages = o.called.name == "check" && b.Target == ""
	if b.Secrets, err = parseSecrets(o.secrets); err != nil {
		return err
	}
	if b.SSH, err = parseSSH(o.ssh); err != nil {
		return err
	}
	b.NoCacheStages = strings.FieldsFunc(strings.Join(o.noCacheFilter, ","), func(r rune) bool { return r == ',' })
	if err := cmp.Or(o.fillOutputs(env, b), o.fillCaches(b)); err != nil {
		return err
	}
	if !store.Entered() {
		o.warn(env)
	}
	return nil
}

func (o *buildxOptions) fillOutputs(env *Env, b *store.Build) error {
	flags := o.output
	if o.push {
		flags = append(flags, "type=registry")
	}
	if o.load || len(flags) == 0 {
		flags = append(flags, "type=docker")
	}
	outputs, names, err := parseOutputs(env, flags)
	if err != nil {
		return err
	}
	o.outputs = outputs
	for _, typed := range names {
		if err := o.name(b, typed); err != nil {
			return err
		}
	}
	if o.pushes() && len(b.Names) == 0 {
		return errors.New("tag is needed when pushing to registry")
	}
	return nil
}

func (o *buildxOptions) pushes() bool {
	return slices.ContainsFunc(o.outputs, func(output buildOutput) bool { return output.push })
}

// warn says what is left out, once.
func (o *buildxOptions) warn(env *Env) {
	off := func(flag string) bool {
		return flag == "" || flag == "false" || strings.HasSuffix(flag, "disabled=true")
	}
	say := func(flag, why string) { fmt.Fprintf(env.Err, "WARNING: %s is left out: %s\n", flag, why) }
	o.warnCaches(env, say)
	for _, output := range o.outputs {
		if len(output.without) > 0 {
			say("--output "+strings.Join(output.without, ","), "an image has one form here, docker's, and its layers are packed by gzip for a registry")
		}
	}
	if !off(o.provenance) || !off(o.sbom) || slices.ContainsFunc(o.attest, func(attest string) bool { return !off(attest) }) {
		say("--attest", "Podman's store has no place for attestations")
	}
	if len(o.annotations) > 0 {
		say("--annotation", "images are in docker's format, which has labels only (--label)")
	}
	if builder := cmp.Or(o.builder, os.Getenv(builderVariable), builderName); builder != builderName {
		say("--builder "+builder, "there is one builder, this program")
	}
}
