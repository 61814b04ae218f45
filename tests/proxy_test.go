package tests

import (
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// proxy NAME [-auth USER:PASSWORD] [-to HOST:PORT=ADDRESS]...: starts an HTTP proxy until the script ends, and puts its
// HOST:PORT into $NAME. It knows the way to the names given and to nothing else. What is asked of it is in
// $WORK/NAME.log, a line a request: method, HOST:PORT, status, who asks (USER:PASSWORD or -).
func startProxy(ts *testscript.TestScript, neg bool, args []string) {
	const usage = "usage: proxy NAME [-auth USER:PASSWORD] [-to HOST:PORT=ADDRESS]..."
	if neg || len(args) == 0 {
		ts.Fatalf(usage)
	}
	p := &proxy{ways: map[string]string{}}
	flags := flag.NewFlagSet("proxy", flag.ContinueOnError)
	flags.StringVar(&p.account, "auth", "", "asks for this name and password")
	flags.Func("to", "", func(way string) error {
		from, to, _ := strings.Cut(way, "=")
		p.ways[from] = to
		return nil
	})
	ts.Check(flags.Parse(args[1:]))
	if flags.NArg() > 0 {
		ts.Fatalf(usage)
	}
	var err error
	p.log, err = os.Create(ts.MkAbs(args[0] + ".log"))
	ts.Check(err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(args[0], listener.Addr().String())
	server := &http.Server{Handler: p, ErrorLog: quiet}
	go server.Serve(listener) //nolint:errcheck // until Close
	ts.Defer(func() {
		server.Close()
		p.log.Close()
	})
}

// proxy sends a few names where it was told to.
type proxy struct {
	account string            // empty: for everybody
	ways    map[string]string // HOST:PORT as asked for → where it is

	lock sync.Mutex
	log  *os.File
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	who := "-"
	if text, basic := strings.CutPrefix(r.Header.Get("Proxy-Authorization"), "Basic "); basic {
		if account, err := base64.StdEncoding.DecodeString(text); err == nil {
			who = string(account)
		}
	}
	name := r.Host
	if r.Method != http.MethodConnect && !strings.Contains(name, ":") {
		name += ":80"
	}
	way := p.ways[name]
	switch {
	case p.account != "" && who != p.account:
		w.Header().Set("Proxy-Authenticate", `Basic realm="tests"`)
		p.note(r, name, http.StatusProxyAuthRequired, who)
		w.WriteHeader(http.StatusProxyAuthRequired)
	case way == "":
		p.note(r, name, http.StatusBadGateway, who)
		w.WriteHeader(http.StatusBadGateway)
	case r.Method == http.MethodConnect:
		p.note(r, name, http.StatusOK, who)
		connect(w, way)
	default:
		p.note(r, name, http.StatusOK, who)
		(&httputil.ReverseProxy{ErrorLog: quiet, Rewrite: func(forward *httputil.ProxyRequest) {
			forward.Out.Host, forward.Out.URL.Host = r.Host, way
		}}).ServeHTTP(w, r)
	}
}

func (p *proxy) note(r *http.Request, name string, status int, who string) {
	p.lock.Lock()
	defer p.lock.Unlock()
	fmt.Fprintln(p.log, r.Method, name, status, who)
}

// connect joins the client's connection with one to the address.
func connect(w http.ResponseWriter, address string) {
	there, err := net.Dial("tcp", address)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer there.Close()
	here, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer here.Close()
	if _, err := io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	ended := make(chan struct{}, 2)
	go func() {
		_, _ = io.Copy(there, buffered)
		ended <- struct{}{}
	}()
	go func() {
		_, _ = io.Copy(here, there)
		ended <- struct{}{}
	}()
	<-ended
}
