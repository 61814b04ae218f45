package commands

import (
	"fmt"
	"strings"
)

// createError puts Podman's refusal to make a container into docker's words.
func createError(d *draft, err error) error {
	text := err.Error()
	switch {
	case strings.Contains(text, "is already in use by "): // 4.3, 5.4: the container name "x" is already in use by ID. You have to …
		_, after, _ := strings.Cut(text, "is already in use by ")
		id, _, _ := strings.Cut(after, ". ")
		return fmt.Errorf(`Conflict. The container name "/%s" is already in use by container "%s". You have to remove (or rename) that container to be able to reuse that name.`,
			d.Name, strings.Trim(id, `"., `))
	case strings.Contains(text, `no container with name or ID "`): // of container:NAME and --volumes-from
		_, after, _ := strings.Cut(text, `no container with name or ID "`)
		name, _, _ := strings.Cut(after, `"`)
		return &noSuch{kind: "container", name: name}
	case strings.Contains(text, "unable to find network with name or ID "):
		_, after, _ := strings.Cut(text, "unable to find network with name or ID ")
		name, _, _ := strings.Cut(after, ": ")
		return fmt.Errorf("network %s not found", name)
	case strings.Contains(text, "non-shareable IPC"):
		return fmt.Errorf("can't join IPC of container %s: non-shareable IPC (hint: use IpcMode:shareable for the donor container)", d.IpcNS.Value)
	case d.Init && strings.Contains(text, "init binary") && !strings.Contains(text, "as PID 1"): // not found, by each version in other words
		return fmt.Errorf("--init: %w; install the package catatonit", err)
	}
	return err
}
