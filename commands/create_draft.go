package commands

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"

	"dockless/bindings/engine"

	"github.com/containers/podman/v4/pkg/domain/entities"
	"github.com/containers/podman/v4/pkg/specgen"
)

// draft is a container that is being described: the request to Podman and what
// has to be said to the person about it.
type draft struct {
	*createOptions
	specgen.SpecGenerator
	// more holds fields of the request that the bindings' type does not have or
	// would leave out.
	more       map[string]any
	warnings   []string
	sources    []string                       // of -v: made if they are not there
	newVolumes []entities.VolumeCreateOptions // of --mount, made before the container
	limits     map[string][]string            // flags, by the cgroup controller that they need
}

func (d *draft) warn(format string, a ...any) {
	d.warnings = append(d.warnings, fmt.Sprintf(format, a...))
}

// describe reads all flags without asking the engine anything.
func describe(o *createOptions, image string, command []string) (*draft, error) {
	d := &draft{createOptions: o, more: map[string]any{
		"httpproxy": false, // never the server's own proxies; unset, a newer one may decide
	}}
	d.RawImageName = image
	d.Command = command
	for _, s := range o.subjects() {
		if err := s.fill(d); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// create sends the request and returns the container's id.
func (d *draft) create(conn context.Context) (string, error) {
	encoded, err := json.Marshal(d.SpecGenerator)
	if err != nil {
		return "", fmt.Errorf("encoding the container's description: %w", err)
	}
	request := map[string]any{}
	if err := json.Unmarshal(encoded, &request); err != nil {
		return "", fmt.Errorf("encoding the container's description: %w", err)
	}
	maps.Copy(request, d.more)
	var answer entities.ContainerCreateResponse
	if err := engine.Call(conn, http.MethodPost, engine.Libpod+"/containers/create", nil, request, &answer); err != nil {
		return "", err
	}
	d.warnings = append(d.warnings, answer.Warnings...)
	return answer.ID, nil
}
