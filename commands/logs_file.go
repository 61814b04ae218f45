package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"dockless/bindings/engine"
)

// copyFile shows a log file, and what is added to it until over delivers.
func (o *logsOptions) copyFile(ctx context.Context, file *engine.LogFile, period logPeriod, output *logOutput, over <-chan error) error {
	const pause = 50 * time.Millisecond
	if n, all := o.lines(); !all {
		if err := file.Tail(n); err != nil {
			return fmt.Errorf("reading the log's last lines: %w", err)
		}
	}
	var ended error
	for last := false; ; {
		finished, err := o.copyRecords(file, period, output)
		if err = errors.Join(err, output.flush()); err != nil || finished {
			return err
		}
		if last {
			return ended
		}
		select {
		case ended = <-over:
			last = true
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
			if err := file.Reopen(); err != nil {
				return fmt.Errorf("following the log: %w", err)
			}
		}
	}
}

// copyRecords shows what the file has for now, and tells whether the period is
// over.
func (o *logsOptions) copyRecords(file *engine.LogFile, period logPeriod, output *logOutput) (finished bool, err error) {
	for {
		record, err := file.Next()
		if errors.Is(err, io.EOF) {
			return !period.until.IsZero() && time.Now().After(period.until), nil
		}
		if err != nil {
			return false, err
		}
		var at time.Time
		if o.timestamps || period != (logPeriod{}) {
			if at, err = record.Time(); err != nil {
				return false, err
			}
			if at.Before(period.since) {
				continue
			}
			if !period.until.IsZero() && at.After(period.until) {
				return true, nil
			}
		}
		if err := output.write(record.Stream, o.prefix(at), record.Text); err != nil {
			return false, err
		}
	}
}
