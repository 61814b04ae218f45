package commands

import (
	"fmt"
	"time"

	timetypes "github.com/docker/docker/api/types/time"
)

// timestamp reads a time as docker's --since, --until and filters do: RFC 3339
// and its shorter forms, seconds since 1970, or a duration before now ("10m").
//
// Source: https://docs.docker.com/reference/cli/docker/container/logs/#since
func timestamp(value string, now time.Time) (time.Time, error) {
	text, err := timetypes.GetTimestamp(value, now)
	if err != nil {
		return time.Time{}, err
	}
	seconds, nanoseconds, err := timetypes.ParseTimestamps(text, 0)
	if err != nil {
		return time.Time{}, fmt.Errorf("parsing the time %q: %w", value, err)
	}
	return time.Unix(seconds, nanoseconds), nil
}
