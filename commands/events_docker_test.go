package commands

import (
	"strings"
	"testing"

	"github.com/containers/podman/v4/pkg/domain/entities"
	dockerevents "github.com/docker/docker/api/types/events"
)

func TestDockerEvent(t *testing.T) {
	for _, c := range []struct {
		kind, action, id, attributes string
		health, want                 string // "" for no event of docker's
	}{
		{"container", "died", "1", "name=c image=docker.io/library/busybox:latest containerExitCode=3 podId=", "", "container die 1 (exitCode=3, image=busybox, name=c)"},
		{"container", "remove", "1", "name=c", "", "container destroy 1 (image=, name=c)"},
		{"container", "health_status", "1", "name=c image=x health_status=unhealthy", "", "container health_status: unhealthy 1 (image=x, name=c)"},
		{"container", "health_status", "1", "name=c image=x", "healthy", "container health_status: healthy 1 (image=x, name=c)"},
		{"container", "init", "1", "", "", ""},
		{"volume", "remove", "", "name=v image=", "", "volume destroy v (driver=local)"},
		{"network", "create", "2", "network=podman driver=bridge name= image=", "", "network create 2 (name=bridge, type=bridge)"},
		{"image", "untag", "3", "name=localhost/x:1 image=", "", "image untag 3 (name=x:1)"},
		{"image", "pull", "", "name=busybox image=", "", "image pull busybox (name=busybox)"},
		{"pod", "create", "4", "", "", ""},
		{"system", "refresh", "", "", "", ""},
	} {
		attributes := map[string]string{}
		for _, pair := range strings.Fields(c.attributes) {
			key, value, _ := strings.Cut(pair, "=")
			attributes[key] = value
		}
		event, known := dockerEvent(entities.Event{HealthStatus: c.health, Message: dockerevents.Message{
			Type: c.kind, Action: c.action, Actor: dockerevents.Actor{ID: c.id, Attributes: attributes},
		}})
		var line strings.Builder
		if known {
			if err := printEvent(&line, event, nil); err != nil {
				t.Fatal(err)
			}
		}
		_, got, _ := strings.Cut(strings.TrimSpace(line.String()), " ")
		if got != c.want {
			t.Errorf("%s %s: got %q, want %q", c.kind, c.action, got, c.want)
		}
	}
}
