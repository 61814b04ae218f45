package store

import (
	"sync/atomic"
	"time"

	"dockless/bindings/dockerfile"
)

// contextLoad tells that a context is read, which may be long: docker tells then
// that it is sent.
type contextLoad struct {
	toldStep
	task  string
	bytes atomic.Int64
	next  atomic.Int64 // when to tell again, in nanoseconds since 1970
}

// load begins to tell it of a context, if that is not done yet.
func (w *work) load(name string) {
	if w.loads[name] != nil {
		return
	}
	title, task := "[internal] load build context", "transferring context:"
	if name != dockerfile.Main {
		title, task = "[context "+name+"] load from client", "transferring "+name+":"
	}
	w.loads[name] = &contextLoad{toldStep: w.another(title), task: task}
}

// read counts bytes, for several goroutines.
func (l *contextLoad) read(bytes int) {
	done, now := l.bytes.Add(int64(bytes)), time.Now().UnixNano()
	if next := l.next.Load(); now >= next && l.next.CompareAndSwap(next, now+int64(100*time.Millisecond)) {
		l.toldStep.task(l.task, done, 0)
	}
}

// loaded tells that the contexts are read.
func (w *work) loaded() {
	for _, load := range w.loads {
		load.toldStep.task(load.task, load.bytes.Load(), 0)
		load.did(load.task)
		load.end(nil)
	}
	clear(w.loads)
}
