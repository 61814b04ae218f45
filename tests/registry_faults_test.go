package tests

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// quiet takes what Go's servers say of connections that were cut on purpose.
var quiet = log.New(io.Discard, "", 0)

// front stands between a script's commands and a real registry: it keeps the log, and has the faults.
type front struct {
	socket string // the registry's
	log    *os.File
	tokens *tokens // nil: none
	index  string  // what searches find; empty: there is no index

	lock   sync.Mutex
	faults []*fault
}

// fault is one way in which a registry can misbehave. In a script, KIND[=NUMBER][:TIMES][@REGEXP]:
//
//	cut=BYTES     the connection ends after so many bytes of a blob
//	stall=BYTES   nothing more comes after so many bytes of a blob
//	trickle=BYTES one byte comes every tenth of a second after so many bytes of a blob
//	wrong=BYTE    that byte of a blob is another one
//	busy=SECONDS  429, with Retry-After; an empty number: without
//	status=CODE   that status, with nothing to read
//
// TIMES says how often, always without. REGEXP chooses requests by "METHOD PATH": without it, busy and status take all
// that are about a repository, the others GET of a blob. With a PUT or PATCH, cut and stall count the bytes that come.
type fault struct {
	kind     string
	number   int64 // -1: none
	left     int   // -1: always
	requests *regexp.Regexp
}

// inBody are the faults of what comes or goes.
var inBody = []string{"cut", "stall", "trickle", "wrong"}

func (f *front) addFault(text string) error {
	words, where, chosen := strings.Cut(text, "@")
	words, times, limited := strings.Cut(words, ":")
	kind, number, counted := strings.Cut(words, "=")
	added := &fault{kind: kind, number: -1, left: -1}
	var err error
	if counted && number != "" {
		if added.number, err = strconv.ParseInt(number, 10, 64); err != nil {
			return err
		}
	}
	if limited {
		if added.left, err = strconv.Atoi(times); err != nil {
			return err
		}
	}
	switch kind {
	case inBody[0], inBody[1], inBody[2], inBody[3]:
		added.requests = regexp.MustCompile("^GET /v2/.*/blobs/sha256:")
	case "busy", "status":
		added.requests = regexp.MustCompile("^[A-Z]+ /v2/.")
	default:
		return fmt.Errorf("no fault %q: cut, stall, trickle, wrong, busy or status", kind)
	}
	if chosen {
		if added.requests, err = regexp.Compile(where); err != nil {
			return err
		}
	}
	f.lock.Lock()
	defer f.lock.Unlock()
	f.faults = append(f.faults, added)
	return nil
}

// fault returns the one of these kinds that this request meets, if any, and counts it. size is that of the blob that
// comes or goes, -1 if unknown: one that ends before the fault does not meet it.
func (f *front) fault(r *http.Request, size int64, kinds ...string) *fault {
	f.lock.Lock()
	defer f.lock.Unlock()
	for _, fault := range f.faults {
		if fault.left != 0 && slices.Contains(kinds, fault.kind) && fault.requests.MatchString(r.Method+" "+r.URL.Path) &&
			(size < 0 || size > fault.number) {
			fault.left = max(fault.left-1, -1)
			return fault
		}
	}
	return nil
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.tokens != nil && r.URL.Path == tokenPath {
		f.note(r, f.tokens.answer(w, r))
		return
	}
	if f.index != "" && r.URL.Path == "/v1/search" {
		f.note(r, http.StatusOK)
		_, _ = io.WriteString(w, f.index)
		return
	}
	if fault := f.fault(r, -1, "busy", "status"); fault != nil {
		status := int(fault.number)
		if fault.kind == "busy" {
			status = http.StatusTooManyRequests
			if fault.number >= 0 {
				w.Header().Set("Retry-After", strconv.FormatInt(fault.number, 10))
			}
		}
		drain(r)
		f.note(r, status)
		w.WriteHeader(status)
		return
	}
	if r.Method != http.MethodGet {
		if fault := f.fault(r, r.ContentLength, inBody...); fault != nil {
			r.Body = io.NopCloser(fault.spoil(r.Body, r))
		}
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetXForwarded()
			p.Out.Host = r.Host
			p.Out.URL.Scheme, p.Out.URL.Host = "http", "registry"
		},
		Transport:     unixTransport(f.socket),
		ErrorLog:      quiet,
		FlushInterval: -1,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, _ error) {
			f.note(r, http.StatusBadGateway)
			panic(http.ErrAbortHandler) // the connection ends
		},
		ModifyResponse: func(answer *http.Response) error {
			f.note(r, answer.StatusCode)
			if r.Method == http.MethodGet && answer.StatusCode < 300 {
				if fault := f.fault(r, answer.ContentLength, inBody...); fault != nil {
					answer.Body = io.NopCloser(fault.spoil(answer.Body, r))
				}
			}
			return nil
		},
	}
	proxy.ServeHTTP(w, r)
}

// note writes a request into the log, before the answer's body goes out.
func (f *front) note(r *http.Request, status int) {
	who := "-"
	if user, password, ok := r.BasicAuth(); ok {
		who = "Basic:" + user + ":" + password
	} else if kind, _, found := strings.Cut(r.Header.Get("Authorization"), " "); found {
		who = kind
	}
	f.lock.Lock()
	defer f.lock.Unlock()
	fmt.Fprintln(f.log, strings.TrimSpace(strings.Join([]string{r.Method, r.URL.RequestURI(), strconv.Itoa(status), who, r.Header.Get("Range")}, " ")))
}

var errCut = errors.New("cut on purpose")

// spoil is body with the fault in it.
func (f *fault) spoil(body io.Reader, r *http.Request) io.Reader {
	switch f.kind {
	case "cut":
		return io.MultiReader(io.LimitReader(body, f.number), failing(func() error { return errCut }))
	case "stall":
		return io.MultiReader(io.LimitReader(body, f.number), failing(func() error {
			<-r.Context().Done() // the other side has gone
			return errCut
		}))
	}
	if f.kind == "trickle" {
		return io.MultiReader(io.LimitReader(body, f.number), trickling{body, r})
	}
	return io.MultiReader(io.LimitReader(body, f.number), flipped{io.LimitReader(body, 1)}, body)
}

// failing reads as what its error says.
type failing func() error

func (f failing) Read([]byte) (int, error) { return 0, f() }

// trickling reads a byte at a time, as long as somebody waits for it.
type trickling struct {
	io.Reader
	request *http.Request
}

func (t trickling) Read(p []byte) (int, error) {
	select {
	case <-t.request.Context().Done():
		return 0, errCut
	case <-time.After(100 * time.Millisecond):
		return t.Reader.Read(p[:min(1, len(p))])
	}
}

// flipped reads every byte as another one.
type flipped struct{ io.Reader }

func (f flipped) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	for i := range p[:n] {
		p[i] ^= 0xff
	}
	return n, err
}
