package tests

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/bcrypt"
)

// registries are what a script has started.
type registries struct {
	fronts map[string]*front // by the script's names
	ca     *ca               // nil: not needed yet
}

func registriesOf(ts *testscript.TestScript) *registries { return ts.Value("registries").(*registries) }

// registry NAME [-tls] [-auth USER:PASSWORD] [-token USER:PASSWORD] [-mirror URL] [-far] [-index FILE]
// [-fault FAULT]...: starts
// Debian's docker-registry until the script ends, and puts its HOST:PORT into $NAME. What is asked of it is in
// $WORK/NAME.log, a line a request: method, path, status, who asks (Basic:USER:PASSWORD, Bearer or -) and the range.
func startRegistry(ts *testscript.TestScript, neg bool, args []string) {
	const usage = "usage: registry NAME [-tls] [-auth USER:PASSWORD] [-token USER:PASSWORD] [-mirror URL] [-far] [-index FILE] [-fault FAULT]..."
	if neg || len(args) == 0 {
		ts.Fatalf(usage)
	}
	name := args[0]
	f := &front{socket: filepath.Join(ts.Getenv("XDG_RUNTIME_DIR"), name+".sock")}
	flags := flag.NewFlagSet("registry", flag.ContinueOnError)
	secure := flags.Bool("tls", false, "by a certificate of $WORK/ca.crt")
	basic := flags.String("auth", "", "asks for this name and password")
	token := flags.String("token", "", "asks for a token, which this name and password get")
	mirror := flags.String("mirror", "", "fetches what it has not from this registry")
	far := flags.Bool("far", false, "not on loopback")
	flags.Func("index", "answers searches with this file", func(file string) error {
		f.index = ts.ReadFile(file)
		return nil
	})
	flags.Func("fault", "", f.addFault)
	ts.Check(flags.Parse(args[1:]))
	if flags.NArg() > 0 {
		ts.Fatalf(usage)
	}
	address := "127.0.0.1:0"
	if *far {
		address = farAddress(ts) + ":0"
	}
	listener, err := net.Listen("tcp", address)
	ts.Check(err)
	host, scheme := listener.Addr().String(), "http"
	ts.Setenv(name, host)
	if *secure {
		certificate, err := theirCA(ts).issue(host)
		ts.Check(err)
		listener, scheme = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}}), "https"
	}
	f.log, err = os.Create(ts.MkAbs(name + ".log"))
	ts.Check(err)
	settings := "version: 0.1\nlog: {level: error}\n" +
		"storage: {filesystem: {rootdirectory: " + ts.MkAbs("registry-"+name) + "}, delete: {enabled: true}}\n" +
		"http: {net: unix, addr: " + f.socket + "}\n"
	if *mirror != "" {
		settings += "proxy: {remoteurl: " + *mirror + "}\n"
	}
	if *basic != "" {
		user, password, _ := strings.Cut(*basic, ":")
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		ts.Check(err)
		file := ts.MkAbs(name + ".htpasswd")
		ts.Check(os.WriteFile(file, fmt.Appendf(nil, "%s:%s\n", user, hash), 0o600))
		settings += "auth: {htpasswd: {realm: " + name + ", path: " + file + "}}\n"
	}
	if *token != "" {
		f.tokens, err = newTokens(*token)
		ts.Check(err)
		bundle := ts.MkAbs(name + ".tokens.crt")
		ts.Check(os.WriteFile(bundle, f.tokens.bundle(), 0o644))
		settings += "auth: {token: {realm: " + scheme + "://" + host + tokenPath + ", service: " + name + ", issuer: tests, rootcertbundle: " + bundle + "}}\n"
	}
	runRegistry(ts, name, f.socket, settings)
	registriesOf(ts).fronts[name] = f
	server := &http.Server{Handler: f, ErrorLog: quiet}
	go server.Serve(listener) //nolint:errcheck // until Close
	ts.Defer(func() {
		server.Close()
		f.log.Close()
	})
}

// runRegistry starts docker-registry itself and waits for its socket.
func runRegistry(ts *testscript.TestScript, name, socket, settings string) {
	file := ts.MkAbs(name + ".yml")
	ts.Check(os.WriteFile(file, []byte(settings), 0o600))
	output, err := os.Create(ts.MkAbs(name + ".out"))
	ts.Check(err)
	defer output.Close()
	cmd := exec.Command("docker-registry", "serve", file)
	cmd.Env = []string{"PATH=" + here.path, "HOME=" + ts.Getenv("HOME"), "XDG_RUNTIME_DIR=" + ts.Getenv("XDG_RUNTIME_DIR"), "OTEL_TRACES_EXPORTER=none"}
	cmd.Stdout, cmd.Stderr = output, output
	ts.Check(cmd.Start())
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	ts.Defer(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	for deadline := time.Now().Add(retryLimit); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-ended:
			ts.Fatalf("docker-registry ended:\n%s", ts.ReadFile(name+".out"))
		default:
		}
		if time.Now().After(deadline) {
			ts.Fatalf("docker-registry does not start: %v\n%s", err, ts.ReadFile(name+".out"))
		}
	}
}

// fault NAME [FAULT]...: the registry has these faults from now on, and no others.
func setFaults(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || registriesOf(ts).fronts[args[0]] == nil {
		ts.Fatalf("usage: fault NAME [FAULT]..., of a registry NAME")
	}
	f := registriesOf(ts).fronts[args[0]]
	f.lock.Lock()
	f.faults = nil
	f.lock.Unlock()
	for _, fault := range args[1:] {
		ts.Check(f.addFault(fault))
	}
}

// farAddress is this host's address that is not loopback.
func farAddress(ts *testscript.TestScript) string {
	addresses, err := net.InterfaceAddrs()
	ts.Check(err)
	for _, address := range addresses {
		if network, ok := address.(*net.IPNet); ok && !network.IP.IsLoopback() && network.IP.To4() != nil {
			return network.IP.String()
		}
	}
	ts.Fatalf("this host has only loopback")
	return ""
}

// unixTransport reaches a real registry behind its front.
func unixTransport(socket string) *http.Transport {
	return &http.Transport{
		DisableCompression: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}
}

// drain reads what is left of a request, so that its sender reads the answer.
func drain(r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
}
