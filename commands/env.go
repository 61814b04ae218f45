package commands

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	"dockless/bindings/engine"
	"dockless/bindings/store"
	"dockless/config"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/sirupsen/logrus"
	"golang.org/x/term"
)

// Env is all of the outside that a command may touch.
type Env struct {
	In       *os.File
	Out, Err io.Writer
	// Program is how the person calls us, "dockless" or "docker"; it stands in
	// usage lines and before errors.
	Program string
	// Where says which engine to reach; the program's global flags fill it.
	Where engine.Options
	// DockerConfig is the directory of config.json; empty: DOCKER_CONFIG or ~/.docker.
	DockerConfig string

	connect    sync.Once
	connection context.Context
	connectErr error

	readConfig   sync.Once
	dockerConfig *configfile.ConfigFile
}

// Engine returns a context that carries a connection to Podman's API, for the
// packages below github.com/containers/podman/v4/pkg/bindings. The first call
// finds or starts the service.
func (e *Env) Engine(ctx context.Context) (context.Context, error) {
	e.connect.Do(func() {
		if e.connectErr = config.EnsureStorageConf(); e.connectErr != nil {
			return
		}
		e.Where.Idle = config.IdleTimeout
		e.connection, e.connectErr = engine.Connect(ctx, e.Where)
	})
	return e.connection, e.connectErr
}

// Store enters the user namespace of the person's images, see store.Enter, and
// opens their store: what a command does before this call is done twice.
func (e *Env) Store() (*store.Store, error) {
	if !store.Entered() {
		if err := e.Where.StoreReady(); err != nil {
			return nil, err
		}
		if err := config.EnsureStorageConf(); err != nil {
			return nil, err
		}
	}
	store.Enter()
	quietLibraries()
	return store.Open()
}

// quietLibraries keeps containers/image from logging the errors that it returns,
// too, unless the person wants to see everything.
func quietLibraries() {
	if !logrus.IsLevelEnabled(logrus.WarnLevel) {
		logrus.SetLevel(logrus.FatalLevel)
	}
}

// DockerConfigFile returns Docker's config.json, read at the first call and
// never nil. A file that is broken is worth a warning, as Docker's own, and no
// more.
func (e *Env) DockerConfigFile() *configfile.ConfigFile {
	e.readConfig.Do(func() {
		dir, err := config.DockerDir(e.DockerConfig)
		if err == nil {
			e.dockerConfig, err = config.ReadDocker(dir)
		}
		if err != nil {
			fmt.Fprintf(e.Err, "WARNING: Error %s\n", oneLine(err.Error()))
		}
		if e.dockerConfig == nil {
			e.dockerConfig = configfile.New("")
		}
	})
	return e.dockerConfig
}

// terminal returns the file descriptor behind a stream and whether that is a
// terminal.
func terminal(stream any) (fd int, is bool) {
	f, ok := stream.(*os.File)
	if !ok || f == nil {
		return -1, false
	}
	return int(f.Fd()), term.IsTerminal(int(f.Fd()))
}
