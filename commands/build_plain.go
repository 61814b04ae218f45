package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// buildPlain shows a build line by line. Of the steps that run at the same time
// one has its turn: what the others print is held back until it ends, or has had
// its turn for long. BuildKit does likewise, so that the lines of a step stay
// together.
type buildPlain struct {
	out     io.Writer
	current *buildStep
	since   time.Time // when its turn began
	count   int       // of the steps that have been shown
}

// longTurn is how long a step keeps its turn while others have something to say;
// BuildKit's number.
const longTurn = 5 * time.Second

// turn shows what there is to show.
func (b *buildPlain) turn(steps []*buildStep) {
	if b.current != nil {
		b.show(b.current)
	}
	for _, step := range steps {
		if !step.ended.IsZero() {
			b.show(step)
		}
	}
	if b.current != nil && time.Since(b.since) < longTurn {
		return
	}
	for _, step := range steps {
		if step != b.current && (step.shownAs == 0 || len(step.held) > 0) {
			b.show(step)
			return
		}
	}
}

// show shows what is new of a step, and makes it the step whose turn it is until
// it ends.
func (b *buildPlain) show(step *buildStep) {
	ended := !step.ended.IsZero()
	if step.shownAs < 0 || step.shownAs > 0 && len(step.held) == 0 && !ended {
		return
	}
	if step.shownAs == 0 {
		b.count++
		step.shownAs = b.count
	}
	if step != b.current {
		if b.current != nil {
			fmt.Fprintf(b.out, "#%d ...\n", b.current.shownAs)
		}
		fmt.Fprintf(b.out, "\n#%d %s\n", step.shownAs, step.name)
		b.current, b.since = step, time.Now()
	}
	for _, line := range step.held {
		fmt.Fprintf(b.out, "#%d %s\n", step.shownAs, line)
	}
	step.held = nil
	if !ended {
		return
	}
	switch {
	case errors.Is(step.err, context.Canceled):
		fmt.Fprintf(b.out, "#%d CANCELED\n", step.shownAs)
	case step.err != nil:
		fmt.Fprintf(b.out, "#%d ERROR: %s\n", step.shownAs, oneLine(step.err.Error()))
	case step.cached:
		fmt.Fprintf(b.out, "#%d CACHED\n", step.shownAs)
	default:
		fmt.Fprintf(b.out, "#%d DONE %.1fs\n", step.shownAs, step.ended.Sub(step.began).Seconds())
	}
	b.current, step.shownAs = nil, -1
}
