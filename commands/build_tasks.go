package commands

import (
	"fmt"
	"strings"
	"time"

	"github.com/docker/go-units"
)

// task finds something that a step does, or begins it. The progress' mutex is held.
func (p *buildProgress) task(step *buildStep, name string) *buildTask {
	for _, task := range step.tasks {
		if task.name == name {
			return task
		}
	}
	task := &buildTask{name: name, began: time.Now()}
	step.tasks = append(step.tasks, task)
	return task
}

// moved notes how far a task is.
func (p *buildProgress) moved(step *buildStep, name string, done, total int64) {
	task := p.task(step, name)
	task.done, task.total = done, total
	now := time.Now()
	// BuildKit's thresholds.
	due := now.Sub(task.began) >= 5*time.Second && now.Sub(task.shown) >= 5*time.Second
	if total > 0 {
		due = due || task.shown.IsZero() || float64(done-task.shownDone)/float64(total) >= 0.05
	}
	if due {
		task.shown, task.shownDone = now, done
		p.line(step, task.String())
	}
	p.rawTask(step, task)
}

// endTask ends a task; one that has not begun was done at once.
func (p *buildProgress) endTask(step *buildStep, name string) {
	task := p.task(step, name)
	if !task.ended.IsZero() {
		return
	}
	task.ended = time.Now()
	task.done = max(task.done, task.total)
	p.line(step, task.String())
	p.rawTask(step, task)
}

// String is the task as plain progress has it.
func (t *buildTask) String() string {
	text := t.name
	if bytes := t.bytes(); bytes != "" {
		text += " " + bytes
	}
	until := t.ended
	if until.IsZero() {
		until = time.Now()
	}
	if took := until.Sub(t.began); took > 10*time.Millisecond {
		text += fmt.Sprintf(" %.1fs", took.Seconds())
	}
	if !t.ended.IsZero() {
		text += " done"
	}
	return text
}

// bytes is how far the task is: 1.05MB / 2.2MB.
func (t *buildTask) bytes() string {
	switch {
	case t.total > 0:
		return byteCount(t.done) + " / " + byteCount(t.total)
	case t.done > 0 || strings.HasSuffix(t.name, ":"): // what is behind it may be 0B
		return byteCount(t.done)
	}
	return ""
}

// byteCount is a number of bytes as BuildKit shows it.
func byteCount[N int | int64](bytes N) string {
	return units.HumanSizeWithPrecision(float64(bytes), 3)
}

// exporting shows that a part of the output is being made.
func (p *buildProgress) exporting(task string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if step := p.engine[0]; step != nil {
		p.task(step, task)
	}
}

// exported shows that a part of the output is there.
func (p *buildProgress) exported(task string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if step := p.engine[0]; step != nil {
		p.endTask(step, task)
	}
}

// exportedAll ends the step that makes the output.
func (p *buildProgress) exportedAll() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if step := p.engine[0]; step != nil {
		p.end(step, false, nil)
	}
}
