package dockerfile

import (
	"errors"
	"slices"
	"testing"
)

// FuzzPlan plans whatever a Dockerfile holds: errors are about lines that it has,
// and each stage of a plan comes after those that it takes files from.
func FuzzPlan(f *testing.F) {
	for _, text := range []string{
		"# syntax=a\n# check=skip=all;error=true\nARG A=1\nFROM busybox:${A:-2} AS a\nONBUILD RUN b\nFROM a\nRUN <<E <<-\"F\"\nx\nE\n\ty\nF\n",
		"# escape=`\nFROM --platform=$TARGETPLATFORM scratch\nENV a=${b//c/$d} e f\nLABEL a='b c'\nEXPOSE 1-3/udp ${P}\nHEALTHCHECK --interval=1s CMD a\n",
		"FROM a\nRUN --mount=type=cache,target=c,uid=18446744073709551615,mode=7777 --mount=type=secret,env=A,id=b --mount=type=ssh --mount=from=a,rw --network=none a\n",
		"FROM a\nCOPY --from=0 --chmod=u=rwX --chown=a:b --exclude=*.md --parents --link a/./b [\"c\", \"d e\"] /f/\nCOPY <<E <<F /\na\nE\nb\nF\n",
		"FROM a\nADD --checksum=sha256:0 https://a/b.git#c:d?x=y git@a:b.git http://a/b?c --unpack=true /\nADD --keep-git-dir=true github.com/a/b /\n",
		"\xef\xbb\xbfFROM a\r\nSHELL [\"a\"]\r\nCMD b\r\nVOLUME /a /b\r\nSTOPSIGNAL 9\r\nWORKDIR ../a\r\nUSER a\r\n",
		"FROM a AS b\nCOPY --from=c / /\nFROM b AS c\nCOPY --from=b / /\n",
	} {
		f.Add([]byte(text), "a", "RUN --mount=from=b a\n")
	}
	f.Fuzz(func(t *testing.T, text []byte, target, onbuild string) {
		file, err := Parse(text)
		if err != nil {
			excerpt(t, err)
			return
		}
		_, _ = file.Outline(Options{Host: here, Target: target})
		if _, err := file.Targets(); err != nil {
			t.Error(err)
		}
		p, err := plan(string(text), Options{Target: target, Args: map[string]string{"A": "a"}}, onbuild)
		excerpt(t, err)
		for i, stage := range p.Stages {
			for _, step := range stage.Steps {
				of := []Source{stage.Base}
				if step.Copy != nil {
					of = append(of, step.Copy.From)
				}
				if step.Run != nil {
					for _, mount := range step.Run.Mounts {
						of = append(of, mount.From)
					}
				}
				for _, from := range of {
					if from.Stage != nil && !slices.Contains(p.Stages[:i], from.Stage) {
						t.Errorf("%s takes files from %s, which comes later or never", step.Name, from.Stage.Name)
					}
				}
			}
		}
	})
}

func excerpt(t *testing.T, err error) {
	t.Helper()
	if located := new(Error); errors.As(err, &located) && located.Excerpt("f") == "" {
		t.Errorf("%q is about lines %d to %d, which are not there", err, located.First, located.Last)
	}
}
