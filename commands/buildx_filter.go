package commands

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/docker/docker/api/types"
	dockerfilters "github.com/docker/docker/api/types/filters"
)

// checkBuilder makes sure that a builder is the one that there is.
func checkBuilder(name string) error {
	if name != "" && name != builderName {
		return fmt.Errorf("no builder %q found: there is one, %s", name, builderName)
	}
	return nil
}

// cacheFilters are those of buildx du and prune. NAME!=VALUE is what does not
// have a value, NAME~=VALUE what a regular expression finds.
// Source: https://docs.docker.com/reference/cli/docker/buildx/prune/#filter
var cacheFilters = map[string]bool{
	"until": true, "unused-for": true, "id": true, "description": true, "type": true,
	"id!": true, "description!": true, "type!": true, "id~": true, "description~": true, "type~": true,
	"inuse": true, "mutable": true, "immutable": true, "shared": true, "private": true,
}

func checkCacheFilters(kept dockerfilters.Args) error {
	if err := kept.Validate(cacheFilters); err != nil {
		return err
	}
	for _, key := range []string{"until", "unused-for"} {
		if len(kept.Get(key)) > 1 {
			return fmt.Errorf("more than one %s filter specified", key)
		}
		for _, text := range kept.Get(key) {
			if _, err := time.ParseDuration(text); err != nil {
				return fmt.Errorf(`"%s" filter expects a duration (e.g., '24h'): %w`, key, err)
			}
		}
	}
	for _, key := range []string{"inuse", "mutable", "immutable", "shared", "private"} {
		if _, err := kept.GetBoolOrDefault(key, false); err != nil {
			return err
		}
	}
	return nil
}

// matchesCache tells whether a record of the build cache fits filters that have
// been checked.
func matchesCache(kept dockerfilters.Args, r *types.BuildCache) bool {
	for _, key := range []string{"until", "unused-for"} {
		for _, text := range kept.Get(key) {
			unused, _ := time.ParseDuration(text)
			if r.LastUsedAt != nil && time.Since(*r.LastUsedAt) < unused {
				return false
			}
		}
	}
	for key, value := range map[string]bool{
		"inuse": r.InUse, "shared": r.Shared, "private": !r.Shared,
		"mutable": r.Type == cacheMountType, "immutable": r.Type != cacheMountType,
	} {
		if wanted, err := kept.GetBoolOrDefault(key, value); err != nil || wanted != value {
			return false
		}
	}
	for key, text := range map[string]string{"type": r.Type, "id": r.ID, "description": r.Description} {
		if !fits(kept.Get(key+"!"), func(value string) bool { return value != text }) ||
			!fits(kept.Get(key+"~"), func(value string) bool { matches, _ := regexp.MatchString(value, text); return matches }) {
			return false
		}
	}
	return fits(kept.Get("type"), func(text string) bool { return r.Type == text }) &&
		fits(kept.Get("id"), func(text string) bool { matches, _ := path.Match(text+"*", r.ID); return matches }) &&
		fits(kept.Get("description"), func(text string) bool { return strings.Contains(r.Description, text) })
}

// fits tells whether one of the values fits, or there is none.
func fits(values []string, match func(string) bool) bool {
	for _, value := range values {
		if match(value) {
			return true
		}
	}
	return len(values) == 0
}
