package commands

import (
	"slices"
	"strings"

	dockerevents "github.com/docker/docker/api/types/events"
	dockerfilters "github.com/docker/docker/api/types/filters"
)

// eventFilters are the filters that docker events knows; the first three groups
// are matched, the rest are a swarm's, of which there is never an event.
var eventFilters = map[string]bool{
	"container": true, "image": true, "network": true, "volume": true,
	"event": true, "label": true, "scope": true, "type": true,
	"daemon": true,
	"config": true, "node": true, "plugin": true, "secret": true, "service": true,
}

// matchesEvent is docker's filter: every key must match, by any of its values.
func matchesEvent(wanted dockerfilters.Args, event dockerevents.Message) bool {
	for _, key := range wanted.Keys() {
		matches := false
		switch key {
		case "event":
			matches = wanted.ExactMatch(key, event.Action) || wanted.ExactMatch(key, strings.SplitN(event.Action, ":", 2)[0])
		case "type":
			matches = wanted.ExactMatch(key, event.Type)
		case "scope":
			matches = wanted.ExactMatch(key, event.Scope)
		case "label":
			matches = wanted.MatchKVList(key, event.Actor.Attributes)
		case "image":
			matches = matchesEventImage(wanted, event)
		default: // an object's type: its id or name, or the beginning of one
			matches = event.Type == key && (wanted.FuzzyMatch(key, event.Actor.ID) || wanted.FuzzyMatch(key, event.Actor.Attributes["name"])) ||
				key == dockerevents.ContainerEventType && event.Type == dockerevents.NetworkEventType && wanted.FuzzyMatch(key, event.Actor.Attributes["container"])
		}
		if !matches {
			return false
		}
	}
	return true
}

// matchesEventImage matches an image's own events and those of its containers,
// with or without the tag.
func matchesEventImage(wanted dockerfilters.Args, event dockerevents.Message) bool {
	name := event.Actor.Attributes["image"]
	if event.Type == dockerevents.ImageEventType {
		name = event.Actor.Attributes["name"]
	}
	return slices.ContainsFunc(wanted.Get("image"), func(typed string) bool {
		short := shortName(typed)
		repository, _, _ := strings.Cut(name, ":")
		return typed == event.Actor.ID || strings.HasPrefix(event.Actor.ID, typed) && isHex(typed) || name != "" && (short == name || short == repository)
	})
}
