package store

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// unsupported are flags of docker's instructions that this builder has not, by
// the parser's words, with the way out.
var unsupported = map[string]string{
	"unknown flag: parents":        "--parents is not supported: give each directory a COPY of its own",
	"unknown flag: exclude":        "--exclude is not supported: name what to leave out in .dockerignore, or remove it in a stage before",
	"unknown flag: unpack":         "--unpack is not supported: ADD unpacks archives of the context and no others; use RUN tar for the rest",
	"unknown flag: start-interval": "--start-interval is not supported: Podman has no such interval; leave it out",
	"unknown flag: security":       "--security is not supported: RUN has the rights of any container",
	"unknown flag: device":         "--device is not supported: RUN has no devices",
}

// supported puts errors about such flags into those words.
func supported(err error) error {
	for words, why := range unsupported {
		if strings.HasSuffix(err.Error(), words) {
			return errors.New(why)
		}
	}
	return err
}

// checkSources refuses what buildah would take for something else.
func (d *Dockerfile) checkSources() error {
	for _, stage := range d.stages {
		for _, command := range stage.Commands {
			add, is := command.(*instructions.AddCommand)
			if !is {
				continue
			}
			for _, source := range add.SourcePaths {
				address, _, _ := strings.Cut(source, "#")
				if add.KeepGitDir || strings.HasSuffix(address, ".git") && strings.Contains(address, "://") || strings.HasPrefix(source, "git@") {
					return d.atLine(add.Location(), fmt.Errorf("ADD of a git repository (%s) is not supported: use RUN git clone, or --build-context NAME=%s and COPY --from=NAME", source, source))
				}
			}
		}
	}
	return nil
}

// simplify takes the flags out of the text that change nothing here (--link, as
// every layer is made on the one below), and writes the names of stages as they
// are defined: docker does not tell capitals from small letters in them.
func (d *Dockerfile) simplify(text [][]byte) {
	for index, stage := range d.stages {
		for _, command := range stage.Commands {
			switch c := command.(type) {
			case *instructions.CopyCommand:
				from := c.From
				if _, named := d.others[from]; !named {
					if i, is := d.stage(from, index); is {
						from = cmp.Or(d.stages[i].Name, strconv.Itoa(i))
					}
				}
				replaceFlags(text, c.Location(), c.From, from)
			case *instructions.AddCommand:
				replaceFlags(text, c.Location(), "", "")
			}
		}
	}
}

// replaceFlags changes the flags of one instruction, which come before all else.
func replaceFlags(text [][]byte, at []parser.Range, typed, from string) {
	first, last := span(at)
	for n := first; n <= last && n <= len(text); n++ {
		if n > first && bytes.HasPrefix(bytes.TrimSpace(text[n-1]), []byte("#")) {
			continue // a comment within
		}
		for i, word := range bytes.Fields(text[n-1]) {
			flag := string(word)
			switch {
			case flag == "--link", strings.HasPrefix(flag, "--link="):
				text[n-1] = bytes.Replace(text[n-1], word, nil, 1)
			case flag == "--from="+typed && typed != from:
				text[n-1] = bytes.Replace(text[n-1], word, []byte("--from="+from), 1)
			case strings.HasPrefix(flag, "--"), n == first && i == 0, flag == "\\", flag == "`":
			default:
				return
			}
		}
	}
}
