package store

import (
	"fmt"

	"dockless/bindings/dockerfile"
)

// mostLayers is how many layers an image may have: docker's number. Podman 4 runs
// none that has a few more.
// Source: maxLayerDepth in https://github.com/moby/moby/blob/v28.5.2/layer/layer_store.go
const mostLayers = 125

// mostMounted is how many layers Linux mounts on top of each other.
const mostMounted = 500

// checkDepth refuses what would have too many layers, before anything is done.
func (p *planned) checkDepth() error {
	depths := map[*dockerfile.Stage]int{}
	for i, stage := range p.plan.Stages {
		depth, most := 0, mostMounted
		if i == len(p.plan.Stages)-1 && !p.build.Squash {
			most = mostLayers
		}
		if base := stage.Base; base.Stage != nil {
			depth = depths[base.Stage]
		} else if base.Image != "" {
			depth = len(p.bases[base.Key()].layers)
		}
		for _, step := range stage.Steps {
			if step.Workdir == nil { // which makes none where the directory is there
				depth++
			}
			if depth > most {
				return p.build.Dockerfile.At(step.At, tooDeep(most))
			}
		}
		depths[stage] = depth
	}
	return nil
}

// tooDeep is the error about too many layers; docker's has its first words.
func tooDeep(most int) error {
	return fmt.Errorf("max depth exceeded: this makes more than %d layers; join instructions (RUN a && b, COPY a b /), or build with --squash", most)
}
