package engine

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// LogFile is a container's log as conmon writes it. Podman's own reader is not
// used where the file can be reached: it sends times in whole seconds, and when
// it follows a log it drops lines if the container ends while it is behind (seen
// with 4.3.1 and 5.4.2: nxadm/tail gives up a line when it is told to stop).
type LogFile struct {
	path    string
	file    *os.File
	in      *bufio.Reader
	pending []byte // the beginning of a record whose end is not there yet
}

// LogRecord is a line that a container wrote, or a part of a long one. It is
// valid until the next call of Next.
type LogRecord struct {
	Stream byte   // 1 is stdout, 2 is stderr
	Text   []byte // ends in a newline, except for a part of a line
	time   []byte
}

// Time is when the record was written.
func (r LogRecord) Time() (time.Time, error) {
	return time.Parse(time.RFC3339Nano, string(r.time))
}

// OpenLog opens a log in the k8s-file format, which is Podman's json-file too.
func OpenLog(path string) (*LogFile, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &LogFile{path: path, file: file, in: bufio.NewReaderSize(file, 64<<10)}, nil
}

// Close closes the file.
func (l *LogFile) Close() error { return l.file.Close() }

// Next returns the next record, io.EOF where there is none yet: it can be asked
// again.
//
// A record is "TIME stdout|stderr P|F TEXT\n"; P is a part of a line.
// Source: https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md
func (l *LogFile) Next() (LogRecord, error) {
	l.pending = trimRead(l.pending)
	for {
		part, err := l.in.ReadSlice('\n')
		if err == nil && len(l.pending) == 0 {
			return parseLogRecord(part)
		}
		l.pending = append(l.pending, part...)
		switch {
		case err == nil:
			return parseLogRecord(l.pending)
		case !errors.Is(err, bufio.ErrBufferFull):
			return LogRecord{}, err
		}
	}
}

// trimRead drops a record that was returned from the pending bytes.
func trimRead(pending []byte) []byte {
	if bytes.HasSuffix(pending, []byte("\n")) {
		return pending[:0]
	}
	return pending
}

func parseLogRecord(line []byte) (LogRecord, error) {
	stamp, rest, _ := bytes.Cut(line, []byte(" "))
	stream, rest, _ := bytes.Cut(rest, []byte(" "))
	tag, text, found := bytes.Cut(rest, []byte(" "))
	record := LogRecord{time: stamp, Text: text}
	switch string(stream) {
	case "stdout":
		record.Stream = 1
	case "stderr":
		record.Stream = 2
	default:
		found = false
	}
	if !found {
		return record, fmt.Errorf("%q is no line of a container's log", line)
	}
	if string(tag) == "P" {
		record.Text = bytes.TrimSuffix(text, []byte("\n"))
	}
	return record, nil
}

// Reopen goes on with the file that has taken this one's place, if there is
// one: conmon starts a new one when a log has reached its largest size. It is to
// be called at io.EOF.
func (l *LogFile) Reopen() error {
	there, err := os.Stat(l.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil // removed with its container
	}
	if err != nil {
		return err
	}
	here, err := l.file.Stat()
	if err != nil || os.SameFile(here, there) {
		return err
	}
	next, err := OpenLog(l.path)
	if err != nil {
		return err
	}
	l.file.Close()
	*l = *next
	return nil
}

// Tail goes to the beginning of the last n lines. What is written meanwhile
// comes on top.
func (l *LogFile) Tail(n int) error {
	end, err := l.file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	start := end
	for window := int64(64 << 10); n > 0 && start > 0; window *= 8 {
		start = max(0, end-window)
		found, skip, err := l.lastLines(start, end, n)
		if err != nil {
			return err
		}
		if found || start == 0 {
			start += skip
			break
		}
	}
	_, err = l.file.Seek(start, io.SeekStart)
	l.in.Reset(l.file)
	return err
}

// lastLines looks for the last n lines between two places of the file, and
// returns how far after from they begin.
func (l *LogFile) lastLines(from, to int64, n int) (found bool, skip int64, err error) {
	in := bufio.NewReaderSize(io.NewSectionReader(l.file, from, to-from), 64<<10)
	var starts []int64 // of the last n+1 lines
	var offset int64
	fresh := from == 0 // the first record in the middle of a file may be half of one
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return false, 0, err
		}
		if fresh {
			starts = append(starts, offset)
			if len(starts) > n+1 {
				starts = starts[1:]
			}
		}
		offset += int64(len(line))
		record, err := parseLogRecord(line)
		fresh = err == nil && bytes.HasSuffix(record.Text, []byte("\n"))
	}
	if len(starts) <= n {
		return false, 0, nil
	}
	return true, starts[1], nil
}
