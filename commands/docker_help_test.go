package commands

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dockless/commands/argv"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/spf13/pflag"
	"github.com/urfave/cli/v2"
)

// notHere are docker's commands that dockless has not.
var notHere = strings.Fields(`
	context context-create context-export context-import context-inspect
	context-ls context-rm context-show context-update context-use
	volume-update
`)

// different are the flags whose help deliberately is not docker's, with the
// reason.
var different = map[string]string{
	"docker --allow-root":   "docker needs root, this needs it not to be",
	"create --cgroupns":     "there is no daemon with a default of its own",
	"run --cgroupns":        "there is no daemon with a default of its own",
	"create --pull":         "docker's has a stray |",
	"create --blkio-weight": "its type is one word of docker's for a small number",
	"run --blkio-weight":    "its type is one word of docker's for a small number",
	"save --compress":       "docker has none",
	"save --format":         "docker has none",
	"image save --compress": "docker has none",
	"image save --format":   "docker has none",
	"network rm usage":      "docker's leaves out that there are options",
	"volume rm summary":     "docker's page has more words than its list of commands",
}

// ofBuildx are the flags that docker build has with the buildx plugin only.
var ofBuildx = strings.Fields(`
	allow annotation attest build-context builder cache-to call check load metadata-file
	no-cache-filter output progress provenance push sbom secret ssh
`)

// page is what the test reads from docker's help.
type page struct {
	usage, summary string
	flags          map[string]string // --name → all of the line but the default
}

func TestHelpIsDockers(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/docker-28.2.2-help.txtar")
	if err != nil {
		t.Fatal(err)
	}
	env := &Env{Program: "docker"}
	app := newApp(env, everyCommand(env))
	for _, file := range archive.Files {
		want := readPage(string(file.Data))
		if file.Name == "docker" {
			compareFlags(t, file.Name, app.Flags, want)
			continue
		}
		path := strings.Fields(file.Name)
		var command *cli.Command
		for among, i := app.Commands, 0; i < len(path); i++ {
			if command = argv.Find(among, path[i]); command == nil {
				break
			}
			among = command.Subcommands
		}
		if absent := slices.Contains(notHere, strings.ReplaceAll(file.Name, " ", "-")); absent != (command == nil) {
			t.Errorf("docker %s: absent by the test's list: %v, really: %v", file.Name, absent, command == nil)
		}
		if command == nil {
			continue
		}
		if got := usageLine("docker "+file.Name, command); got != want.usage && different[file.Name+" usage"] == "" {
			t.Errorf("docker %s: usage\n got %q\nwant %q", file.Name, got, want.usage)
		}
		if summary(command) != want.summary && different[file.Name+" summary"] == "" {
			t.Errorf("docker %s: summary\n got %q\nwant %q", file.Name, summary(command), want.summary)
		}
		compareFlags(t, file.Name, command.Flags, want)
	}
}

func compareFlags(t *testing.T, command string, flags []cli.Flag, want page) {
	t.Helper()
	got, hidden := map[string]string{}, map[string]bool{}
	argv.FlagSet(flags).VisitAll(func(f *pflag.Flag) { // panics where two flags share a name
		if hidden["--"+f.Name] = f.Hidden; f.Hidden {
			return
		}
		kind, text := pflag.UnquoteUsage(f)
		got["--"+f.Name] = flagLine(f.Shorthand, f.Name, kind, text)
	})
	for _, name := range slices.Sorted(maps.Keys(want.flags)) {
		if hidden[name] {
			continue // refused with the reason, or without a meaning here
		}
		if different[command+" "+name] == "" && got[name] != want.flags[name] {
			t.Errorf("docker %s %s\n got %q\nwant %q", command, name, got[name], want.flags[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if strings.HasSuffix(command, "build") && slices.Contains(ofBuildx, strings.TrimPrefix(name, "--")) {
			continue
		}
		if different[command+" "+name] == "" && want.flags[name] == "" {
			t.Errorf("docker %s has no %s", command, name)
		}
	}
}

var (
	flagStart = regexp.MustCompile(`^  (?:-(\w), |    )--([\w-]+)(?: ([\w-]+))?(?:   +(.*))?$`)
	preset    = regexp.MustCompile(` \(default .*\)$`)
	spaces    = regexp.MustCompile(`\s+`)
)

func flagLine(short, name, kind, text string) string {
	text = preset.ReplaceAllString(spaces.ReplaceAllString(strings.TrimSpace(text), " "), "")
	return strings.TrimSpace(strings.Join([]string{"-" + short, "--" + name, kind, text}, " "))
}

func readPage(text string) page {
	p := page{flags: map[string]string{}}
	if _, after, found := strings.Cut(text, "\n\nUsage:  "); found { // below a word about the plugin that is not there
		text = "Usage:  " + after
	}
	paragraphs := strings.SplitN(text, "\n\n", 3)
	p.usage = strings.TrimPrefix(paragraphs[0], "Usage:  ")
	p.summary = strings.TrimSpace(paragraphs[1])
	_, options, found := strings.Cut(text, "Options:\n")
	if !found {
		return p
	}
	options, _, _ = strings.Cut(options, "\n\n")
	var short, name, kind, help string
	add := func() {
		if name != "" && name != "help" {
			p.flags["--"+name] = flagLine(short, name, kind, help)
		}
	}
	for line := range strings.Lines(options) {
		if m := flagStart.FindStringSubmatch(strings.TrimRight(line, "\n")); m != nil {
			add()
			short, name, kind, help = m[1], m[2], m[3], m[4]
		} else {
			help += " " + line
		}
	}
	add()
	return p
}
