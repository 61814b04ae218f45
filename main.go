// Dockless is docker's command line for people without root and without a
// daemon: it drives rootless Podman.
package main

import (
	"context"
	"os"

	"dockless/commands"
	"dockless/config/prelude"

	"github.com/containers/storage/pkg/reexec"
)

func main() {
	prelude.Undo()
	if reexec.Init() {
		return // a helper of containers/storage, under its own argv[0]
	}
	os.Exit(commands.Main(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
}
