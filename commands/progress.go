package commands

import (
	"encoding/json"
	"io"
	"sync"
	"time"

	"github.com/docker/docker/pkg/jsonmessage"
	"github.com/docker/go-units"
	"golang.org/x/term"
)

// progress shows what becomes of an image's layers as docker's client does: on
// a terminal each layer has a line of its own, with a bar while bytes move;
// elsewhere there is one line for each thing that happens. All methods may be
// called from several goroutines.
// Source: https://github.com/moby/moby/blob/v24.0.9/pkg/jsonmessage/jsonmessage.go
type progress struct {
	fd       int
	terminal bool

	mutex  sync.Mutex
	pipe   *io.PipeWriter
	bars   map[string]*bar // by layer
	closed chan struct{}   // when all has been shown
}

// bar is what one layer's line shows.
type bar struct {
	action       string
	began, shown time.Time
}

// barInterval is the least time between two pictures of the same bar; docker's.
const barInterval = 100 * time.Millisecond

// newProgress shows on out, which may be io.Discard. It has to be closed.
func newProgress(out io.Writer) *progress {
	p := &progress{bars: map[string]*bar{}, closed: make(chan struct{})}
	p.fd, p.terminal = terminal(out)
	var messages *io.PipeReader
	messages, p.pipe = io.Pipe()
	go func() {
		defer close(p.closed)
		// Its only error would be about what message and layer encode.
		_ = jsonmessage.DisplayJSONMessagesStream(messages, out, uintptr(p.fd), p.terminal, nil)
	}()
	return p
}

// message shows a line that stays: about id, unless that is empty.
func (p *progress) message(id, text string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.bars = map[string]*bar{} // below it begin other lines
	p.show(jsonmessage.JSONMessage{ID: id, Status: text})
}

// layer shows what is being done with a layer now (docker's words: Pulling fs
// layer, Downloading, …). done and total are bytes: both 0 for something that
// has no bar, total 0 if it is not known. A bar is for terminals only.
func (p *progress) layer(id, action string, done, total int64) {
	moving := done > 0 || total > 0
	if moving && !p.terminal {
		return
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	now := time.Now()
	b := p.bars[id]
	if b == nil || b.action != action {
		b = &bar{action: action, began: now}
		p.bars[id] = b
	} else if done != total && now.Sub(b.shown) < barInterval {
		return
	}
	b.shown = now
	state := &jsonmessage.JSONProgress{Current: done, Total: total}
	if elapsed := now.Sub(b.began); moving && elapsed >= time.Second { // before, it says nothing about the time that is left
		state.Start = b.began.Unix()
		action += p.rate(done, elapsed)
	}
	p.show(jsonmessage.JSONMessage{ID: id, Status: action, Progress: state})
}

// rate is a bar's bytes per second, where the line has room for it.
func (p *progress) rate(bytes int64, elapsed time.Duration) string {
	const room = 120 // columns: a bar of docker's, at its widest, and the rate
	width, _, err := term.GetSize(p.fd)
	if err != nil || width < room {
		return ""
	}
	return " " + units.HumanSizeWithPrecision(float64(bytes)/elapsed.Seconds(), 3) + "/s"
}

func (p *progress) show(m jsonmessage.JSONMessage) {
	_ = json.NewEncoder(p.pipe).Encode(m) // the other end is open until close
}

// close returns when everything has been shown; it may be called again.
func (p *progress) close() {
	p.pipe.Close()
	<-p.closed
}
