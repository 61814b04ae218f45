package commands

import (
	"bytes"
	"io"
	"regexp"
)

// execFailure holds back what Podman itself writes into the streams of a command
// that cannot be executed, until it is known whether the command was: lines that
// begin with "Error: " and end as its runtime's errors do.
type execFailure struct {
	to   io.Writer
	held bytes.Buffer
}

func (f *execFailure) hold(s *streams) {
	if s.tty {
		f.to, s.out = s.out, f
		return
	}
	f.to, s.err = s.err, f
}

// Write implements io.Writer.
func (f *execFailure) Write(p []byte) (int, error) {
	if bytes.HasPrefix(p, []byte("Error: ")) && bytes.HasSuffix(p, []byte("\n")) && fromPodman(p) {
		return f.held.Write(p)
	}
	if f.held.Len() > 0 {
		if _, err := f.to.Write(f.held.Bytes()); err != nil {
			return 0, err
		}
		f.held.Reset()
	}
	return f.to.Write(p)
}

// release shows what was held back if the exit code says that the command ran
// after all; else it returns it as the error that it is, with that code.
func (f *execFailure) release(code int) error {
	if f.held.Len() == 0 {
		return nil
	}
	if code == 0 {
		_, err := f.to.Write(f.held.Bytes())
		return err
	}
	first, _, _ := bytes.Cut(f.held.Bytes(), []byte("\n"))
	return &startFailure{&exit{code, errText(bytes.TrimPrefix(first, []byte("Error: ")))}}
}

type errText string

func (e errText) Error() string { return string(e) }

func fromPodman(line []byte) bool {
	return regexp.MustCompile(`: OCI (runtime error|permission denied|runtime attempted to invoke a command that was not found)\s*$`).Match(line)
}
