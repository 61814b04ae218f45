package commands

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// startError puts what kept a command from running into docker's words, with
// docker's exit code: 127 and 126 for the command, 125 for all else. command is
// its first word, for runtimes that do not name it. A code that err has already
// stands where this knows none.
// Source: https://docs.docker.com/reference/cli/docker/container/run/#exit-status
func startError(command string, err error) error {
	var signal interrupted
	if err == nil || errors.As(err, &signal) {
		return err
	}
	text := err.Error()
	for _, opening := range []string{"preparing container ", "unable to start container "} { // … ID for attach: …, … "ID": …
		if after, found := strings.CutPrefix(text, opening); found {
			_, text, _ = strings.Cut(after, ": ")
		}
	}
	says := func(part string) bool { return strings.Contains(text, part) }
	switch {
	case command == "" && (says("open executable") || says("cannot find ``")):
		return &exit{exitNotFound, notFound(command)}
	case says("executable file") && says("not found"):
		return &exit{exitNotFound, notFound(quoted(text, command))}
	case says("chdir"): // 4.3: chdir `/x`: No such …, 5.4: chdir to `/x`: …
		return &exit{exitNotFound, fmt.Errorf("chdir to cwd (%q) failed: no such file or directory", quoted(text, "?"))}
	case says("open executable"), says("is not executable"):
		return &exit{exitNotRunable, fmt.Errorf("exec: %q: permission denied", command)}
	case says("is not a regular file"):
		return &exit{exitNotRunable, fmt.Errorf("exec: %q: is a directory: permission denied", command)}
	case says("exists on container") && says("but is not a directory"): // workdir "/x" exists on container ID, but …
		return ours(fmt.Errorf("Cannot mkdir: %s is not a directory", quoted(text, "the working directory")))
	}
	if says("must be in Created or Stopped state to be started") {
		return ours(errors.New("cannot start a paused container, try unpause instead"))
	}
	if port := portRefusal(text); port != nil {
		return ours(port)
	}
	for _, kind := range []string{": OCI runtime attempted to invoke a command that was not found", ": OCI permission denied", ": OCI runtime error"} {
		text = strings.TrimSuffix(text, kind)
	}
	var known *exit
	switch {
	case text == err.Error():
		return ours(err)
	case errors.As(err, &known):
		return &exit{known.code, errors.New(text)}
	}
	return ours(errors.New(text))
}

// quoted is the first thing in backquotes or quotes in a text.
func quoted(text, otherwise string) string {
	if found := regexp.MustCompile("[`\"]([^`\"]+)[`\"]").FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return otherwise
}

func notFound(command string) error {
	if strings.Contains(command, "/") {
		return fmt.Errorf("exec: %q: stat %s: no such file or directory", command, command)
	}
	return fmt.Errorf("exec: %q: executable file not found in $PATH", command)
}

// portRefusal is for a port of the host that cannot be had, nil if a text is about
// something else. slirp4netns and networks have: listen tcp 127.0.0.1:80: bind:
// address already in use. pasta has: Failed to bind port 80 (Address already in
// use) for option '-t 127.0.0.1/80-80:80-80'.
func portRefusal(text string) error {
	var address string
	if found := regexp.MustCompile(`listen (?:tcp|udp)[46]? (\S+): bind`).FindStringSubmatch(text); found != nil {
		address = found[1]
	} else if found := regexp.MustCompile(`bind port (\d+) (?:\(|for)(?:.*'-\w (\S+)/)?`).FindStringSubmatch(text); found != nil {
		address = "0.0.0.0:" + found[1]
		if found[2] != "" {
			address = found[2] + ":" + found[1]
		}
	} else {
		return nil
	}
	if strings.Contains(strings.ToLower(text), "address already in use") {
		return fmt.Errorf("Bind for %s failed: port is already allocated", address)
	}
	return nil
}
