package tests

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// inMachine tells that these are the scripts of machine/testdata, in the virtual machine that tests/machine/run has
// started. Its one user is the person of all of them, because systemd is that user's too.
var inMachine = os.Getenv("DOCKLESS_MACHINE") != ""

// patiently is a time limit for this machine's speed.
func patiently(limit time.Duration) time.Duration {
	if inMachine {
		return 5 * limit // its processor is emulated
	}
	return limit
}

// importBase makes the machine's first call of all, on a home in which no Podman has been.
func (h *host) importBase() error {
	p, err := h.newPerson("")
	if err != nil {
		return err
	}
	image, err := exec.Command("hosts/baseimage").Output()
	if err != nil {
		return fmt.Errorf("making the base image: %w", err)
	}
	tar := filepath.Join(h.dir, "busybox.tar")
	if err := os.WriteFile(tar, image, 0o644); err != nil {
		return err
	}
	return p.run(filepath.Join(h.dir, "bin/dockless"), "import", "--change", `CMD ["sh"]`, tar, "busybox")
}
