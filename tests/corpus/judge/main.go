// Judge builds the cases of the corpus with a docker and stores what comes of it as what is expected, or says where
// it differs. Run it through judge.sh, which makes the surroundings that cases ask for.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"

	"dockless/tests/corpus"
)

func main() {
	write := flag.Bool("write", false, "store the results as what is expected")
	only := flag.String("run", "", "only the cases whose `name` matches")
	tool := flag.String("tool", "docker", "the docker that judges")
	dir := flag.String("cases", "tests/corpus/cases", "the folder of the cases")
	flag.Parse()
	if err := judge(context.Background(), *dir, *tool, *only, *write); err != nil {
		fmt.Fprintf(os.Stderr, "judge: %v\n", err)
		os.Exit(1)
	}
}

func judge(ctx context.Context, dir, path, only string, write bool) error {
	match, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	cases, err := corpus.Cases(dir)
	if err != nil {
		return err
	}
	url, stop, err := corpus.Serve()
	if err != nil {
		return err
	}
	defer stop() //nolint:errcheck // the end of the program
	tool := corpus.Tool{Path: path, Env: append(os.Environ(), "DOCKER_BUILDKIT=1")}
	base, err := corpus.ReadBase(ctx, tool)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("/var/tmp", "dockless-judge")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	bad := 0
	for _, c := range cases {
		if !match.MatchString(c.Name) {
			continue
		}
		text, err := one(ctx, c, tool, work, url, base)
		if err == nil && write {
			err = c.Write(text)
		} else if want, _ := c.Expected(); err == nil && want != text {
			err = fmt.Errorf("%s differs:\n%s", c.Name, text)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "judge: %v\n", err)
			bad++
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d cases without a result", bad)
	}
	return nil
}

// one is the text of a result: of a build that fails, the last line of what it says.
func one(ctx context.Context, c corpus.Case, tool corpus.Tool, work, url string, base corpus.Base) (string, error) {
	r, err := c.Build(ctx, tool, work, url, base)
	if err != nil {
		return "", err
	}
	if !r.Failed {
		if words := c.Words(); len(words) > 0 {
			return "", fmt.Errorf("%s does not fail:\n%s", c.Name, r.Image)
		}
		return r.Image, nil
	}
	if len(c.Words()) == 0 {
		return "", fmt.Errorf("%s fails: %s", c.Name, r.Stderr)
	}
	for _, word := range c.Words() {
		if !strings.Contains(r.Stderr, word) {
			return "", fmt.Errorf("%s: not said: %s: %s", c.Name, word, r.Stderr)
		}
	}
	all := strings.Split(r.Stderr, "\n")
	last := ""
	for _, line := range all {
		if strings.Contains(line, "ERROR") {
			last = line
		}
	}
	return "fails: " + strings.ReplaceAll(last, url, "$URL") + "\n", nil
}
