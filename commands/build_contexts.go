package commands

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"dockless/bindings/dockerfile"
	"dockless/bindings/store"

	"github.com/moby/buildkit/util/urlutil"
)

// namedContexts reads the --build-context flags, NAME=VALUE, and fetches what is
// not here. A directory's own .dockerignore counts for it.
// Source: https://docs.docker.com/reference/cli/docker/buildx/build/#build-context
func (o *buildOptions) namedContexts(ctx context.Context, env *Env, b *store.Build) error {
	b.Contexts = map[string]string{}
	for i, flag := range o.contexts {
		name, value, found := strings.Cut(flag, "=")
		if !found || name == "" || value == "" {
			return fmt.Errorf("invalid context value: %s, expected key=value", flag)
		}
		if name == dockerfile.Main {
			return fmt.Errorf("--build-context %s: the name is that of the context itself; give this one another", flag)
		}
		if strings.HasPrefix(value, dockerfile.ImageContext) {
			b.Contexts[name] = value
			continue
		}
		var directory string
		var err error
		switch {
		case strings.HasPrefix(value, "oci-layout://"):
			return fmt.Errorf("--build-context %s: load the image and use %sNAME instead: %s load -i DIRECTORY.tar", flag, dockerfile.ImageContext, env.Program)
		case isURL(value), isGit(value):
			b.Fetched[name] = true
			directory, err = o.fetched.named(ctx, env, value, "context-"+strconv.Itoa(i))
		default:
			directory, err = localContext(value)
		}
		if err != nil {
			return fmt.Errorf("--build-context %s: %w", name, err)
		}
		b.Directories[name], b.Contexts[name] = directory, directory
		if b.Ignore[name], _, err = readIgnored(directory, ""); err != nil {
			return err
		}
	}
	return nil
}

// named fetches one more context.
func (f *fetched) named(ctx context.Context, env *Env, where, name string) (string, error) {
	empty, err := f.make(env)
	if err != nil {
		return "", err
	}
	if empty {
		err = f.get(ctx, env, where, name)
	}
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(f.dir(name))
}

func (f *fetched) get(ctx context.Context, env *Env, where, name string) error {
	if isGit(where) {
		return f.clone(ctx, where, name, f.keepGitDir, "")
	}
	body, err := download(ctx, where)
	if err != nil {
		return err
	}
	defer body.Close()
	text, err := f.fill(env, name, body)
	if err == nil && text != nil {
		err = fmt.Errorf("%s is no archive", urlutil.RedactCredentials(where))
	}
	return err
}
