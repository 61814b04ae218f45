package commands

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"dockless/bindings/engine"

	"github.com/urfave/cli/v2"
)

type logsOptions struct {
	details, follow, timestamps bool
	since, tail, until          string
}

func logsCommand(env *Env) *cli.Command {
	o := &logsOptions{tail: "all"}
	return &cli.Command{
		Name:      "logs",
		Usage:     "Fetch the logs of a container",
		ArgsUsage: "CONTAINER",
		Flags: []cli.Flag{
			boolean(&o.details, "details", "", "Show extra details provided to logs"),
			boolean(&o.follow, "follow", "f", "Follow log output"),
			str(&o.since, "since", "", `Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)`),
			str(&o.tail, "tail", "n", "Number of lines to show from the end of the logs"),
			boolean(&o.timestamps, "timestamps", "t", "Show timestamps"),
			str(&o.until, "until", "", `Show logs before a timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)`),
		},
		Action: arguments(1, 1, func(ctx context.Context, args []string) error {
			return logs(ctx, env, o, args[0])
		}),
	}
}

func logs(ctx context.Context, env *Env, o *logsOptions, name string) error {
	query, err := o.query(time.Now())
	if err != nil {
		return err
	}
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	response, err := engine.Open(conn, http.MethodGet, engine.Libpod+"/containers/"+url.PathEscape(name)+"/logs", query, nil)
	if err != nil {
		return logsError(name, err)
	}
	defer response.Body.Close()
	var prefix func(line []byte) []byte
	if o.details || o.timestamps {
		prefix = o.prefix
	}
	if err := splitLogs(response.Body, env.Out, env.Err, prefix); err != nil {
		return fmt.Errorf("reading the logs of %s: %w", name, err)
	}
	return nil
}

func (o *logsOptions) query(now time.Time) (url.Values, error) {
	query := url.Values{
		"stdout": {"true"}, "stderr": {"true"},
		"follow":     {strconv.FormatBool(o.follow)},
		"timestamps": {strconv.FormatBool(o.timestamps)},
	}
	for key, value := range map[string]string{"since": o.since, "until": o.until} {
		if value == "" {
			continue
		}
		at, err := timestamp(value, now)
		if err != nil {
			return nil, fmt.Errorf("invalid value for %q: %w", key, err)
		}
		query.Set(key, at.UTC().Format(time.RFC3339Nano))
	}
	// As in docker, what is no number of lines means all of them. Podman makes
	// room for as many lines as it is asked for, whatever there is.
	const most = 10_000_000
	if lines, err := strconv.Atoi(o.tail); err == nil && lines >= 0 && lines <= most {
		query.Set("tail", strconv.Itoa(lines))
	}
	return query, nil
}

func logsError(name string, err error) error {
	if strings.Contains(err.Error(), "this container is not logging output") {
		return errors.New("configured logging driver does not support reading")
	}
	return containerError(name, err)
}

// prefix gives a line docker's time (UTC, nine digits) for Podman's. The time
// is as exact as the server tells it: servers before 5 send whole seconds.
// --details has nothing to add but docker's blank: Podman keeps no log options
// of docker's (labels, env).
func (o *logsOptions) prefix(line []byte) []byte {
	var start []byte
	if o.timestamps {
		stamp, rest, _ := bytes.Cut(line, []byte(" "))
		if at, err := time.Parse(time.RFC3339Nano, string(stamp)); err == nil {
			start = append(at.UTC().AppendFormat(nil, fixedNano), ' ')
			line = rest
		}
	}
	if o.details {
		start = append(start, ' ')
	}
	return append(start, line...)
}

// fixedNano is docker's form of times: RFC 3339 with all nine digits.
const fixedNano = "2006-01-02T15:04:05.000000000Z07:00"

// splitLogs copies a stream of frames to where each belongs. A frame is the
// number of the stream, three zeros, its length in four bytes and so many bytes.
// Source: https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach
func splitLogs(stream io.Reader, out, errOut io.Writer, prefix func([]byte) []byte) error {
	in := bufio.NewReaderSize(stream, 64<<10)
	outputs := map[byte]*bufio.Writer{1: bufio.NewWriterSize(out, 64<<10), 2: bufio.NewWriterSize(errOut, 64<<10)}
	flush := func() error { return errors.Join(outputs[1].Flush(), outputs[2].Flush()) }
	var header [8]byte
	var last byte
	for {
		if in.Buffered() == 0 { // the next read may wait: show what is there
			if err := flush(); err != nil {
				return err
			}
		}
		if _, err := io.ReadFull(in, header[:]); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return errors.Join(err, flush())
		}
		output := outputs[header[0]]
		if output == nil {
			return errors.Join(fmt.Errorf("frame of an unknown stream %d", header[0]), flush())
		}
		if last != header[0] { // keep the order of the two where they end in one file
			if err := flush(); err != nil {
				return err
			}
			last = header[0]
		}
		if err := copyFrame(output, in, int64(binary.BigEndian.Uint32(header[4:])), prefix); err != nil {
			return errors.Join(err, flush())
		}
	}
}

func copyFrame(output io.Writer, in io.Reader, size int64, prefix func([]byte) []byte) error {
	if prefix == nil {
		_, err := io.CopyN(output, in, size)
		return err
	}
	line, err := io.ReadAll(io.LimitReader(in, size))
	if err != nil {
		return err
	}
	if int64(len(line)) < size {
		return io.ErrUnexpectedEOF
	}
	_, err = output.Write(prefix(line))
	return err
}
