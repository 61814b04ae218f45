package engine

import (
	"bytes"
	"context"
	"os"
	"time"
)

// accepted returns when no container's monitor has a connection left to accept.
//
// Podman answers an attach when it has connected to conmon's socket. Conmon may
// not have accepted that yet: one that has its first look at its children only
// when the container has run already, on a machine with too much to do, ends
// without a look at the socket, and all of the output is lost (seen with 4.3.1).
// The kernel's table shows such connections, if not whose they are. Where it
// cannot be read, or Podman is in a network namespace of its own, there is no
// wait; nor a long one for the monitor of another container that stands still.
func accepted(ctx context.Context) {
	const patience, longest = 3 * time.Second, 20 * time.Millisecond
	pause := time.Millisecond / 4
	for begun := time.Now(); time.Since(begun) < patience; pause = min(2*pause, longest) {
		table, err := os.ReadFile("/proc/net/unix")
		if err != nil || !awaited(table) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// awaited tells whether the kernel's table of unix sockets has a connection to
// conmon's socket of attaches that was not accepted yet: type 5 is
// SOCK_SEQPACKET, state 2 SS_CONNECTING.
// Source: https://man7.org/linux/man-pages/man5/proc_net.5.html
func awaited(table []byte) bool {
	for line := range bytes.Lines(table) {
		if !bytes.HasSuffix(line, []byte("/attach\n")) {
			continue
		}
		fields := bytes.Fields(line) // number, references, protocol, flags, type, state, inode, path
		if len(fields) > 7 && string(fields[4]) == "0005" && string(fields[5]) == "02" {
			return true
		}
	}
	return false
}
