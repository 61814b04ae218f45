package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/mattn/go-runewidth"
	"github.com/morikuni/aec"
	"golang.org/x/term"
)

// buildScreen draws a build on a terminal, again and again in the same place.
type buildScreen struct {
	progress *buildProgress
	fd       int
	drawn    int // lines
	width    int // that they have
	colors   buildColors
}

const (
	screenInterval = 100 * time.Millisecond
	runningLines   = 6 // of what a running step prints; BuildKit's number
	leastWidth     = 12
	mostWidth      = 1024 // what is looked at of a line
)

func newBuildScreen(p *buildProgress) *buildScreen {
	s := &buildScreen{progress: p, colors: newBuildColors(p.out)}
	s.fd, _ = terminal(p.out)
	return s
}

// row is a line of the screen.
type row struct {
	text  string
	open  bool // what it is about goes on
	lines []string
}

// draw shows the state of all steps, or of those that there is room for. The
// progress' mutex is held.
func (s *buildScreen) draw(last bool) {
	width, height, err := term.GetSize(s.fd)
	if err != nil || width <= 0 || height <= 0 {
		width, height = 80, 24
	}
	p := s.progress
	over := 0
	var rows []row
	for _, step := range p.steps {
		if !step.ended.IsZero() {
			over++
		}
		rows = append(rows, s.step(step, width)...)
	}
	head := fmt.Sprintf("[+] Building %.1fs (%d/%d)", time.Since(p.began).Seconds(), over, max(p.total(), over))
	if last && over >= p.total() {
		head += " FINISHED"
	}
	builder := "dockless"
	if len(head)+len(builder)+2 > width {
		builder = ""
	}
	lines := []string{sides(head, builder, width)}
	if !last {
		rows = fitting(rows, height-2)
	}
	for _, row := range rows {
		lines = append(append(lines, row.text), row.lines...)
	}
	var b strings.Builder
	b.WriteString("\x1b[?25l")
	if s.drawn > 0 {
		// A terminal that has become narrower has broken the lines.
		fmt.Fprintf(&b, "\x1b[%dA\r", min(s.drawn*max(1, (s.width+width-1)/width), height-1))
	}
	for _, line := range lines {
		b.WriteString("\x1b[2K" + line + "\n")
	}
	b.WriteString("\x1b[J\x1b[?25h") // a killed build leaves the cursor as it was
	s.drawn, s.width = len(lines), width
	fmt.Fprint(p.out, b.String())
}

// fitting leaves rows out that there is no room for: first what running steps
// print, then the oldest of what is over, then the oldest.
func fitting(rows []row, room int) []row {
	room = max(room, 1)
	free := room - len(rows)
	for i := range rows {
		i = len(rows) - 1 - i
		if len(rows[i].lines) > max(free, 0) {
			rows[i].lines = rows[i].lines[len(rows[i].lines)-max(free, 0):]
		}
		free -= len(rows[i].lines)
	}
	for _, open := range []bool{false, true} {
		rows = slices.DeleteFunc(rows, func(r row) bool {
			if free >= 0 || r.open != open {
				return false
			}
			free++
			return true
		})
	}
	return rows
}

// step is a step's line, and what is below it.
func (s *buildScreen) step(step *buildStep, width int) []row {
	mark, color := "", s.colors.run
	switch {
	case step.ended.IsZero():
		color = nil
	case errors.Is(step.err, context.Canceled):
		mark, color = "CANCELED ", s.colors.canceled
	case step.err != nil:
		mark, color = "ERROR ", s.colors.failed
	case step.cached:
		mark = "CACHED "
	}
	first := row{text: timed(mark+step.name, "", step.began, step.ended, width, color), open: step.ended.IsZero()}
	if first.open {
		for _, line := range step.tail() {
			first.lines = append(first.lines, paint(sides(" => => # "+visible(line), "", width), s.colors.faint))
		}
	}
	rows := []row{first}
	for _, task := range step.tasks {
		done, ended := color, cmp.Or(task.ended, step.ended)
		if first.open && !task.ended.IsZero() {
			done = s.colors.run
		}
		rows = append(rows, row{text: timed("=> "+task.name, task.bytes(), task.began, ended, width, done), open: ended.IsZero()})
	}
	for _, warning := range step.warnings {
		rows = append(rows, row{text: timed("WARN: "+warning, "", step.began, step.ended, width, s.colors.warning)})
	}
	return rows
}

// timed is a line that ends with how long it took. bytes are left out where
// there is no room for them.
func timed(name, bytes string, began, ended time.Time, width int, color aec.ANSI) string {
	if ended.IsZero() {
		ended = time.Now()
	}
	timer := fmt.Sprintf("%.1fs", ended.Sub(began).Seconds())
	if bytes != "" && width-len(bytes)-len(timer) > 20+leastWidth {
		timer = bytes + "  " + timer
	}
	return paint(sides(" => "+name, timer, width), color)
}

func paint(line string, color aec.ANSI) string {
	if color == nil {
		return line
	}
	return color.Apply(line)
}

// tail is the end of what a running step has printed, the line that has no end
// yet included.
func (s *buildStep) tail() []string {
	lines := make([]string, 0, runningLines+2)
	for _, line := range s.last[max(0, len(s.last)-runningLines):] {
		_, text, _ := strings.Cut(line, " ")
		lines = append(lines, text)
	}
	for _, rest := range s.rest {
		if len(rest) > 0 {
			lines = append(lines, string(rest))
		}
	}
	return lines[max(0, len(lines)-runningLines):]
}

// sides puts one text on the left and one on the right of a line that is not
// wider than the terminal.
func sides(left, right string, width int) string {
	if width-len(right) < leastWidth {
		right = ""
	}
	room := max(width-1-len(right), 0) // in the last column some terminals break the line
	left = runewidth.Truncate(visible(left), max(room-min(len(right), 1), 0), "")
	return left + strings.Repeat(" ", room-runewidth.StringWidth(left)) + right
}

// visible is what a terminal would show of a line at last: programs draw their
// progress again and again over the same line. What moves the cursor or changes
// its color is left out.
func visible(line string) string {
	line = strings.TrimRight(line, "\r")
	line = line[strings.LastIndex(line, "\r")+1:]
	line = line[:min(len(line), 4*mostWidth)]
	var b strings.Builder
	for i, r := 0, []rune(line); i < len(r); i++ {
		switch {
		case r[i] == '\x1b' && i+1 < len(r) && r[i+1] == '[':
			for i += 2; i < len(r) && (r[i] < '@' || r[i] > '~'); i++ {
			}
		case r[i] == '\x1b':
			i++
		case unicode.IsPrint(r[i]):
			b.WriteRune(r[i])
		default:
			b.WriteByte(' ')
		}
	}
	return b.String()
}
