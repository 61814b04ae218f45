package commands

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"dockless/bindings/dockerfile"

	"github.com/opencontainers/go-digest"
)

// rawStatus is a line of --progress rawjson.
// Source: SolveStatus in https://github.com/moby/buildkit/blob/v0.25.1/client/graph.go
type rawStatus struct {
	Vertexes []rawVertex  `json:"vertexes,omitempty"`
	Statuses []rawTask    `json:"statuses,omitempty"`
	Logs     []rawLog     `json:"logs,omitempty"`
	Warnings []rawWarning `json:"warnings,omitempty"`
}

type rawVertex struct {
	Digest    digest.Digest `json:"digest"`
	Name      string        `json:"name"`
	Started   time.Time     `json:"started"`
	Completed *time.Time    `json:"completed,omitempty"`
	Cached    bool          `json:"cached,omitempty"`
	Error     string        `json:"error,omitempty"`
}

type rawTask struct {
	ID        string        `json:"id"`
	Vertex    digest.Digest `json:"vertex"`
	Name      string        `json:"name,omitempty"`
	Total     int64         `json:"total,omitempty"`
	Current   int64         `json:"current"`
	Timestamp time.Time     `json:"timestamp"`
	Started   time.Time     `json:"started"`
	Completed *time.Time    `json:"completed,omitempty"`
}

type rawLog struct {
	Vertex    digest.Digest `json:"vertex"`
	Stream    int           `json:"stream"`
	Data      []byte        `json:"data"`
	Timestamp time.Time     `json:"timestamp"`
}

type rawWarning struct {
	Vertex digest.Digest   `json:"vertex"`
	Level  int             `json:"level"`
	Short  []byte          `json:"short"`
	Detail [][]byte        `json:"detail,omitempty"`
	URL    string          `json:"url,omitempty"`
	Range  []warningExtent `json:"range"`
}

func (p *buildProgress) encode(status rawStatus) {
	if p.mode == "rawjson" {
		_ = json.NewEncoder(p.out).Encode(status) // all of it encodes; whether stderr is there does not matter to a build
	}
}

// id tells a step apart from others with the same name.
func (s *buildStep) id() digest.Digest {
	return digest.FromString(fmt.Sprint(s.number, " ", s.name))
}

// ending is a time as JSON has it: nothing for what has not ended.
func ending(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// raw shows a step's state.
func (p *buildProgress) raw(step *buildStep) {
	vertex := rawVertex{Digest: step.id(), Name: step.name, Started: step.began, Completed: ending(step.ended), Cached: step.cached}
	if step.err != nil {
		vertex.Error = step.err.Error()
	}
	p.encode(rawStatus{Vertexes: []rawVertex{vertex}})
}

// rawLog shows what a step prints on stdout (0) or stderr (1).
func (p *buildProgress) rawLog(step *buildStep, output []byte, stream int) {
	p.encode(rawStatus{Logs: []rawLog{{Vertex: step.id(), Stream: stream + 1, Data: output, Timestamp: time.Now()}}})
}

// rawTask shows how far a task is.
func (p *buildProgress) rawTask(step *buildStep, task *buildTask) {
	name, _, _ := strings.Cut(task.name, " ")
	p.encode(rawStatus{Statuses: []rawTask{{
		ID: task.name, Vertex: step.id(), Name: name, Total: task.total, Current: task.done,
		Timestamp: time.Now(), Started: task.began, Completed: ending(task.ended),
	}}})
}

func (p *buildProgress) rawWarning(step *buildStep, w dockerfile.Warning) {
	warning := rawWarning{Vertex: step.id(), Level: 1, Short: []byte(shortWarning(w)), URL: w.URL, Range: warningExtents(w.At)}
	if w.Detail != "" {
		warning.Detail = [][]byte{[]byte(w.Detail)}
	}
	p.encode(rawStatus{Warnings: []rawWarning{warning}})
}
