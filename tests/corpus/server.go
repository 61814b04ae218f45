package corpus

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"net"
	"net/http"
	"time"
)

// Serve answers on loopback with the files that cases ADD: /hello.txt, changed at fixedTime, /undated.txt, /data.tar.gz.
// It returns the address to put names behind, and what ends it.
func Serve() (url string, stop func() error, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	archive, err := webArchive()
	if err != nil {
		return "", nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/hello.txt", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Unix(fixedTime, 0), bytes.NewReader([]byte("hello\n")))
	})
	mux.HandleFunc("/undated.txt", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader([]byte("undated\n")))
	})
	mux.HandleFunc("/data.tar.gz", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Unix(fixedTime, 0), bytes.NewReader(archive))
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	return "http://" + l.Addr().String(), server.Close, nil
}

// webArchive is data.tar.gz, which holds one file.
func webArchive() ([]byte, error) {
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	w := tar.NewWriter(zip)
	content := []byte("from an archive\n")
	err := w.WriteHeader(&tar.Header{Name: "data/file", Mode: 0o640, Uid: 3, Gid: 4, Size: int64(len(content)), ModTime: time.Unix(fixedTime, 0)})
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
