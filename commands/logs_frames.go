package commands

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"dockless/bindings/engine"
)

// copyFrames shows a log that the server reads. It is as exact about times as
// the server is: whole seconds.
func (o *logsOptions) copyFrames(conn context.Context, id string, period logPeriod, output *logOutput) error {
	query := url.Values{
		"stdout": {"true"}, "stderr": {"true"},
		"follow":     {strconv.FormatBool(o.follow)},
		"timestamps": {strconv.FormatBool(o.timestamps)},
	}
	for key, at := range map[string]time.Time{"since": period.since, "until": period.until} {
		if !at.IsZero() {
			query.Set(key, at.UTC().Format(time.RFC3339Nano))
		}
	}
	const most = 10_000_000 // Podman makes room for as many lines as it is asked for, whatever there is
	if n, all := o.lines(); !all && n <= most {
		query.Set("tail", strconv.Itoa(n))
	}
	response, err := engine.Open(conn, http.MethodGet, engine.Libpod+"/containers/"+id+"/logs", query, nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return splitFrames(response.Body, output, func(stream byte, frame io.Reader) error {
		text, err := io.ReadAll(frame)
		if err != nil {
			return err
		}
		var at time.Time
		if o.timestamps {
			stamp, rest, _ := bytes.Cut(text, []byte(" "))
			if at, err = time.Parse(time.RFC3339Nano, string(stamp)); err != nil {
				return err
			}
			text = rest
		}
		return output.write(stream, o.prefix(at), text)
	})
}

// splitFrames copies Podman's stream of frames. A frame is the number of the
// stream, three zeros, its length in four bytes, and so many bytes.
// Source: https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach
func splitFrames(from io.Reader, output *logOutput, line func(stream byte, frame io.Reader) error) error {
	in := bufio.NewReaderSize(from, 64<<10)
	var header [8]byte
	for {
		if in.Buffered() == 0 { // the next read may wait: show what is there
			if err := output.flush(); err != nil {
				return err
			}
		}
		if _, err := io.ReadFull(in, header[:]); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return errors.Join(err, output.flush())
		}
		frame := &io.LimitedReader{R: in, N: int64(binary.BigEndian.Uint32(header[4:]))}
		err := line(header[0], frame)
		if err == nil && frame.N > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return errors.Join(err, output.flush())
		}
	}
}
