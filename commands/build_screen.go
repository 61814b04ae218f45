package commands

import (
	"fmt"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/morikuni/aec"
	"golang.org/x/term"
)

// buildScreen draws a build on a terminal, again and again in the same place.
type buildScreen struct {
	progress *buildProgress
	fd       int
	drawn    int // lines
	stop     chan struct{}
	stopped  chan struct{}
}

const (
	screenInterval = 100 * time.Millisecond
	runningLines   = 6 // of what the running step prints; BuildKit's number
)

func newBuildScreen(p *buildProgress) *buildScreen {
	s := &buildScreen{progress: p, stop: make(chan struct{}), stopped: make(chan struct{})}
	s.fd, _ = terminal(p.out)
	go func() {
		defer close(s.stopped)
		tick := time.NewTicker(screenInterval)
		defer tick.Stop()
		for {
			select {
			case <-s.stop:
				return
			case <-tick.C:
				p.mutex.Lock()
				s.draw(false)
				p.mutex.Unlock()
			}
		}
	}()
	return s
}

// close draws a last time. The progress' mutex is held.
func (s *buildScreen) close() {
	close(s.stop)
	s.progress.mutex.Unlock()
	<-s.stopped
	s.progress.mutex.Lock()
	s.draw(true)
}

// draw shows the state of all steps, or of the last ones that there is room for.
func (s *buildScreen) draw(last bool) {
	width, height, err := term.GetSize(s.fd)
	if err != nil || width < 20 {
		width, height = 80, 24
	}
	var lines []string
	over := 0
	for _, step := range s.progress.steps {
		if step.number == 0 {
			continue
		}
		if !step.ended.IsZero() {
			over++
		}
		lines = append(lines, s.step(step, width)...)
	}
	if room := max(height-2, 1); len(lines) > room && !last {
		lines = lines[len(lines)-room:]
	}
	head := fmt.Sprintf("[+] Building %.1fs (%d/%d)", time.Since(s.progress.began).Seconds(), over, len(s.progress.steps))
	if last {
		head += " FINISHED"
	}
	lines = append([]string{sides(head, "dockless", width)}, lines...)
	var b strings.Builder
	b.WriteString("\x1b[?25l")
	if s.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r", s.drawn)
	}
	for _, line := range lines {
		b.WriteString("\x1b[2K" + line + "\n")
	}
	b.WriteString("\x1b[J\x1b[?25h") // a killed build leaves the cursor as it was
	s.drawn = len(lines)
	fmt.Fprint(s.progress.out, b.String())
}

// step is a step's line, and what is below it.
func (s *buildScreen) step(step *buildStep, width int) []string {
	color, mark, ended := aec.EmptyBuilder.ANSI, "", step.ended
	switch {
	case step.ended.IsZero():
		ended = time.Now()
	case step.err != nil:
		color, mark = aec.RedF, "ERROR "
	case step.cached:
		color, mark = aec.BlueF, "CACHED "
	default:
		color = aec.BlueF
	}
	paint := func(line string, color aec.ANSI) string {
		if os.Getenv("NO_COLOR") != "" {
			return line
		}
		return color.Apply(line)
	}
	lines := []string{paint(sides(" => "+mark+step.name, fmt.Sprintf("%.1fs", ended.Sub(step.began).Seconds()), width), color)}
	for _, note := range step.notes {
		lines = append(lines, paint(sides(" => => "+strings.TrimSuffix(note, " done"), "", width), color))
	}
	if step.ended.IsZero() {
		for _, line := range step.last[max(0, len(step.last)-runningLines):] {
			_, text, _ := strings.Cut(line, " ")
			lines = append(lines, paint(sides(" => => # "+text, "", width), aec.Faint))
		}
	}
	return lines
}

// sides puts one text on the left and one on the right of a line that is not
// wider than the terminal. What would move the cursor is left out.
func sides(left, right string, width int) string {
	if _, after, found := strings.Cut(left, "\r"); found {
		left = after
	}
	left = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, left)
	room := max(width-len(right)-2, 0)
	runes := []rune(left)
	if len(runes) > room {
		runes = runes[:room]
	}
	return string(runes) + strings.Repeat(" ", room-len(runes)+1) + right
}
