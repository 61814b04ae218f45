package commands

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"dockless/config"

	"github.com/sirupsen/logrus"
	"github.com/urfave/cli/v2"
)

// globals are the flags that stand before the command.
// Source: https://docs.docker.com/reference/cli/docker/
type globals struct {
	context, logLevel string
	debug, version    bool
	tls, tlsVerify    bool
	ca, cert, key     string
}

func (g *globals) flags(env *Env) []cli.Flag {
	return []cli.Flag{
		boolean(&env.Where.AllowRoot, "allow-root", "", "Run as root all the same, with root's own images and containers"),
		str(&env.DockerConfig, "config", "", `Location of client config files (default "~/.docker")`),
		str(&g.context, "context", "c", `Name of the context to use to connect to the daemon (overrides DOCKER_HOST env var and default context set with "docker context use")`),
		boolean(&g.debug, "debug", "D", "Enable debug mode"),
		value((*stringList)(&env.Where.Hosts), "host", "H", "Daemon socket to connect to"),
		str(&g.logLevel, "log-level", "l", `Set the logging level ("debug", "info", "warn", "error", "fatal")`),
		hidden(boolean(&g.tls, "tls", "", "Use TLS; implied by --tlsverify")),
		hidden(str(&g.ca, "tlscacert", "", "Trust certs signed only by this CA")),
		hidden(str(&g.cert, "tlscert", "", "Path to TLS certificate file")),
		hidden(str(&g.key, "tlskey", "", "Path to TLS key file")),
		hidden(boolean(&g.tlsVerify, "tlsverify", "", "Use TLS and verify the remote")),
		boolean(&g.version, "version", "v", "Print version information and quit"),
	}
}

// apply does what the flags say, before the command starts.
func (g *globals) apply(env *Env) error {
	if g.tls || g.tlsVerify || g.ca != "" || g.cert != "" || g.key != "" {
		return errors.New("TLS options are for an engine behind TCP, and this one listens on a socket of your own: leave them out")
	}
	level := logrus.ErrorLevel
	if g.debug {
		level = logrus.DebugLevel
	}
	if g.logLevel != "" {
		var err error
		if level, err = logrus.ParseLevel(g.logLevel); err != nil {
			return fmt.Errorf("Unable to parse logging level: %s", g.logLevel)
		}
	}
	logrus.SetLevel(level)
	logrus.SetFormatter(plainLog{env.Program})
	logrus.SetOutput(env.Err)
	return g.useContext(env)
}

// useContext makes the named context's socket the engine's. The context that
// docker's config.json has chosen is not asked: it names Docker's own daemon.
func (g *globals) useContext(env *Env) error {
	name := g.context
	if name != "" && len(env.Where.Hosts) > 0 {
		return errors.New("conflicting options: cannot specify both --host and --context")
	}
	if name == "" && len(env.Where.Hosts) == 0 && os.Getenv("DOCKER_HOST") == "" {
		name = os.Getenv("DOCKER_CONTEXT")
	}
	if name == "" || name == "default" {
		return nil
	}
	host, err := config.ContextHost(env.DockerConfig, name)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(host, "unix://") {
		return fmt.Errorf("context %q leads to %s, and only sockets (unix://) can be reached; leave the context out, or name a socket with -H", name, host)
	}
	env.Where.Hosts = []string{host}
	return nil
}

// plainLog writes what the libraries log as lines of our own.
type plainLog struct{ program string }

// Format leaves out what containers/storage logs when a signal ends the second
// process of store.Enter: the person who pressed Ctrl-C knows, and so does the
// end of a pipe. Of SIGKILL nobody may know.
func (p plainLog) Format(entry *logrus.Entry) ([]byte, error) {
	if entry.Message == "signal: killed" {
		return fmt.Appendf(nil, "%s: the process that works on the images was killed, perhaps because memory ran out\n", p.program), nil
	}
	if strings.HasPrefix(entry.Message, "signal: ") || entry.Message == "(Unable to determine exit status)" {
		return nil, nil
	}
	return fmt.Appendf(nil, "%s: %s: %s\n", p.program, entry.Level, oneLine(entry.Message)), nil
}
