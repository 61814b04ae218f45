package dockerfile

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// given are the values of ARG that the command line and config.json have.
func (o Options) given() map[string]string {
	args := maps.Clone(o.Proxy)
	if args == nil {
		args = map[string]string{}
	}
	for name := range args {
		for other := range o.Args {
			if strings.EqualFold(name, other) {
				delete(args, name)
			}
		}
	}
	maps.Copy(args, o.Args)
	return args
}

// predefined are the arguments that say what is built where.
// Source: https://docs.docker.com/reference/dockerfile/#automatic-platform-args-in-the-global-scope
func predefined(host, target imagespec.Platform, stage string, given map[string]string) *environment {
	args := newEnvironment(nil)
	for _, pair := range [][2]string{
		{"BUILDPLATFORM", platforms.Format(host)},
		{"BUILDOS", host.OS},
		{"BUILDOSVERSION", host.OSVersion},
		{"BUILDARCH", host.Architecture},
		{"BUILDVARIANT", host.Variant},
		{"TARGETPLATFORM", platforms.FormatAll(target)},
		{"TARGETOS", target.OS},
		{"TARGETOSVERSION", target.OSVersion},
		{"TARGETARCH", target.Architecture},
		{"TARGETVARIANT", target.Variant},
		{"TARGETSTAGE", stage},
	} {
		value, overridden := given[pair[0]]
		if !overridden {
			value = pair[1]
		}
		args.set(pair[0], value)
	}
	return args
}

// declare takes the ARGs before the first FROM over.
func declare(args *environment, commands []instructions.ArgCommand, given map[string]string, words *lexer) (at *instructions.ArgCommand, err error) {
	for i := range commands {
		for _, arg := range commands[i].Args {
			value, found := given[arg.Key]
			switch {
			case found:
				args.set(arg.Key, value)
			case arg.Value != nil:
				if value, _, err = words.ProcessWord(*arg.Value, args); err != nil {
					return &commands[i], err
				}
				args.set(arg.Key, value)
			}
		}
	}
	return nil, nil
}

// proxy are the variables that RUN is given of the proxies, which neither the
// cache nor the history know.
// Source: https://docs.docker.com/reference/dockerfile/#predefined-args
func proxy(given map[string]string) []string {
	var variables []string
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"} {
		value := ""
		for _, typed := range slices.Sorted(maps.Keys(given)) {
			if strings.EqualFold(typed, name) {
				value = given[typed]
			}
		}
		if value != "" {
			variables = append(variables, name+"="+value, strings.ToLower(name)+"="+value)
		}
	}
	return variables
}

// epoch is the time that all is given which is made, if SOURCE_DATE_EPOCH says
// one.
// Source: https://docs.docker.com/build/ci/github-actions/reproducible-builds/
func epoch(given map[string]string) (at time.Time, set bool, err error) {
	text := given["SOURCE_DATE_EPOCH"]
	if text == "" {
		return at, false, nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return at, false, fmt.Errorf("invalid SOURCE_DATE_EPOCH: %s: %w", text, err)
	}
	return time.Unix(seconds, 0).UTC(), true, nil
}
