package commands

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"testing"

	"dockless/commands/argv"

	"github.com/spf13/pflag"
	"github.com/urfave/cli/v2"
)

// olderFlags are flags that docker run of today does not show: older spellings that
// docker still takes, or took.
var olderFlags = []string{"net", "net-alias", "dns-opt", "cpuset"}

// runsOnly are the flags of docker run that docker create does not have.
var runsOnly = []string{"detach", "detach-keys", "sig-proxy"}

// TestCreateFlags compares the flags of run and create with docker's own: each
// is supported, or is among the refused ones.
func TestCreateFlags(t *testing.T) {
	dockers := dockerFlags(t)
	for _, command := range everyCommand(&Env{}) {
		if command.Name != "run" && command.Name != "create" {
			continue
		}
		t.Run(command.Name, func(t *testing.T) {
			set := argv.FlagSet(command.Flags)
			for name, want := range dockers {
				got := set.Lookup(name)
				switch {
				case name == "help" || command.Name == "create" && slices.Contains(runsOnly, name):
				case got == nil:
					t.Errorf("--%s is missing", name)
				case got.Shorthand != want.short:
					t.Errorf("--%s: shorthand %q, docker has %q", name, got.Shorthand, want.short)
				case got.Value.Type() != want.kind:
					t.Errorf("--%s: type %s, docker has %s", name, got.Value.Type(), want.kind)
				case got.Hidden != isRefused(name):
					t.Errorf("--%s: hidden is %v: --help shows a flag if it is not refused", name, got.Hidden)
				}
			}
			set.VisitAll(func(f *pflag.Flag) {
				if _, known := dockers[f.Name]; !known && !slices.Contains(olderFlags, f.Name) {
					t.Errorf("--%s is not docker's", f.Name)
				}
			})
		})
	}
}

// TestRefusedFlags gives every refused flag a value that asks for something.
func TestRefusedFlags(t *testing.T) {
	for _, r := range refusedFlags {
		app := &cli.App{Commands: []*cli.Command{{Name: "create", Flags: createFlags(&createOptions{})}}}
		stop := func([]string) bool { return true }
		_, err := argv.Normalize(app, []string{"create", "--" + r.name, "1", "busybox"}, stop)
		if err == nil || !strings.Contains(err.Error(), r.reason) {
			t.Errorf("--%s 1: got error %v, want the reason: %s", r.name, err, r.reason)
		}
		for _, value := range r.harmless {
			if _, err := argv.Normalize(app, []string{"create", "--" + r.name, value, "busybox"}, stop); err != nil {
				t.Errorf("--%s %q asks for nothing: %v", r.name, value, err)
			}
		}
	}
	o := &createOptions{}
	createFlags(o)
	o.useAPISocket = true
	if _, err := describe(o, "busybox", nil); err == nil || !strings.Contains(err.Error(), "--use-api-socket") {
		t.Errorf("--use-api-socket: got error %v", err)
	}
}

func isRefused(name string) bool {
	for _, r := range refusedFlags {
		if r.name == name {
			return true
		}
	}
	return name == "use-api-socket"
}

type dockerFlag struct{ short, kind string }

func dockerFlags(t *testing.T) map[string]dockerFlag {
	t.Helper()
	file, err := os.Open("testdata/docker_run_flags.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	flags := map[string]dockerFlag{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); fields[0] != "#" {
			flags[fields[0]] = dockerFlag{short: strings.Trim(fields[1], "-"), kind: fields[2]}
		}
	}
	if len(flags) < 100 {
		t.Fatalf("only %d flags in the list", len(flags))
	}
	return flags
}
