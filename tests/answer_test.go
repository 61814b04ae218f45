package tests

import (
	"bytes"
	"io"
	"net"

	"github.com/rogpeppe/go-internal/testscript"
)

// answer SOCKET FILE: listens on a unix socket until the script ends, and answers whoever connects with what FILE
// holds, newlines as \r\n, once it has sent something; then it hangs up. For what no real Podman would say.
func answer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: answer SOCKET FILE")
	}
	text := bytes.ReplaceAll([]byte(ts.ReadFile(args[1])), []byte("\n"), []byte("\r\n"))
	listener, err := net.Listen("unix", ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Defer(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if _, err := io.ReadAtLeast(conn, make([]byte, 4096), 1); err == nil {
				_, _ = conn.Write(text)
			}
			conn.Close()
		}
	}()
}
