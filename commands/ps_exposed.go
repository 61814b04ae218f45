package commands

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"

	"github.com/containers/podman/v4/pkg/bindings/images"
	"github.com/docker/go-connections/nat"
)

// addExposed fills in the exposed ports of running containers. Servers before
// 5.1 do not list them: there they are the image's (those of --expose alone are
// not seen), because a request for each container would make ps slower than
// Podman's own.
func addExposed(conn context.Context, list []*listedContainer) error {
	byImage := map[string][]nat.Port{}
	for _, c := range list {
		if c.exposed != nil || !c.running() {
			continue
		}
		c.exposed = nat.PortSet{}
		if c.ExposedPorts == nil {
			byImage[c.ImageID] = nil
			continue
		}
		var known map[uint16][]string
		if err := json.Unmarshal(c.ExposedPorts, &known); err != nil {
			return fmt.Errorf("reading the exposed ports of %s: %w", c.ID, err)
		}
		for port, protocols := range known {
			for _, protocol := range protocols {
				c.exposed[nat.Port(fmt.Sprintf("%d/%s", port, protocol))] = struct{}{}
			}
		}
	}
	delete(byImage, "")
	if len(byImage) == 0 {
		return nil
	}
	imagePorts(conn, byImage)
	for _, c := range list {
		for _, port := range byImage[c.ImageID] {
			if c.running() {
				c.exposed[port] = struct{}{}
			}
		}
	}
	return nil
}

// imagePorts fills in the ports that images expose, by the images' ids. An id
// stands for one configuration for ever, so answers are kept in the person's
// cache: they cost 1 to 2 ms each, a fifth of a whole ps. An image that is gone
// exposes nothing any more.
func imagePorts(conn context.Context, byImage map[string][]nat.Port) {
	cache := openPortCache()
	known := cache.read()
	var missing []string
	for id := range byImage {
		if _, found := known[id]; !found {
			missing = append(missing, id)
		}
	}
	var asked sync.WaitGroup
	var answers sync.Mutex
	for _, id := range missing {
		asked.Go(func() {
			image, err := images.GetImage(conn, id, nil)
			if err != nil || image.Config == nil {
				return
			}
			ports := []nat.Port{}
			for port := range image.Config.ExposedPorts {
				ports = append(ports, nat.Port(port))
			}
			answers.Lock()
			defer answers.Unlock()
			known[id] = ports
		})
	}
	asked.Wait()
	for id := range byImage {
		byImage[id] = known[id]
	}
	if len(missing) > 0 {
		cache.write(known)
	}
}

// portCache is a file with what imagePorts knows, "" if there is no place for
// it. It is a help: whatever is wrong with it, the server is asked instead.
type portCache string

func openPortCache() portCache {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return portCache(filepath.Join(dir, "dockless", "image-ports.json"))
}

func (c portCache) read() map[string][]nat.Port {
	known := map[string][]nat.Port{}
	text, err := os.ReadFile(string(c))
	if err != nil || json.Unmarshal(text, &known) != nil || known == nil {
		return map[string][]nat.Port{}
	}
	return known
}

// write replaces the file. It starts anew when it has a thousand images: most
// of those will be gone.
func (c portCache) write(known map[string][]nat.Port) {
	const most = 1000
	if len(known) > most {
		maps.DeleteFunc(known, func(string, []nat.Port) bool { return true })
	}
	text, err := json.Marshal(known)
	if c == "" || err != nil || os.MkdirAll(filepath.Dir(string(c)), 0o700) != nil {
		return
	}
	file, err := os.CreateTemp(filepath.Dir(string(c)), ".image-ports")
	if err != nil {
		return
	}
	defer os.Remove(file.Name())
	if _, err = file.Write(text); err == nil {
		err = file.Close()
	}
	if err == nil {
		_ = os.Rename(file.Name(), string(c)) // else the next ps asks again
	}
}
