package commands

import (
	"testing"
	"time"

	"github.com/containers/common/libnetwork/types"
	"github.com/containers/podman/v4/pkg/domain/entities"
	"github.com/docker/cli/cli/command/formatter"
	"github.com/docker/go-connections/nat"
)

func TestContainerStatus(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	for _, c := range []struct {
		state, health string
		want          string
	}{
		{"configured", "", "Created"},
		{"initialized", "", "Created"},
		{"created", "", "Created"},
		{"running", "", "Up 3 minutes"},
		{"stopping", "", "Up 3 minutes"},
		{"running", "starting", "Up 3 minutes (health: starting)"},
		{"running", "healthy", "Up 3 minutes (healthy)"},
		{"running", "unhealthy", "Up 3 minutes (unhealthy)"},
		{"paused", "healthy", "Up 3 minutes (Paused)"},
		{"exited", "", "Exited (3) 2 hours ago"},
		{"stopped", "", "Exited (3) 2 hours ago"},
		{"removing", "", "Removal In Progress"},
		{"unknown", "", "Dead"},
	} {
		listed := &listedContainer{ListContainer: entities.ListContainer{
			State: c.state, Status: c.health, ExitCode: 3,
			StartedAt: now.Add(-3 * time.Minute).Unix(), ExitedAt: now.Add(-2 * time.Hour).Unix(),
		}}
		if got := listed.status(now); got != c.want {
			t.Errorf("%s %s: got %q, want %q", c.state, c.health, got, c.want)
		}
	}
}

func TestContainerPorts(t *testing.T) {
	c := &listedContainer{
		ListContainer: entities.ListContainer{State: "running", Ports: []types.PortMapping{
			{ContainerPort: 80, HostPort: 8080, Protocol: "tcp", Range: 1},
			{ContainerPort: 90, HostPort: 90, Protocol: "tcp,udp", Range: 3, HostIP: "127.0.0.1"},
			{ContainerPort: 53, HostPort: 5353, Protocol: "udp", HostIP: "::1"},
		}},
		exposed: nat.PortSet{"80/tcp": {}, "7000/tcp": {}, "7001/tcp": {}, "7/sctp": {}},
	}
	want := "7/sctp, 127.0.0.1:90-92->90-92/tcp, 127.0.0.1:90-92->90-92/udp, 7000-7001/tcp, " +
		"[::1]:5353->53/udp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp"
	if got := formatter.DisplayablePorts(c.dockerPorts()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	c.State = "exited"
	if ports := c.dockerPorts(); ports != nil {
		t.Errorf("a container that does not run has ports %v", ports)
	}
}

func TestContainerImageName(t *testing.T) {
	const id = "c9620e51f9391bac20e7da65d828214e527f77b3e22b17dfe208a746a0ad4b75"
	for image, want := range map[string][2]string{ // shown, and with --no-trunc
		"docker.io/library/busybox:latest":         {"busybox", "busybox"},
		"docker.io/me/x:1":                         {"me/x:1", "me/x:1"},
		"localhost/x:latest":                       {"x", "x"},
		"localhost:5000/x:latest":                  {"localhost:5000/x", "localhost:5000/x"},
		"docker.io/library/busybox:1@sha256:" + id: {"busybox:1", "busybox:1@sha256:" + id},
		"":             {id[:12], id},
		id:             {id[:12], id},
		"sha256:" + id: {id[:12], id},
	} {
		c := &listedContainer{ListContainer: entities.ListContainer{Image: image, ImageID: id}}
		if got := [2]string{c.imageName(true), c.imageName(false)}; got != want {
			t.Errorf("%s: got %q, want %q", image, got, want)
		}
	}
}
