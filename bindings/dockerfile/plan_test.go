package dockerfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// plan is that of a Dockerfile whose images are all busybox, with the triggers
// that onbuild has for them.
func plan(text string, o Options, onbuild ...string) (*Plan, error) {
	f, err := Parse([]byte(text))
	if err != nil {
		return &Plan{}, err
	}
	o.Host = here
	bases := map[string]Image{}
	for more := true; more; {
		images, err := f.Images(o, bases)
		if err != nil {
			return &Plan{}, err
		}
		more = false
		for _, source := range images {
			if _, known := bases[source.Key()]; !known {
				image := busybox()
				image.Config.OnBuild, more = onbuild, true
				bases[source.Key()] = image
			}
		}
	}
	return f.Plan(o, bases)
}

// TestNames compares the steps' names with BuildKit's.
func TestNames(t *testing.T) {
	for _, c := range []struct{ text, names string }{
		{
			"FROM busybox AS build\nENV A=1 B='two words'\nWORKDIR rel/$A\nRUN echo $A ${UNSET} \"q $B\" '$A'\nCOPY [\"f\", \"/dst with/\"]",
			"[1/4] FROM docker.io/library/busybox:latest\n[2/4] WORKDIR rel/1\n[3/4] RUN echo 1 ${UNSET} \"q two words\" '$A'\n[4/4] COPY [f, /dst with/]",
		},
		{"FROM scratch\nCOPY f /", "[1/1] COPY f /"},
		{
			"FROM busybox AS a\nrun <<EOF\none\ntwo\nEOF\nFROM a\nRUN --mount=type=secret,id=t,env=T echo $T\nWORKDIR /",
			"[a 1/2] FROM docker.io/library/busybox:latest\n[a 2/2] RUN <<EOF (one...)\n[stage-1 1/2] RUN --mount=type=secret,id=t,env=T echo ****",
		},
		{"FROM busybox\nONBUILD RUN true\nFROM 0", "[stage-1 1/1] FROM docker.io/library/0:latest"},
		{
			"FROM busybox AS a\nONBUILD RUN true\nRUN false\nFROM a\nRUN x",
			"[a 1/2] FROM docker.io/library/busybox:latest\n[a 2/2] RUN false\n[stage-1 1/2] ONBUILD RUN true\n[stage-1 2/2] RUN x",
		},
		{"FROM busybox AS a\nFROM busybox AS unused\nFROM a\n" + strings.Repeat("RUN x\n", 10), "[a 1/1] FROM docker.io/library/busybox:latest\n" + numbered(10)},
	} {
		p, err := plan(c.text, Options{})
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
		}
		var names []string
		for _, stage := range p.Stages {
			names = append(names, stage.From)
			for _, step := range stage.Steps {
				names = append(names, step.Name)
			}
		}
		names = slices.DeleteFunc(names, func(name string) bool { return name == "" })
		if got := strings.Join(names, "\n"); got != c.names {
			t.Errorf("%s\nhas the steps\n%s\nnot\n%s", c.text, got, c.names)
		}
	}
}

func numbered(n int) string {
	var lines []string
	for i := 1; i <= n; i++ {
		lines = append(lines, fmt.Sprintf("[stage-2 %2d/%d] RUN x", i, n))
	}
	return strings.Join(lines, "\n")
}

// TestContexts looks what build contexts take the place of.
func TestContexts(t *testing.T) {
	const text = "FROM busybox AS made\nRUN false\nFROM tree\nCOPY --from=made /a /b\nCOPY --from=alpine /c /d"
	o := Options{Contexts: map[string]string{"made": "/files", "tree": "/more", "alpine": ImageContext + "debian:12"}}
	p, err := plan(text, o)
	if err != nil || len(p.Stages) != 1 {
		t.Fatalf("%d stages, %v", len(p.Stages), err)
	}
	steps := p.Stages[0].Steps
	for i, want := range []Source{{Context: "tree"}, {Context: "made"}, {Image: "docker.io/library/debian:12"}} {
		if from := steps[i].Copy.From; from.Context != want.Context || from.Image != want.Image {
			t.Errorf("%s takes files from %+v", steps[i].Name, from)
		}
	}
	if !p.Stages[0].Base.None() {
		t.Errorf("begins with %+v", p.Stages[0].Base)
	}
	o.Target = "made"
	if p, err = plan(text, o); err != nil || len(p.Stages) != 1 || len(p.Stages[0].Steps) != 1 || p.Stages[0].Steps[0].Copy.From.Context != "made" {
		t.Errorf("%+v, %v", p.Stages[0].Steps, err)
	}
}

func TestTriggers(t *testing.T) {
	p, err := plan("FROM busybox\nRUN x", Options{}, "ARG A=1", "COPY --from=other /a /b", "ENV B=$A")
	if err != nil {
		t.Fatal(err)
	}
	stage := p.Stages[0]
	copied, run := stage.Steps[0], stage.Steps[1]
	if copied.Name != "[2/5] ONBUILD COPY --from=other /a /b" || copied.Copy.From.Image != "docker.io/library/other:latest" || copied.At[0].Start.Line != 1 {
		t.Errorf("%+v takes %+v", copied, copied.Copy)
	}
	if run.Name != "[3/5] RUN x" || !slices.Contains(run.Run.Env, "B=1") || len(stage.Image.Config.OnBuild) > 0 {
		t.Errorf("%+v runs %+v", run, run.Run)
	}
}

// TestSteps looks at what a single instruction means.
func TestSteps(t *testing.T) {
	for _, c := range []struct{ text, step string }{
		{"WORKDIR ../w/./x/", `{"Path":"/w/x"}`},
		{"USER 7\nWORKDIR w", `{"Path":"/w","User":"7"}`},
		{"COPY . .", `{"Dest":"/","From":{"Context":"context"},"Items":[{"Path":"."}]}`},
		{"COPY ../a/ b//c d/.", `{"Dest":"/d/","From":{"Context":"context"},"Items":[{"Path":"a"},{"Path":"b/c"}]}`},
		{"WORKDIR /w\nCOPY --link --chown=$X:1 a ./b", `{"Chown":":1","Dest":"/w/b","From":{"Context":"context"},"Items":[{"Path":"a"}],"Link":true}`},
		{"COPY --parents --exclude=*.go a/./b/../c /d/e /", `{"Dest":"/","Exclude":["*.go"],"From":{"Context":"context"},"Items":[{"Path":"a/./c"},{"Path":"d/e"}],"Parents":true}`},
		{"COPY <<A <<'B' /x/\n$HOME\nA\n$y\nB", `{"Dest":"/x/","From":{"Context":"context"},"Items":[{"Script":{"Data":"Cg==","Mode":420,"Path":"A"}},{"Script":{"Data":"JHkK","Mode":420,"Path":"B"}}]}`},
		{"ADD --chmod=u+x a.tar https://h/x https://h/r.git#v1 /x/", `{"Add":true,"Chmod":"u+x","Dest":"/x/","From":{"Context":"context"},"Items":[{"Path":"a.tar"},{"URL":"https://h/x"},{"Git":"https://h/r.git#v1"}],"Unpack":true}`},
		{"ADD --unpack=false a.tar /", `{"Add":true,"Dest":"/","From":{"Context":"context"},"Items":[{"Path":"a.tar"}]}`},
		{
			"RUN --mount=target=b --mount=type=cache,target=c,uid=1,mode=0700 --mount=type=tmpfs,target=/t,size=1k true",
			`[{"From":{"Context":"context"},"ReadOnly":true,"Source":"/","Target":"/b","Type":"bind"},{"ID":"c","Mode":448,"Sharing":"shared","Source":"/","Target":"/c","Type":"cache","UID":1},{"Size":1024,"Source":"/","Target":"/t","Type":"tmpfs"}]`,
		},
		{
			"RUN --mount=type=secret,id=a --mount=type=secret,id=b,env=B --mount=type=ssh,required true",
			`[{"ID":"a","ReadOnly":true,"Target":"/run/secrets/a","Type":"secret"},{"Env":"B","ID":"b","ReadOnly":true,"Type":"secret"},{"ID":"default","ReadOnly":true,"Required":true,"Target":"/run/buildkit/ssh_agent.0","Type":"ssh"}]`,
		},
		{"RUN <<E\n#!/bin/x\nE", `{"Args":["/bin/sh","-c","/dev/pipes/E"],"Dir":"/","Env":["PATH=` + searchPath + `"],"Host":"buildkitsandbox","Process":"/bin/sh -c /dev/pipes/E","Scripts":[{"Data":"IyEvYmluL3gK","Mode":493,"Path":"/dev/pipes/E"}]}`},
		{"ARG A=1\nUSER u\nSHELL [\"b\"]\nRUN --network=none x", `{"Args":["b","x"],"Dir":"/","Env":["PATH=` + searchPath + `","A=1"],"Host":"buildkitsandbox","Network":"none","Process":"b x","User":"u"}`},
	} {
		p, err := plan("FROM busybox\n"+c.text, Options{})
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		steps := p.Stages[0].Steps
		step := steps[len(steps)-1]
		var what any = step.Workdir
		switch {
		case step.Copy != nil:
			what = step.Copy
		case step.Run != nil && step.Run.Mounts != nil:
			what = step.Run.Mounts
		case step.Run != nil:
			what = step.Run
		}
		if got := brief(what); got != c.step {
			t.Errorf("%s\nis %s\nnot %s", c.text, got, c.step)
		}
	}
}

// brief is a step in JSON, without all that is not set.
func brief(step any) string {
	text, err := json.Marshal(step)
	var value any
	if err == nil {
		err = json.Unmarshal(text, &value)
	}
	if err == nil {
		text, err = json.Marshal(prune(value))
	}
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func prune(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name := range v {
			if v[name] = prune(v[name]); v[name] == nil {
				delete(v, name)
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		for i := range v {
			v[i] = prune(v[i])
		}
	case string, float64, bool:
		if v == "" || v == 0.0 || v == false {
			return nil
		}
	}
	return value
}

// TestErrors compares errors and their lines with docker's.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		text, words string
		line        int
	}{
		{"FROM busybox\nCOPPY a b", "dockerfile parse error on line 2: unknown instruction: COPPY (did you mean COPY?)", 2},
		{"FROM busybox\nENV A", "ENV must have two arguments", 2},
		{"RUN x", "no build stage in current context", 1},
		{"FROM busybox\nRUN --mount=type=cache,targt=/x true", `unexpected key 'targt' in 'targt=/x' (did you mean target?)`, 2},
		{"FROM busybox\nRUN --mount=target=/ true", `invalid mount target "/"`, 2},
		{"FROM busybox\nRUN --security=insecure x", "dockerfile parse error on line 2: " + insecure, 2},
		{"FROM busybox AS one\nCOPY --from=two / /\nFROM busybox AS two\nFROM one", `cannot copy from stage "two", it needs to be defined before current stage "one"`, 2},
		{"FROM busybox\nCOPY --from=7 / /", "invalid stage index 7", 2},
		{"FROM busybox\nVOLUME $X", "VOLUME specified can not be an empty string", 2},
		{"FROM busybox\nCOPY https://h/r.git /", "source can't be a git ref for COPY", 2},
		{"FROM busybox AS y\nONBUILD nonesuch\nFROM y", "unknown instruction: nonesuch", 3},
		{"# check=error=true\nFROM busybox as x", "lint violation found for rules: FromAsCasing", 0},
		{"FROM --platform=a/b/c/d/e busybox", `failed to parse platform a/b/c/d/e: "d/e" is an invalid component of "a/b/c/d/e": platform specifier component must match "^[A-Za-z0-9_.-]+$": invalid argument`, 1},
	} {
		_, err := plan(c.text, Options{})
		var at *Error
		errors.As(err, &at)
		line := 0
		if at != nil {
			line = at.First
		}
		if err == nil || err.Error() != c.words || line != c.line {
			t.Errorf("%s\nfails in line %d: %v\nnot in line %d: %s", c.text, line, err, c.line, c.words)
		}
	}
}

// TestDates looks whether an image out of the cache is the same image.
func TestDates(t *testing.T) {
	at := time.Unix(1600000500, 0).UTC()
	now := Options{Created: time.Unix(1700000000, 0).UTC()}
	epoch := Options{Args: map[string]string{"SOURCE_DATE_EPOCH": "1500000000"}}
	for _, c := range []struct {
		text  string
		o     Options
		made  map[int]time.Time
		times string // after 1500000000
	}{
		{"FROM busybox\nLABEL a=b", now, nil, "100000000 100000000 100000000"},
		{"FROM busybox\nLABEL a=b\nRUN x\nENV c=d", now, map[int]time.Time{2: at}, "100000500 100000000 100000500 100000500 100000500"},
		{"FROM busybox\nLABEL a=b\nRUN x", epoch, map[int]time.Time{2: at}, "0 100000000 0 0"},
	} {
		p, err := plan(c.text, c.o)
		if err != nil {
			t.Fatal(err)
		}
		stage := p.Stages[0]
		stage.Date(c.made)
		times := fmt.Sprint(stage.Image.Created.Unix() - 1500000000)
		for _, entry := range stage.Image.History {
			times += fmt.Sprint(" ", entry.Created.Unix()-1500000000)
		}
		if times != c.times {
			t.Errorf("%s is from %s, not %s", c.text, times, c.times)
		}
	}
}

func TestExcerpt(t *testing.T) {
	_, err := plan("FROM busybox\n\nRUN true \\\n  && x\nEXPOSE eighty\nRUN y\n", Options{})
	var at *Error
	if !errors.As(err, &at) {
		t.Fatal(err)
	}
	const want = `Dockerfile:5
--------------------
   3 |     RUN true \
   4 |       && x
   5 | >>> EXPOSE eighty
   6 |     RUN y
   7 |     
--------------------
`
	if got := at.Excerpt("Dockerfile"); got != want {
		t.Errorf("%s\nnot\n%s", got, want)
	}
}
