package engine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func logLine(stream, tag, text string) string {
	return "2026-01-02T03:04:05.000000006+01:00 " + stream + " " + tag + " " + text + "\n"
}

func write(t *testing.T, path, text string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, path string) *LogFile {
	t.Helper()
	file, err := OpenLog(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

// rest reads what there is: each record as stream:text.
func rest(t *testing.T, file *LogFile) string {
	t.Helper()
	var all strings.Builder
	for {
		record, err := file.Next()
		if errors.Is(err, io.EOF) {
			return all.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "%d:%s", record.Stream, record.Text)
	}
}

func check(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got %.200q, want %.200q", got, want)
	}
}

func TestLogRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ctr.log")
	write(t, path, logLine("stdout", "F", "one")+logLine("stderr", "P", "part")+logLine("stderr", "F", "")+logLine("stdout", "F", "a b  c"))
	file := open(t, path)
	check(t, rest(t, file), "1:one\n2:part2:\n1:a b  c\n")

	whole := logLine("stdout", "F", "half")
	write(t, path, whole[:20])
	check(t, rest(t, file), "")
	write(t, path, whole[20:])
	record, err := file.Next()
	if err != nil {
		t.Fatal(err)
	}
	check(t, string(record.Text), "half\n")
	at, err := record.Time()
	if err != nil {
		t.Fatal(err)
	}
	check(t, at.UTC().String(), "2026-01-02 02:04:05.000000006 +0000 UTC")

	long := strings.Repeat("x", 200<<10)
	write(t, path, logLine("stdout", "F", long)+logLine("stdout", "F", "after"))
	check(t, rest(t, file), "1:"+long+"\n1:after\n")

	write(t, path, "no log\n")
	if _, err := file.Next(); err == nil {
		t.Error("a line that is none was read")
	}
}

func TestLogTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ctr.log")
	var text strings.Builder
	const lines = 5000
	for i := range lines {
		text.WriteString(logLine("stdout", "P", strings.Repeat("x", 40)) + logLine("stdout", "F", fmt.Sprint(i)))
	}
	write(t, path, text.String())
	for _, n := range []int{0, 1, 2, 700, lines - 1, lines, lines + 1, 10 * lines} {
		file := open(t, path)
		if err := file.Tail(n); err != nil {
			t.Fatal(err)
		}
		got := rest(t, file)
		check(t, fmt.Sprint(n, strings.Count(got, "\n")), fmt.Sprint(n, min(n, lines)))
		if n > 0 && !strings.HasPrefix(got, "1:x") {
			t.Errorf("the last %d lines begin with %.60q", n, got)
		}
	}
	file := open(t, filepath.Join(t.TempDir(), ".."))
	if err := file.Tail(3); err == nil {
		t.Error("a directory has last lines")
	}
}

func TestLogReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ctr.log")
	write(t, path, logLine("stdout", "F", "old"))
	file := open(t, path)
	check(t, rest(t, file), "1:old\n")
	write(t, path+".tmp", logLine("stdout", "F", "new"))
	if err := os.Rename(path+".tmp", path); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time nothing has changed
		if err := file.Reopen(); err != nil {
			t.Fatal(err)
		}
	}
	check(t, rest(t, file), "1:new\n")
	os.Remove(path)
	if err := file.Reopen(); err != nil {
		t.Errorf("a log removed with its container: %v", err)
	}
}
