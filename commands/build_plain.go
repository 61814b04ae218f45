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
	out    io.Writer
	holder *buildStep // whose turn it is
	since  time.Time  // when it began
	open   *buildStep // whose lines came last
	count  int        // of the steps that have been shown
}

// longTurn is how long a step keeps its turn while others have something to say;
// BuildKit's number.
const longTurn = 5 * time.Second

// turn shows what there is to show.
func (b *buildPlain) turn(steps []*buildStep) {
	if b.holder != nil {
		b.show(b.holder)
	}
	for _, step := range steps {
		if !step.ended.IsZero() { // that does not wait
			b.show(step)
		}
	}
	if b.holder != nil && time.Since(b.since) < longTurn {
		return
	}
	for _, step := range steps {
		if step != b.holder && (step.shownAs == 0 || len(step.held) > 0) {
			b.holder, b.since = step, time.Now()
			b.show(step)
			return
		}
	}
}

// shownWhole is the number of a step of which nothing is left to show.
const shownWhole = -1

// show shows what is new of a step.
func (b *buildPlain) show(step *buildStep) {
	ended := !step.ended.IsZero()
	if step.shownAs == shownWhole || step.shownAs > 0 && len(step.held) == 0 && !ended {
		return
	}
	if step.shownAs == 0 {
		b.count++
		step.shownAs = b.count
	}
	if step != b.open {
		if b.open != nil {
			fmt.Fprintf(b.out, "#%d ...\n", b.open.shownAs)
		}
		fmt.Fprintf(b.out, "\n#%d %s\n", step.shownAs, printable(step.name))
		b.open = step
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
	b.open, step.shownAs = nil, shownWhole
	if b.holder == step {
		b.holder = nil
	}
}
