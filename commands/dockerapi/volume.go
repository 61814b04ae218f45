package dockerapi

import (
	"strconv"
	"strings"
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
		if key == "o" && p.Options["type"] == "tmpfs" {
			value = tmpfsSize(value)
		}
		v.Options[key] = value
	}
	return v
}

// tmpfsSize gives a tmpfs's number of blocks, in which dockless volume create
// had to put its size for Podman, as a size again.
func tmpfsSize(options string) string {
	list := strings.Split(options, ",")
	for i, option := range list {
		blocks, ok := strings.CutPrefix(option, "nr_blocks=")
		n, err := strconv.ParseInt(blocks, 10, 64)
		if !ok || err != nil {
			continue
		}
		size, unit := n*4, "k"
		for _, larger := range []string{"m", "g"} {
			if size%1024 != 0 || size == 0 {
				break
			}
			size, unit = size/1024, larger
		}
		list[i] = "size=" + strconv.FormatInt(size, 10) + unit
	}
	return strings.Join(list, ",")
}
