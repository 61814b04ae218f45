package commands

import (
	"github.com/containers/podman/v4/pkg/domain/entities"
	dockerevents "github.com/docker/docker/api/types/events"
)

// dockerActions are docker's names for what Podman tells, by type; what is not
// here docker has no event for.
// Source: https://docs.docker.com/reference/cli/docker/system/events/#object-types
var dockerActions = map[string]map[string]string{
	"container": {
		"attach": "attach", "checkpoint": "checkpoint", "commit": "commit", "copy": "copy", "create": "create",
		"died": "die", "exec": "exec_start", "exec_died": "exec_die", "export": "export", "health_status": "health_status",
		"kill": "kill", "pause": "pause", "prune": "prune", "remove": "destroy", "rename": "rename", "resize": "resize",
		"restart": "restart", "start": "start", "stop": "stop", "unpause": "unpause", "update": "update",
	},
	"image": {
		"build": "build", "import": "import", "loadfromarchive": "load", "prune": "prune", "pull": "pull", "push": "push",
		"remove": "delete", "save": "save", "tag": "tag", "untag": "untag",
	},
	"volume":  {"create": "create", "prune": "prune", "remove": "destroy"},
	"network": {"connect": "connect", "create": "create", "disconnect": "disconnect", "prune": "prune", "remove": "destroy"},
}

// dockerEvent says one of Podman's events as docker does.
func dockerEvent(e entities.Event) (dockerevents.Message, bool) {
	event := e.Message
	action, known := dockerActions[event.Type][event.Action]
	attributes := event.Actor.Attributes
	if attributes == nil {
		attributes = map[string]string{}
	}
	exitCode := attributes["containerExitCode"]
	name := attributes["name"]
	delete(attributes, "containerExitCode")
	delete(attributes, "podId")
	switch event.Type {
	case dockerevents.ContainerEventType:
		attributes["image"] = shortName(attributes["image"])
		event.From = attributes["image"]
		if action == "die" || action == "exec_die" {
			attributes["exitCode"] = exitCode
		}
		if action == "health_status" {
			action += ": " + healthOf(e)
		}
		delete(attributes, "health_status")
	case dockerevents.ImageEventType:
		delete(attributes, "image")
		attributes["name"] = shortName(name)
		if event.Actor.ID == "" {
			event.Actor.ID = attributes["name"]
		}
	case dockerevents.VolumeEventType:
		event.Actor.ID = name
		event.Actor.Attributes = map[string]string{"driver": "local"}
	case dockerevents.NetworkEventType:
		delete(attributes, "image")
		if network := attributes["network"]; network != "" {
			attributes["name"] = dockerNetwork(network)
			delete(attributes, "network")
		}
		if driver := attributes["driver"]; driver != "" {
			attributes["type"] = driver
			delete(attributes, "driver")
		}
	}
	event.Action, event.Status, event.ID = action, action, event.Actor.ID
	if event.Type == dockerevents.VolumeEventType || event.Type == dockerevents.NetworkEventType {
		event.Status, event.ID = "", ""
	}
	return event, known
}

func healthOf(e entities.Event) string {
	if e.HealthStatus != "" {
		return e.HealthStatus
	}
	return e.Actor.Attributes["health_status"]
}
