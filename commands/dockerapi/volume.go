package dockerapi

import (
	"time"

	"github.com/containers/podman/v4/pkg/domain/entities"
	"github.com/docker/docker/api/types/volume"
)

// NewVolume makes Docker's description of a volume from Podman's.
func NewVolume(p *entities.VolumeConfigResponse) *volume.Volume {
	v := &volume.Volume{
		CreatedAt:  p.CreatedAt.Format(time.RFC3339),
		Driver:     p.Driver,
		Mountpoint: p.Mountpoint,
		Name:       p.Name,
		Scope:      "local",
	}
	for key, value := range p.Labels {
		if v.Labels == nil {
			v.Labels = map[string]string{}
		}
		v.Labels[key] = value
	}
	if p.Anonymous {
		if v.Labels == nil {
			v.Labels = map[string]string{}
		}
		v.Labels["com.docker.volume.anonymous"] = ""
	}
	for key, value := range p.Options {
		if key == "UID" || key == "GID" { // Podman's note of what it read in o=
			continue
		}
		if v.Options == nil {
			v.Options = map[string]string{}
		}
		v.Options[key] = value
	}
	return v
}
