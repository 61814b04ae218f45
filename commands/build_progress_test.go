package commands

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"dockless/bindings/store"
)

// The times of a transcript differ from run to run.
func untimed(text string) string {
	return regexp.MustCompile(`\d+\.\d{3} |\d+\.\ds`).ReplaceAllString(text, "T ")
}

func TestPlainProgressOfStepsSideBySide(t *testing.T) {
	var out strings.Builder
	p := newBuildProgress(&out, "plain")
	p.step(store.StepEvent{Step: 1, Name: "[a 1/2] RUN a"})
	p.step(store.StepEvent{Step: 2, Name: "[b 1/2] RUN b"})
	p.step(store.StepEvent{Step: 1, Name: "[a 1/2] RUN a", Output: []byte("one\ntw")})
	p.step(store.StepEvent{Step: 2, Name: "[b 1/2] RUN b", Output: []byte("held back\n")})
	p.step(store.StepEvent{Step: 3, Name: "[c 1/2] FROM c", Ends: true, Cached: true})
	p.step(store.StepEvent{Step: 1, Name: "[a 1/2] RUN a", Output: []byte("o\n")})
	p.step(store.StepEvent{Step: 1, Name: "[a 1/2] RUN a", Ends: true})
	p.step(store.StepEvent{Step: 4, Name: "[d 1/2] RUN d"})
	p.step(store.StepEvent{Step: 2, Name: "[b 1/2] RUN b", Ends: true, Err: errors.New("it went wrong")})
	p.step(store.StepEvent{Step: 4, Name: "[d 1/2] RUN d", Ends: true, Err: context.Canceled})
	p.close()
	want := `#0 building with "default" instance using dockless

#1 [a 1/2] RUN a
#1 T one
#1 ...

#2 [c 1/2] FROM c
#2 CACHED

#1 [a 1/2] RUN a
#1 T two
#1 DONE T

#3 [b 1/2] RUN b
#3 T held back
#3 ERROR: it went wrong

#4 [d 1/2] RUN d
#4 CANCELED
------
 > [b 1/2] RUN b:
T held back
------
`
	got := strings.ReplaceAll(untimed(out.String()), "T \n", "T\n")
	if got != want {
		t.Errorf("printed\n%s\nnot\n%s", got, want)
	}
}

func TestFitting(t *testing.T) {
	rows := func() []row {
		return []row{{text: "over 1"}, {text: "runs 1", open: true, lines: []string{"a", "b"}}, {text: "over 2"}, {text: "runs 2", open: true, lines: []string{"c", "d"}}}
	}
	for room, want := range map[int]string{
		9: "over 1,runs 1,a,b,over 2,runs 2,c,d",
		7: "over 1,runs 1,b,over 2,runs 2,c,d",
		5: "over 1,runs 1,over 2,runs 2,d",
		3: "runs 1,over 2,runs 2",
		1: "runs 2",
		0: "runs 2",
	} {
		var got []string
		for _, row := range fitting(rows(), room) {
			got = append(append(got, row.text), row.lines...)
		}
		if strings.Join(got, ",") != want {
			t.Errorf("%d lines: %s, not %s", room, strings.Join(got, ","), want)
		}
	}
}

func TestSides(t *testing.T) {
	for _, c := range []struct{ left, want string }{
		{"short", "short       1.0s"},
		{"a text that is too long", "a text that 1.0s"},
		{"\x1b[32mgreen\x1b[0m\tx", "green x     1.0s"},
		{"10%\r20%\r", "20%         1.0s"},
		{"日本語日本語日本語", "日本語日本  1.0s"},
	} {
		if got := sides(c.left, "1.0s", 17); got != c.want {
			t.Errorf("%q is shown as %q, not %q", c.left, got, c.want)
		}
	}
	if got := sides("left", "1.0s", 8); got != "left   " {
		t.Errorf("a narrow terminal shows %q", got)
	}
}

func TestLinesOfRunningStep(t *testing.T) {
	step := &buildStep{name: "RUN x", last: []string{"0.1 one"}, rest: [2][]byte{[]byte("1 of 2\r2 of 2\r")}}
	got := (&buildScreen{}).step(step, 30)[0].lines
	want := []string{" => => # one", " => => # 2 of 2"}
	for i := range want {
		if i >= len(got) || strings.TrimRight(got[i], " ") != want[i] {
			t.Errorf("shown are %q, not %q", got, want)
		}
	}
}
