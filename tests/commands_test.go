package tests

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// retryLimit is how long retry polls: long, as it is only ever reached by a script that fails.
var retryLimit = patiently(time.Minute)

var scriptCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"retry":    retry,
	"exitcode": exitCode,
	"json":     jsonValue,
	"capture":  capture,
	"answer":   answer,
	"registry": startRegistry,
	"fault":    setFaults,
	"proxy":    startProxy,
}

// retry [!] [-for REGEXP] COMMAND...: runs the command again and again until it succeeds (with !: fails) and its
// output, both streams, matches.
func retry(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: retry [!] [-for REGEXP] COMMAND...")
	}
	fail := len(args) > 0 && args[0] == "!"
	if fail {
		args = args[1:]
	}
	want := regexp.MustCompile("")
	if len(args) > 1 && args[0] == "-for" {
		re, err := regexp.Compile("(?m)" + args[1])
		ts.Check(err)
		want, args = re, args[2:]
	}
	if len(args) == 0 {
		ts.Fatalf("usage: retry [!] [-for REGEXP] COMMAND...")
	}
	for deadline := time.Now().Add(retryLimit); ; time.Sleep(50 * time.Millisecond) {
		err := ts.Exec(args[0], args[1:]...)
		if (err != nil) == fail && want.MatchString(ts.ReadFile("stdout")+ts.ReadFile("stderr")) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("not so after %v: %v", retryLimit, err)
		}
	}
}

// exitcode N COMMAND...: runs the command and asserts its exit status.
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exitcode N COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("running %s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, not %d", got, want)
	}
}

// json TEMPLATE WANT: reads the last command's stdout as JSON, executes a Go template on it and compares the result
// (with !: which must differ). A list of one, as inspect prints, counts as its element; several documents, as
// "--format json" prints, count as a list.
func jsonValue(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: json TEMPLATE WANT")
	}
	var documents []any
	decoder := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	decoder.UseNumber()
	for {
		var d any
		if err := decoder.Decode(&d); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			ts.Fatalf("stdout is not JSON: %v", err)
		}
		documents = append(documents, d)
	}
	var data any = documents
	for {
		list, ok := data.([]any)
		if !ok || len(list) != 1 {
			break
		}
		data = list[0]
	}
	tmpl, err := template.New("json").Option("missingkey=error").Funcs(template.FuncMap{"json": asJSON}).Parse(args[0])
	ts.Check(err)
	var got bytes.Buffer
	ts.Check(tmpl.Execute(&got, data))
	if (got.String() == args[1]) == neg {
		ts.Fatalf("%s is %q", args[0], got.String())
	}
}

func asJSON(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

// capture VARIABLE: puts the last command's stdout, without the space around it, into an environment variable.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: capture VARIABLE")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}
