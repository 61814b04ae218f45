package commands

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/opts"
	"github.com/urfave/cli/v2"
)

type processOptions struct {
	tty, interactive, init bool
	attach                 opts.ListOpts
	entrypoint             optional
	user, workdir          string
	env                    opts.ListOpts
	envFile                []string
	groupAdd               []string
}

func (o *processOptions) flags() []cli.Flag {
	o.attach = opts.NewListOpts(validAttach)
	o.env = opts.NewListOpts(opts.ValidateEnv)
	return []cli.Flag{
		boolean(&o.tty, "tty", "t", "Allocate a pseudo-TTY"),
		boolean(&o.interactive, "interactive", "i", "Keep STDIN open even if not attached"),
		boolean(&o.init, "init", "", "Run an init inside the container that forwards signals and reaps processes"),
		value(&o.attach, "attach", "a", "Attach to STDIN, STDOUT or STDERR"),
		value(&o.entrypoint, "entrypoint", "", "Overwrite the default ENTRYPOINT of the image"),
		str(&o.user, "user", "u", "Username or UID (format: <name|uid>[:<group|gid>])"),
		str(&o.workdir, "workdir", "w", "Working directory inside the container"),
		value(&o.env, "env", "e", "Set environment variables"),
		list(&o.envFile, "env-file", "", "Read in a file of environment variables"),
		list(&o.groupAdd, "group-add", "", "Add additional groups to join"),
	}
}

func (o *processOptions) fill(d *draft) error {
	if o.workdir != "" && !path.IsAbs(o.workdir) {
		return fmt.Errorf("the working directory '%s' is invalid, it needs to be an absolute path", o.workdir)
	}
	fromFiles, err := readPairs(o.envFile, opts.ParseEnvFile)
	if err != nil {
		return usage("%w", err)
	}
	d.Env = map[string]string{}
	d.setEnvironment(append(fromFiles, o.env.GetAll()...))
	d.Terminal, d.Stdin, d.Init = o.tty, o.interactive, o.init
	d.User, d.WorkDir, d.CreateWorkingDir = o.user, o.workdir, true
	d.Groups = o.groupAdd
	if o.entrypoint.given {
		d.Entrypoint = []string{o.entrypoint.value} // [""] takes the image's away, as in docker
	}
	return nil
}

// setEnvironment adds NAME=VALUE pairs. A name alone is a variable that is not
// set on this side: it stays unset.
func (d *draft) setEnvironment(pairs []string) {
	for _, pair := range pairs {
		if name, value, ok := strings.Cut(pair, "="); ok {
			d.Env[name] = value
		}
	}
}

// addProxies gives the container the proxies of config.json, unless -e sets the
// same spelling of the name.
// Source: https://docs.docker.com/engine/cli/proxy/#configure-the-docker-client
func (d *draft) addProxies(config *configfile.ConfigFile) {
	given := opts.ConvertKVStringsToMapWithNil(d.env.GetAll())
	for name, value := range config.ParseProxyConfig("default", given) {
		if value != nil {
			d.Env[name] = *value
		}
	}
}

// readPairs reads the files of --env-file or --label-file.
func readPairs(files []string, read func(string) ([]string, error)) ([]string, error) {
	var all []string
	for _, file := range files {
		pairs, err := read(file)
		if err != nil {
			if wrong, ok := strings.CutPrefix(err.Error(), "poorly formatted environment: "); ok {
				return nil, fmt.Errorf("invalid env file (%s): %s", file, wrong)
			}
			return nil, err
		}
		all = append(all, pairs...)
	}
	return all, nil
}

func validAttach(stream string) (string, error) {
	lower := strings.ToLower(stream)
	if !slices.Contains([]string{"stdin", "stdout", "stderr"}, lower) {
		return "", fmt.Errorf("valid streams are STDIN, STDOUT and STDERR")
	}
	return lower, nil
}
