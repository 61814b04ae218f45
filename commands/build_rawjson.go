package commands

import (
	"encoding/json"
	"time"

	"github.com/opencontainers/go-digest"
)

// rawStatus is a line of --progress rawjson.
// Source: SolveStatus in https://github.com/moby/buildkit/blob/v0.12.5/client/graph.go
type rawStatus struct {
	Vertexes []rawVertex `json:"vertexes,omitempty"`
	Logs     []rawLog    `json:"logs,omitempty"`
}

type rawVertex struct {
	Digest    digest.Digest `json:"digest"`
	Name      string        `json:"name"`
	Started   time.Time     `json:"started"`
	Completed *time.Time    `json:"completed,omitempty"`
	Cached    bool          `json:"cached,omitempty"`
	Error     string        `json:"error,omitempty"`
}

type rawLog struct {
	Vertex    digest.Digest `json:"vertex"`
	Stream    int           `json:"stream"`
	Data      []byte        `json:"data"`
	Timestamp time.Time     `json:"timestamp"`
}

// raw shows a step's state, or what it prints on stdout (0) or stderr (1), as a line of JSON.
func (p *buildProgress) raw(step *buildStep, output []byte, stream int) {
	if p.mode != "rawjson" {
		return
	}
	id := digest.FromString(step.name)
	status := rawStatus{Logs: []rawLog{{Vertex: id, Stream: stream + 1, Data: output, Timestamp: time.Now()}}}
	if output == nil {
		vertex := rawVertex{Digest: id, Name: step.name, Started: step.began, Cached: step.cached}
		if !step.ended.IsZero() {
			vertex.Completed = &step.ended
		}
		if step.err != nil {
			vertex.Error = step.err.Error()
		}
		status = rawStatus{Vertexes: []rawVertex{vertex}}
	}
	_ = json.NewEncoder(p.out).Encode(status) // all of it encodes; whether stderr is there does not matter to a build
}
