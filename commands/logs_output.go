package commands

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// logOutput writes what a container wrote to where it belongs: by and large in
// one piece, but in order where both streams end in one file.
type logOutput struct {
	streams [3]*bufio.Writer // by number: 1 is stdout, 2 is stderr
	open    [3]bool          // the stream's last line is not at its end yet
	last    byte
}

func newLogOutput(out, errOut io.Writer) *logOutput {
	return &logOutput{streams: [3]*bufio.Writer{1: bufio.NewWriterSize(out, 64<<10), 2: bufio.NewWriterSize(errOut, 64<<10)}}
}

// stream returns the writer for the next line.
func (o *logOutput) stream(number byte) (*bufio.Writer, error) {
	if number != 1 && number != 2 {
		return nil, fmt.Errorf("output of an unknown stream %d", number)
	}
	if o.last != number {
		o.last = number
		return o.streams[number], o.flush()
	}
	return o.streams[number], nil
}

// write writes a line or a part of one; prefix is for the beginning of lines.
func (o *logOutput) write(number byte, prefix, text []byte) error {
	w, err := o.stream(number)
	if err != nil {
		return err
	}
	if !o.open[number] {
		if _, err := w.Write(prefix); err != nil {
			return err
		}
	}
	o.open[number] = !bytes.HasSuffix(text, []byte("\n"))
	_, err = w.Write(text)
	return err
}

func (o *logOutput) flush() error {
	return errors.Join(o.streams[1].Flush(), o.streams[2].Flush())
}
