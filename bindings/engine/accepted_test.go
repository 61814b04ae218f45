package engine

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// TestAwaited looks at the real table while a connection waits, and when it no
// longer does.
func TestAwaited(t *testing.T) {
	address := &net.UnixAddr{Name: filepath.Join(t.TempDir(), "attach"), Net: "unixpacket"}
	listener, err := net.ListenUnix("unixpacket", address)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := net.DialUnix("unixpacket", nil, address)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if !awaited(ours(t, address.Name)) {
		t.Error("the connection is not accepted, and not awaited")
	}
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if awaited(ours(t, address.Name)) {
		t.Error("the connection is accepted, and still awaited")
	}
}

// ours is the part of the kernel's table that is about one socket.
func ours(t *testing.T, name string) []byte {
	t.Helper()
	table, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		t.Fatal(err)
	}
	var lines []byte
	for line := range bytes.Lines(table) {
		if bytes.Contains(line, []byte(name)) {
			lines = append(lines, line...)
		}
	}
	return lines
}
