package engine

import (
	"context"
	"net/url"

	"github.com/containers/podman/v4/pkg/api/handlers"
)

// StartExec starts an exec session and joins its streams. Rows and columns, if
// not 0, are the size of its terminal; a quick command may ask for it before
// conmon has set it. What keeps the command from running is not the error here:
// Podman writes it into the stream.
func StartExec(ctx context.Context, session string, tty bool, rows, columns int) (Stream, error) {
	return upgrade(ctx, Libpod+"/exec/"+url.PathEscape(session)+"/start", nil, handlers.ExecStartConfig{
		Tty:    tty,
		Height: uint16(rows),
		Width:  uint16(columns),
	})
}
