package tests

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// ptyFailed is pty's own exit status, when the dialog did not go as written.
const ptyFailed = 99

// ptyMain is the scripts' command
//
//	pty DIALOG COMMAND...
//
// It runs a command on a terminal of 80 columns and 24 rows and plays the user, line by line of the file DIALOG:
//
//	expect REGEXP   wait for this in what has been printed since the last expect
//	send TEXT       type; \r is the return key, \x10\x11 control-P control-Q, as in a Go string
//	resize 100x40   change the window's size, columns and rows
//	signal TERM     send the command a signal
//
// What the terminal showed goes to stdout, with plain line ends. The exit status is the command's, or 99 where the
// dialog failed or the terminal was left in another mode than it had.
func ptyMain() {
	code, err := converse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "pty:", err)
		code = ptyFailed
	}
	os.Exit(code)
}

func converse(args []string) (int, error) {
	if len(args) < 2 {
		return 0, errors.New("usage: pty DIALOG COMMAND...")
	}
	dialog, err := os.ReadFile(args[0])
	if err != nil {
		return 0, err
	}
	terminal, tty, err := pty.Open()
	if err != nil {
		return 0, err
	}
	if err := pty.Setsize(terminal, &pty.Winsize{Cols: 80, Rows: 24}); err != nil {
		return 0, err
	}
	before, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		return 0, err
	}
	screen := &screen{grown: make(chan struct{}, 1)}
	cmd := exec.Command(args[1], args[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	all := make(chan struct{})
	go func() { _, _ = io.Copy(screen, terminal); close(all) }()

	talk := play(string(dialog), terminal, screen, cmd.Process)
	if talk != nil {
		_ = cmd.Process.Kill()
	}
	wait := cmd.Wait()
	after, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		return 0, err
	}
	// With the last of the terminal's users gone, what is under way still comes through, then an error.
	if err := tty.Close(); err != nil {
		return 0, err
	}
	select {
	case <-all:
	case <-time.After(retryLimit):
		return 0, errors.New("something still holds the terminal")
	}
	fmt.Print(strings.ReplaceAll(screen.text(), "\r\n", "\n"))
	if talk != nil {
		return 0, talk
	}
	if *before != *after {
		return 0, fmt.Errorf("the terminal was left in another mode: %+v, not %+v", *after, *before)
	}
	var exit *exec.ExitError
	if wait != nil && !errors.As(wait, &exit) {
		return 0, wait
	}
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return cmd.ProcessState.ExitCode(), nil
}

func play(dialog string, terminal *os.File, screen *screen, process *os.Process) error {
	for number, line := range strings.Split(strings.TrimSpace(dialog), "\n") {
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		var err error
		switch verb {
		case "", "#":
		case "expect":
			err = screen.expect(rest)
		case "send":
			var text string
			if text, err = strconv.Unquote(`"` + strings.ReplaceAll(rest, `"`, `\"`) + `"`); err == nil {
				_, err = io.WriteString(terminal, text)
			}
		case "resize":
			var size pty.Winsize
			if _, err = fmt.Sscanf(rest, "%dx%d", &size.Cols, &size.Rows); err == nil {
				err = pty.Setsize(terminal, &size)
			}
		case "signal":
			signal := unix.SignalNum("SIG" + rest)
			if signal == 0 {
				err = fmt.Errorf("unknown signal %q", rest)
			} else {
				err = process.Signal(signal)
			}
		default:
			err = fmt.Errorf("unknown verb %q", verb)
		}
		if err != nil {
			return fmt.Errorf("line %d of the dialog: %w", number+1, err)
		}
	}
	return nil
}

// screen is what the terminal has shown.
type screen struct {
	mu    sync.Mutex
	shown bytes.Buffer
	seen  int           // how much of it earlier expects have matched
	grown chan struct{} // holds a token when something was shown
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.grown <- struct{}{}:
	default:
	}
	return s.shown.Write(p)
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown.String()
}

func (s *screen) expect(pattern string) error {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	for timeout := time.After(retryLimit); ; {
		text := s.text()
		if found := re.FindStringIndex(text[s.seen:]); found != nil {
			s.seen += found[1]
			return nil
		}
		select {
		case <-s.grown:
		case <-timeout:
			return fmt.Errorf("no %q within %v after %q", pattern, retryLimit, text[s.seen:])
		}
	}
}
