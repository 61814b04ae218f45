package commands

import (
	"fmt"
	"strings"
)

// createError puts Podman's refusal to make a container into docker's words.
func createError(name string, err error) error {
	text := err.Error()
	if _, after, found := strings.Cut(text, "is already in use by "); found { // 4.3 to 5.x: … by ID. You have to remove …
		id := strings.Trim(strings.Fields(after + " ")[0], `"., `)
		return fmt.Errorf(`Conflict. The container name "/%s" is already in use by container "%s". You have to remove (or rename) that container to be able to reuse that name.`,
			strings.TrimPrefix(name, "/"), id)
	}
	return err
}
